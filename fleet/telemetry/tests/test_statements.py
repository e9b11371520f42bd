"""How many statements a call needs, however many items it has."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conftest import Clock
from fleet.telemetry.tests.conftest import Reporter, period, sample

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize("number", [1, 100])
def test_samples_are_stored_in_one_statement(till: Reporter, clock: Clock, number: int) -> None:
    batch = [sample(clock.at - minutes * MINUTE) for minutes in range(number)]
    with CaptureQueriesContext(connection) as queries:
        assert till.health(*batch)["accepted"] == number
    ours = [query["sql"] for query in queries if "telemetry_" in query["sql"]]
    # On SQLite: which are known, the samples, the marks.
    assert len(ours) == (1 if connection.vendor == "postgresql" else 3), ours


@pytest.mark.parametrize("number", [1, 100])
def test_periods_are_stored_in_three_statements(till: Reporter, clock: Clock, number: int) -> None:
    batch = [period(clock.at - minutes * MINUTE, 1, x=1) for minutes in range(1, number + 1)]
    with CaptureQueriesContext(connection) as queries:
        assert till.telemetry(*batch)["accepted"] == number
    ours = [query["sql"] for query in queries if "telemetry_" in query["sql"] or "advisory" in query["sql"]]
    # On PostgreSQL: the lock, what could overlap, the periods with their marks. On SQLite the marks have one of their own.
    assert len(ours) == 3, ours

"""The SQL of each strategy by which PostgreSQL finds a page in the order of triage, as it is sent."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import connection

from panel.sites.list import triage_postgresql
from sites.listing.query import SiteQuery
from sites.querysets import containing
from sites.status import SiteStatus, status_conditions
from sites.tests.sql_files import assert_same_sql

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="is about PostgreSQL's statements"),
    pytest.mark.django_db,
]

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
LATE = status_conditions(AT, pulse="")[SiteStatus.LATE]

CASES = {
    "sort_text_matches": (triage_postgresql.SORT_TEXT_MATCHES, SiteQuery(at=AT, on_text=containing("Roma"))),
    "sort_matches_of_both": (
        triage_postgresql.SORT_MATCHES_OF_BOTH,
        SiteQuery(at=AT, on_text=containing("Roma"), on_pulse=LATE),
    ),
    "sort_pulses": (triage_postgresql.SORT_PULSES, SiteQuery(at=AT, on_pulse=LATE)),
    "fill_from_groups": (triage_postgresql.FILL_FROM_GROUPS, SiteQuery(at=AT)),
    "fill_from_groups_of_pulses": (
        triage_postgresql.FILL_FROM_GROUPS,
        SiteQuery(at=AT, on_pulse=LATE, descending=True),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_sql_is_the_one_in_the_file(name: str) -> None:
    statement, query = CASES[name]
    sql = triage_postgresql.render(statement, query, slice(0, 50), at_most=triage_postgresql.SORT_AT_MOST)
    assert_same_sql(sql, Path(__file__).parent / "sql" / f"{name}.sql")

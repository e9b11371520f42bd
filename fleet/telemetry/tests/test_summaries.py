"""Health and telemetry of many devices together."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conftest import Clock
from fleet.telemetry.rollup import compute_marked_hours
from fleet.telemetry.services import Sample
from fleet.telemetry.summaries import Spread, health_of, newest_sample, telemetry_of
from fleet.telemetry.tests.conftest import NewReporter, Reporter, period, sample

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def test_the_newest_sample_of_each_device(till: Reporter, new_reporter: NewReporter, clock: Clock) -> None:
    second, silent = new_reporter("till-2"), new_reporter("till-3")
    moment = clock.at - timedelta(microseconds=1)
    till.health(sample(clock.at - DAY), sample(moment, cpu_usage_percent=33.3, temperature_celsius=-0.1))
    till.health(sample(clock.at - HOUR))
    second.health(sample(clock.at - 3 * DAY, disk_used_percent=99.99))
    with CaptureQueriesContext(connection) as queries:
        newest = newest_sample([till.id, second.id, silent.id])
    # SQLite is also asked once whether it has JSON.
    assert len([query for query in queries if "telemetry_" in query["sql"]]) == 1
    assert newest == {
        till.id: Sample(moment, 33.3, 512.0, 2048.0, -0.1, None),
        second.id: Sample(clock.at - 3 * DAY, 12.5, 512.0, 2048.0, None, 99.99),
    }
    assert newest_sample([]) == {}


@pytest.mark.parametrize("computed", ["nothing", "some", "all"])
def test_by_day_over_all_devices(new_reporter: NewReporter, clock: Clock, computed: str) -> None:
    devices = [new_reporter(f"till-{number}") for number in range(3)]
    yesterday = clock.at - DAY
    for number, device in enumerate(devices):
        device.health(
            sample(yesterday, cpu_usage_percent=10 * number), sample(clock.at - HOUR, temperature_celsius=number)
        )
        device.telemetry(
            period(yesterday, 60, total_orders=number), period(clock.at - 2 * HOUR, 30 * number + 30, load=number)
        )
    if computed != "nothing":
        compute_marked_hours(at=clock.at)
    if computed == "some":
        devices[0].health(sample(yesterday + timedelta(minutes=1), cpu_usage_percent=6))
        devices[0].telemetry(period(yesterday + HOUR, total_orders=10))
    ids = [device.id for device in devices]
    found = health_of(ids, since=clock.at.replace(hour=0) - DAY, until=clock.at)
    first, second = date(2026, 5, 31), date(2026, 6, 1)
    assert list(found) == [first, second]
    more = (1, 6) if computed == "some" else (0, 0)
    assert found[first]["cpu_usage_percent"] == Spread(3 + more[0], 0, 30 + more[1], 20)
    assert "temperature_celsius" not in found[first]
    assert found[second]["temperature_celsius"] == Spread(3, 0, 3, 2)
    assert found[second]["temperature_celsius"].mean == 1
    telemetry = telemetry_of(ids, since=clock.at.replace(hour=0) - DAY, until=clock.at)
    assert telemetry[first]["total_orders"].value == (13 if computed == "some" else 3)
    assert telemetry[second]["load"].value == (0 * 30 + 1 * 60 + 2 * 90) / 180
    assert list(health_of(ids[:1], since=clock.at - DAY, until=clock.at)) == [second], "days that begin in the span"
    assert health_of([], since=clock.at - DAY, until=clock.at) == {}


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has a statement for each marked hour")
def test_one_statement_for_any_number_of_devices(new_reporter: NewReporter, clock: Clock) -> None:
    ids = []
    for number in range(6):
        device = new_reporter(f"till-{number}")
        device.health(*(sample(clock.at - hours * HOUR) for hours in range(30)))
        ids.append(device.id)
    compute_marked_hours(at=clock.at - 5 * HOUR)
    for some in (ids[:1], ids):
        with CaptureQueriesContext(connection) as queries:
            health_of(some, since=clock.at - 2 * DAY, until=clock.at)
            telemetry_of(some, since=clock.at - 2 * DAY, until=clock.at)
        assert len(queries) == 2

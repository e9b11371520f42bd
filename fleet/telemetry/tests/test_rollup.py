"""Hours and days are computed from samples and periods, the marked ones when they are over."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conftest import Clock
from fleet.telemetry import rollup
from fleet.telemetry.models import HealthDay, HealthHour, HealthSample, MarkedHour, TelemetryDay, TelemetryHour
from fleet.telemetry.rollup import compute_marked_hours
from fleet.telemetry.tests.conftest import NewReporter, Reporter, period, sample

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def test_an_hour_has_least_sum_greatest_and_the_number_of_samples(till: Reporter, clock: Clock) -> None:
    start = clock.at - HOUR
    till.health(
        sample(start, cpu_usage_percent=10, temperature_celsius=-1.5),
        sample(start + timedelta(minutes=59, seconds=59), cpu_usage_percent=40, memory_used_mb=600),
        sample(start - timedelta(seconds=1), cpu_usage_percent=99),
        sample(clock.at, cpu_usage_percent=99),
    )
    assert compute_marked_hours(at=clock.at) == {"health_hours": 2}
    hour = HealthHour.objects.get(at=start)
    assert (hour.device_id, hour.samples) == (till.id, 2)
    assert (hour.cpu_usage_percent_min, hour.cpu_usage_percent_sum, hour.cpu_usage_percent_max) == (10, 50, 40)
    assert (hour.memory_used_mb_min, hour.memory_used_mb_sum, hour.memory_used_mb_max) == (512, 1112, 600)
    assert (hour.temperature_celsius_samples, hour.temperature_celsius_sum) == (1, -1.5)
    assert (hour.disk_used_percent_samples, hour.disk_used_percent_sum, hour.disk_used_percent_max) == (0, None, None)
    day = HealthDay.objects.get()
    assert (day.at, day.samples, day.cpu_usage_percent_sum) == (clock.at.replace(hour=0), 3, 149)


def test_an_hour_that_is_not_over_waits(till: Reporter, clock: Clock) -> None:
    till.health(sample(clock.at))
    for minutes in (0, 59):
        assert compute_marked_hours(at=clock.at + timedelta(minutes=minutes)) is None
    assert compute_marked_hours(at=clock.at + HOUR) == {"health_hours": 1}
    assert compute_marked_hours(at=clock.at + HOUR) is None
    assert not MarkedHour.objects.exists()


def test_a_late_sample_makes_its_hour_and_day_new(till: Reporter, clock: Clock) -> None:
    start = clock.at - 2 * HOUR
    till.health(sample(start, cpu_usage_percent=10), sample(start - timedelta(days=1), cpu_usage_percent=70))
    compute_marked_hours(at=clock.at)
    till.health(sample(start + timedelta(minutes=5), cpu_usage_percent=90))
    assert HealthHour.objects.get(at=start).samples == 1
    assert compute_marked_hours(at=clock.at) == {"health_hours": 1}
    assert HealthHour.objects.get(at=start).cpu_usage_percent_max == 90
    assert list(HealthDay.objects.order_by("at").values_list("samples", "cpu_usage_percent_sum")) == [(1, 70), (2, 100)]


def test_totals_add_up_and_averages_are_weighted_by_time(till: Reporter, clock: Clock) -> None:
    start = clock.at - 2 * HOUR
    till.telemetry(
        period(start, 10, total_orders=3, average_latency=10),
        period(start + timedelta(minutes=10), 30, total_orders=4, average_latency=30, queue=5),
        period(
            start + timedelta(minutes=50), 60, total_orders=5, average_latency=1
        ),  # belongs to the hour of its start
    )
    assert compute_marked_hours(at=clock.at) == {"telemetry_hours": 1}
    hour = TelemetryHour.objects.get()
    seconds = 6_000.0
    weighted = 60.0 * (10 * 10 + 30 * 30 + 60 * 1)
    assert (hour.at, hour.totals) == (start, {"total_orders": 12.0})
    assert hour.averages == {"average_latency": [weighted, seconds], "queue": [9_000.0, 1_800.0]}
    day = TelemetryDay.objects.get()
    assert (day.at, day.totals, day.averages) == (start.replace(hour=0), hour.totals, hour.averages)


def test_a_run_is_bounded_and_takes_the_oldest_hours_first(till: Reporter, clock: Clock) -> None:
    till.health(*(sample(clock.at - hours * HOUR) for hours in range(1, 8)))
    assert compute_marked_hours(at=clock.at, most=4, at_once=2) == {"health_hours": 4}
    left = MarkedHour.objects.order_by("hour").values_list("hour", flat=True)
    assert list(left) == [clock.at - hours * HOUR for hours in (3, 2, 1)]


def statements(new_reporter: NewReporter, clock: Clock, devices: int, prefix: str) -> list[str]:
    for number in range(devices):
        reporter = new_reporter(f"{prefix}-{number}")
        reporter.health(*(sample(clock.at - timedelta(minutes=minutes)) for minutes in (60, 65)))
        reporter.telemetry(period(clock.at - HOUR, total_a=1, b=2))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        compute_marked_hours(at=clock.at)
    return [query["sql"] for query in queries]


def test_the_number_of_statements_does_not_depend_on_the_devices(new_reporter: NewReporter, clock: Clock) -> None:
    one, many = (statements(new_reporter, clock, devices, str(devices)) for devices in (1, 7))
    assert len(one) == len(many)
    assert HealthHour.objects.filter(at=clock.at - HOUR).count() == 8


def test_if_the_hour_cannot_be_stored_its_mark_stays(
    till: Reporter, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    till.health(sample(clock.at - HOUR))

    def fail(*_: Any) -> None:
        raise RuntimeError("in between")

    with monkeypatch.context() as patched:
        patched.setattr(rollup, "store", fail)
        with pytest.raises(RuntimeError):
            compute_marked_hours(at=clock.at)
    assert MarkedHour.objects.count() == HealthSample.objects.count() == 1
    assert compute_marked_hours(at=clock.at) == {"health_hours": 1}

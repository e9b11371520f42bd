"""`POST /api/telemetry`: what is accepted, counted as a duplicate, and rejected."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError

from conftest import Clock
from fleet.telemetry.limits import MAX_ITEMS
from fleet.telemetry.models import MarkedHour, TelemetryPeriod
from fleet.telemetry.tests.conftest import NewReporter, Reporter, period
from fleet.telemetry.tests.test_health_reports import codes

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def test_one_period_is_stored(till: Reporter, clock: Clock) -> None:
    start = clock.at - HOUR
    answer = till.post("telemetry", period(start, total_orders=42, average_latency_ms=18.5, left_out=None))
    assert (answer.status_code, answer.json()) == (200, {"accepted": 1, "duplicates": 0, "rejected": []})
    stored = TelemetryPeriod.objects.get()
    assert (stored.device_id, stored.period_start, stored.period_end) == (till.id, start, clock.at)
    assert stored.metrics == {"total_orders": 42, "average_latency_ms": 18.5}
    mark = MarkedHour.objects.get()
    assert (mark.kind, mark.device_id, mark.hour, mark.day) == ("telemetry", till.id, start, start.replace(hour=0))


def test_a_period_that_is_repeated_is_a_duplicate_and_the_first_stays(till: Reporter, clock: Clock) -> None:
    start = clock.at - HOUR
    assert till.telemetry(period(start, total_orders=1), period(start, total_orders=2))["duplicates"] == 1
    assert till.telemetry(period(start, total_orders=3)) == {"accepted": 0, "duplicates": 1, "rejected": []}
    assert TelemetryPeriod.objects.get().metrics == {"total_orders": 1}


@pytest.mark.parametrize(
    ("start", "minutes"),
    [(-30, 60), (30, 60), (15, 30), (-15, 90), (0, 30), (0, 90), (59, 1), (-24 * 60, 25 * 60)],
    ids=["over its start", "over its end", "within", "around", "its start", "and longer", "its last minute", "long"],
)
@pytest.mark.parametrize("together", [True, False], ids=["in one call", "in two calls"])
def test_a_period_that_overlaps_another_is_rejected(
    till: Reporter, clock: Clock, start: int, minutes: int, together: bool
) -> None:
    first = clock.at - timedelta(hours=5)
    stored, other = period(first, x=1), period(first + timedelta(minutes=start), minutes, x=2)
    apart = period(clock.at - 2 * HOUR, x=3)
    if together:
        verdict = till.telemetry(stored, other, apart)
        assert (verdict["accepted"], codes(verdict)) == (2, [(1, "/period_start", "overlaps")])
    else:
        assert till.telemetry(stored)["accepted"] == 1
        verdict = till.telemetry(other, apart)
        assert (verdict["accepted"], codes(verdict)) == (1, [(0, "/period_start", "overlaps")])
    assert [each.metrics["x"] for each in TelemetryPeriod.objects.order_by("period_start")] == [1, 3]


def test_periods_that_touch_do_not_overlap(till: Reporter, clock: Clock) -> None:
    start = clock.at - timedelta(hours=5)
    assert till.telemetry(*(period(start + number * HOUR, x=1) for number in (2, 0, 1)))["accepted"] == 3


def test_a_period_of_31_days_is_found_from_its_end(till: Reporter, clock: Clock) -> None:
    start = clock.at - timedelta(days=31)
    assert till.telemetry(period(start, 31 * 24 * 60, x=1))["accepted"] == 1
    assert codes(till.telemetry(period(clock.at - HOUR, x=1))) == [(0, "/period_start", "overlaps")]
    assert till.telemetry(period(clock.at, 1, x=1))["accepted"] == 1


def test_other_devices_have_periods_of_their_own(till: Reporter, new_reporter: NewReporter, clock: Clock) -> None:
    start = clock.at - HOUR
    assert till.telemetry(period(start))["accepted"] == new_reporter("till-2").telemetry(period(start))["accepted"] == 1


@pytest.mark.parametrize(
    ("wrong", "pointer", "code"),
    [
        ({"total_orders": "5"}, "/total_orders", "invalid"),
        ({"total_orders": True}, "/total_orders", "invalid"),
        ({"total_orders": {"a": 1}}, "/total_orders", "invalid"),
        ({"total_orders": 1e15 + 1}, "/total_orders", "max_value"),
        ({"total_orders": -(10**400)}, "/total_orders", "min_value"),
        ({"Total": 1}, "/Total", "metric_name"),
        ({"": 1}, "/", "metric_name"),
        ({"a/b~c": 1}, "/a~1b~0c", "metric_name"),
        ({"x" * 65: 1}, "/" + "x" * 65, "metric_name"),
        ({"größe": 1}, "/größe", "metric_name"),
        ({"at": 1}, "/at", "reserved"),
        ({"periods": 1}, "/periods", "reserved"),
        ({f"metric_{number}": number for number in range(51)}, "", "metrics"),
        ({"period_start": None}, "/period_start", "null"),
        ({"period_start": "2026-06-01T12:00:00Z"}, "/period_end", "not_later"),
        ({"period_start": "2026-06-01T12:00:01Z"}, "/period_end", "not_later"),
        ({"period_start": "2026-05-01T11:59:59Z"}, "/period_end", "too_long"),
        ({"period_end": "2026-06-01T12:05:01Z"}, "/period_end", "in_the_future"),
        (
            {"period_start": "2026-05-01T11:00:00Z", "period_end": "2026-05-02T11:59:59Z"},
            "/period_end",
            "too_old",
        ),
    ],
)
def test_a_bad_period_does_not_spoil_the_others(
    till: Reporter, clock: Clock, wrong: dict[str, Any], pointer: str, code: str
) -> None:
    start = clock.at - HOUR
    good = [period(start - number * HOUR, x=1) for number in (1, 2)]
    verdict = till.telemetry(good[0], period(start) | wrong, good[1])
    assert (verdict["accepted"], verdict["duplicates"]) == (2, 0)
    assert codes(verdict) == [(1, pointer, code)]


def test_all_that_is_wrong_is_named(till: Reporter, clock: Clock) -> None:
    verdict = till.telemetry({"period_end": "soon", "A": 1, "b": "c"}, 7)
    assert codes(verdict) == [
        (0, "/period_start", "required"),
        (0, "/period_end", "invalid"),
        (0, "/A", "metric_name"),
        (0, "/b", "invalid"),
        (1, "", "invalid"),
    ]


def test_the_limits_themselves_are_accepted(till: Reporter, clock: Clock) -> None:
    names = [f"{number:02}".rjust(64, "x") for number in range(50)]
    metrics = dict.fromkeys(names, 1e15) | {names[0]: -(10**15)}
    long = period(clock.at - timedelta(days=61), 31 * 24 * 60, **metrics)
    late = period(clock.at, 5, none=None)
    assert till.telemetry(long, late)["accepted"] == 2


@pytest.mark.parametrize("body", [{"periods": []}, {"periods": [{}] * (MAX_ITEMS + 1)}, {"periods": {}}])
def test_a_batch_has_1_to_1000_periods(till: Reporter, body: Any) -> None:
    answer = till.post("telemetry", body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/periods")


def test_the_database_refuses_a_period_without_length(till: Reporter, clock: Clock) -> None:
    with pytest.raises(IntegrityError, match="telemetryperiod_has_a_length"):
        TelemetryPeriod.objects.create(device_id=till.id, period_start=clock.at, period_end=clock.at, metrics={})

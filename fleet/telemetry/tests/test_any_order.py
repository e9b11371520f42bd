"""The same samples and periods in any order, twice and in pieces give the same rows, hours and days: those of brute force."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import Clock
from fleet.telemetry.api.points import health_bucket, telemetry_bucket
from fleet.telemetry.buckets import day_of, hour_of
from fleet.telemetry.models import (
    HealthDay,
    HealthHour,
    HealthSample,
    MarkedHour,
    TelemetryDay,
    TelemetryHour,
    TelemetryPeriod,
)
from fleet.telemetry.reading import Resolution, health_points, telemetry_points
from fleet.telemetry.rollup import compute_marked_hours
from fleet.telemetry.services import Period, Sample, store_periods, store_samples
from fleet.telemetry.summaries import health_of, telemetry_of
from fleet.telemetry.tests.conftest import NewReporter

pytestmark = [pytest.mark.django_db, pytest.mark.slow(seconds=20)]

# Around a midnight, so that hours and days have several samples each.
START = datetime(2026, 5, 31, 22, tzinfo=UTC)
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
MEASURES = Sample._fields[1:]
numbers = st.integers(0, 100_000).map(lambda number: number / 1_000)

samples = st.lists(
    st.builds(
        Sample,
        at=st.integers(0, 240).map(lambda minutes: START + timedelta(minutes=minutes)),
        cpu_usage_percent=numbers,
        memory_used_mb=numbers,
        memory_total_mb=st.floats(100, 200, width=32),
        temperature_celsius=st.none() | numbers,
        disk_used_percent=st.none() | numbers,
    ),
    unique_by=lambda sample: sample.at,
    min_size=1,
    max_size=12,
)


@st.composite
def periods_one_after_the_other(draw: st.DrawFn) -> list[Period]:
    found, minute = [], 0
    for _ in range(draw(st.integers(1, 8))):
        start = minute + draw(st.integers(0, 40))
        minute = start + draw(st.integers(1, 70))
        names = st.sampled_from(["total_a", "total_b", "average_c", "d"])
        metrics = draw(st.dictionaries(names, st.integers(-1_000, 1_000).map(lambda number: number / 8)))
        found.append(Period(START + timedelta(minutes=start), START + timedelta(minutes=minute), metrics))
    return found


def deliveries(draw: st.DrawFn, items: Sequence[Any]) -> list[list[Any]]:
    """All of the items, some of them twice, in any order, in several calls."""
    shuffled = draw(st.permutations([*items, *draw(st.lists(st.sampled_from(items), max_size=4))]))
    cuts = sorted(draw(st.lists(st.integers(0, len(shuffled)), max_size=3)))
    return [shuffled[first:last] for first, last in zip([0, *cuts], [*cuts, len(shuffled)], strict=True)]


@pytest.fixture
def device_id(new_reporter: NewReporter, clock: Clock) -> uuid.UUID:
    return new_reporter().id


def rows(model: Any) -> list[dict[str, Any]]:
    return sorted(model.objects.values(), key=lambda row: row.get("at") or row["period_start"])


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data(), sent=samples)
def test_samples(device_id: uuid.UUID, data: st.DataObject, sent: list[Sample]) -> None:
    calls = data.draw(st.composite(deliveries)(sent))
    job_after = data.draw(st.sets(st.integers(0, len(calls) - 1)))
    with transaction.atomic():
        for number, call in enumerate(calls):
            store_samples(device_id, call, at=NOW)
            if number in job_after:
                compute_marked_hours(at=NOW)
        stored = [Sample(*(row[name] for name in Sample._fields)) for row in rows(HealthSample)]
        assert stored == sorted(sent)
        for resolution, key in ((Resolution.HOUR, hour_of), (Resolution.DAY, day_of)):
            before = points_of(health_points, health_bucket, device_id, resolution)
            assert before == brute_force_health(sent, key), "also while hours are marked"
        summed_before = by_day(health_of([device_id], since=START - timedelta(days=1), until=NOW))
        compute_marked_hours(at=NOW)
        assert not MarkedHour.objects.exists()
        for model, key in ((HealthHour, hour_of), (HealthDay, day_of)):
            found = [health_bucket(row) for row in model.objects.order_by("at")]
            assert with_times(found) == brute_force_health(sent, key)
        expected = {point["at"].date(): rounded(point) for point in brute_force_health(sent, day_of)}
        assert summed_before == expected
        assert by_day(health_of([device_id], since=START - timedelta(days=1), until=NOW)) == expected
        transaction.set_rollback(True)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data(), sent=periods_one_after_the_other())
def test_periods(device_id: uuid.UUID, data: st.DataObject, sent: list[Period]) -> None:
    calls = data.draw(st.composite(deliveries)(sent))
    job_after = data.draw(st.sets(st.integers(0, len(calls) - 1)))
    with transaction.atomic():
        for number, call in enumerate(calls):
            store_periods(device_id, call, at=NOW)
            if number in job_after:
                compute_marked_hours(at=NOW)
        stored = [Period(row["period_start"], row["period_end"], row["metrics"]) for row in rows(TelemetryPeriod)]
        assert stored == sent
        for resolution, key in ((Resolution.HOUR, hour_of), (Resolution.DAY, day_of)):
            before = points_of(telemetry_points, telemetry_bucket, device_id, resolution)
            assert before == brute_force_telemetry(sent, key), "also while hours are marked"
        summed_before = telemetry_by_day(device_id)
        compute_marked_hours(at=NOW)
        for model, key in ((TelemetryHour, hour_of), (TelemetryDay, day_of)):
            found = [telemetry_bucket(row) for row in model.objects.order_by("at")]
            assert with_times(found) == brute_force_telemetry(sent, key)
        assert telemetry_by_day(device_id) == summed_before
        expected = {point.pop("at").date(): point for point in brute_force_telemetry(sent, day_of)}
        assert summed_before == {day: metrics for day, metrics in expected.items() if metrics}
        transaction.set_rollback(True)


# --- Brute force -----------------------------------------------------------------------------------------------------


def brute_force_health(sent: Sequence[Sample], key: Any) -> list[dict[str, Any]]:
    by_bucket: dict[datetime, list[Sample]] = defaultdict(list)
    for each in sent:
        by_bucket[key(each.at)].append(each)
    return [
        {"at": at, "samples": len(group)} | {measure: spread(group, measure) for measure in MEASURES}
        for at, group in sorted(by_bucket.items())
    ]


def spread(group: Sequence[Sample], measure: str) -> Any:
    values = [value for each in group if (value := getattr(each, measure)) is not None]
    if not values:
        return None
    mean = float(sum(map(Fraction, values)) / len(values))
    return {"min": min(values), "mean": pytest.approx(mean, rel=1e-12), "max": max(values)}


def brute_force_telemetry(sent: Sequence[Period], key: Any) -> list[dict[str, Any]]:
    by_bucket: dict[datetime, list[Period]] = defaultdict(list)
    for each in sent:
        by_bucket[key(each.start)].append(each)
    found = []
    for at, group in sorted(by_bucket.items()):
        point: dict[str, Any] = {"at": at}
        for name in {name for each in group for name in each.metrics}:
            having = [
                (each.metrics[name], (each.end - each.start).total_seconds()) for each in group if name in each.metrics
            ]
            if name.startswith("total_"):
                point[name] = pytest.approx(sum(value for value, _ in having))
            else:
                weighted = sum(value * seconds for value, seconds in having)
                point[name] = pytest.approx(weighted / sum(seconds for _, seconds in having))
        found.append(point)
    return found


def points_of(read: Any, as_point: Any, device_id: uuid.UUID, resolution: Resolution) -> list[dict[str, Any]]:
    found = read(device_id, since=START - timedelta(days=1), until=NOW, resolution=resolution)
    return with_times([as_point(row) for row in found.rows])


def with_times(points: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**point, "at": datetime.fromisoformat(point["at"])} for point in points]


def by_day(spreads: Any) -> dict[Any, Any]:
    return {
        day: {measure: {"min": each.low, "mean": each.mean, "max": each.high} for measure, each in measures.items()}
        for day, measures in spreads.items()
    }


def rounded(point: dict[str, Any]) -> dict[str, Any]:
    return {measure: point[measure] for measure in MEASURES if point[measure] is not None}


def telemetry_by_day(device_id: uuid.UUID) -> dict[Any, Any]:
    found = telemetry_of([device_id], since=START - timedelta(days=1), until=NOW)
    return {day: {name: each.value for name, each in metrics.items()} for day, metrics in found.items() if metrics}

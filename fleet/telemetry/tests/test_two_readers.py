"""The reader of usual items and the serializers agree about every item."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from rest_framework.exceptions import ValidationError

from common.instants import format_instant
from fleet.telemetry.api.items import usual_period, usual_sample
from fleet.telemetry.api.serializers import PeriodSerializer, SampleSerializer
from fleet.telemetry.limits import MAX_AGE, MAX_AHEAD, MAX_METRIC
from fleet.telemetry.services import Period, Sample

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
LIMITS = {"earliest": NOW - MAX_AGE, "latest": NOW + MAX_AHEAD}
MARGIN = timedelta(days=40)

moments = st.datetimes(min_value=datetime(2026, 4, 1), max_value=datetime(2026, 6, 3), timezones=st.just(UTC))  # noqa: DTZ001
edges = st.sampled_from(
    [moment + timedelta(seconds=by) for moment in (*LIMITS.values(), NOW) for by in (-1, 0, 1)],
)
times = st.one_of(moments, edges).map(format_instant)
numbers = st.one_of(
    st.integers(-200, 400),
    st.floats(-200, 400, allow_nan=False),
    st.sampled_from([0, 100, -100, 300, 10**9, 10**9 + 1, 1e9, MAX_METRIC, -MAX_METRIC - 1, 1e300, 10**400, -0.0]),
)
junk = st.one_of(st.none(), st.booleans(), st.text(max_size=3), st.lists(st.integers(), max_size=1), numbers, times)


def mostly(usual: Any) -> Any:
    return st.one_of(usual, usual, usual, usual, junk)


samples = st.fixed_dictionaries(
    {"cpu_usage_percent": mostly(st.floats(0, 100)), "memory_total_mb": mostly(st.floats(100, 4096))},
    optional={
        "memory_used_mb": mostly(st.floats(0, 110)),
        "at": mostly(times),
        "temperature_celsius": mostly(st.floats(-100, 300)),
        "disk_used_percent": mostly(numbers),
        "other": junk,
    },
)
periods = st.fixed_dictionaries(
    {"period_start": mostly(times), "period_end": mostly(times)},
    optional={name: mostly(numbers) for name in ("total_a", "b_2", "at", "B", "ä", "")},
)


SAMPLE = {
    "at": "2026-06-01T11:00:00Z",
    "cpu_usage_percent": 10,
    "memory_used_mb": 5,
    "memory_total_mb": 10,
    "temperature_celsius": 40,
    "disk_used_percent": 50,
}
PERIOD = {"period_start": "2026-06-01T11:00:00Z", "period_end": "2026-06-01T11:30:00Z", "total_a": 1, "b": 2}


def with_one_changed(item: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Otherwise valid, so that the changed field alone decides."""
    values = st.one_of(junk, junk, st.sampled_from([-1, 0, 1, 9.99, 10, 10.01, 100.01, True, False]))
    return st.tuples(st.sampled_from(sorted(item)), values).map(lambda change: {**item, change[0]: change[1]})


def as_serialized(serializer: Any, kind: Any, item: Any) -> Any:
    """None if the serializer rejects the item."""
    try:
        return kind(**serializer(context={"at": NOW}).run_validation(item))
    except ValidationError:
        return None


@settings(max_examples=400, deadline=None)
@given(st.one_of(samples, with_one_changed(SAMPLE), with_one_changed(SAMPLE), junk))
@example({**SAMPLE, "memory_used_mb": 10.01})
@example({**SAMPLE, "memory_used_mb": 0, "memory_total_mb": 0})
@example({**SAMPLE, "cpu_usage_percent": True})
@example({**SAMPLE, "temperature_celsius": False})
@example({"cpu_usage_percent": 1, "memory_used_mb": 1, "memory_total_mb": 1, "at": "2026-06-01T12:05:00.0000009Z"})
def test_samples(item: Any) -> None:
    usual = usual_sample(item, at=NOW, **LIMITS)
    worded = as_serialized(SampleSerializer, Sample, item)
    assert usual == worded, "what one reader accepts the other accepts, with the same values"


@settings(max_examples=400, deadline=None)
@given(st.one_of(periods, with_one_changed(PERIOD), with_one_changed(PERIOD), junk))
@example(PERIOD)
@example({**PERIOD, "b": True})
@example({**PERIOD, "period_end": PERIOD["period_start"]})
def test_periods(item: Any) -> None:
    usual = usual_period(item, **LIMITS)
    worded = as_serialized(PeriodSerializer, Period, item)
    if usual is None and worded is not None:
        assert None in item.values(), "only a metric that is null is left to the serializer"
    else:
        assert usual == worded

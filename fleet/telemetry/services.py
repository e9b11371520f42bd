"""Store samples and periods of a device.

Both are answered after the commit. Nothing here adds to an hour or a day: what is stored marks its hours, from which
`fleet.telemetry.rollup` computes them.
"""

import json
import uuid
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any, NamedTuple

from django.db import connection, transaction

from fleet.telemetry.buckets import day_of, hour_of
from fleet.telemetry.limits import MAX_PERIOD
from fleet.telemetry.models import HealthSample, MarkedHour, TelemetryPeriod
from fleet.telemetry.statements import LAST_PERIODS, LOCK_PERIODS, STORE_PERIODS, STORE_SAMPLES


class Sample(NamedTuple):
    """`at` in UTC. The fields are columns of HealthSample."""

    at: datetime
    cpu_usage_percent: float
    memory_used_mb: float
    memory_total_mb: float
    temperature_celsius: float | None = None
    disk_used_percent: float | None = None


class Period(NamedTuple):
    """From `start` on, up to but not including `end`; numbers by the name of the metric."""

    start: datetime
    end: datetime
    metrics: Mapping[str, float]


class Outcome(Enum):
    """What became of a period."""

    STORED = "stored"
    DUPLICATE = "duplicate"  # there is one with the same start and end
    OVERLAPS = "overlaps"


def store_samples(device_id: uuid.UUID, samples: Sequence[Sample], *, at: datetime) -> int:
    """Store those for whose moment there is none yet, and return their number. Of two for one moment the first stays."""
    if not samples:
        return 0
    in_order = sorted(samples, key=lambda sample: sample.at)
    if connection.vendor == "postgresql":
        return execute_prepared(STORE_SAMPLES, {"device_id": device_id, "now": at} | columns(in_order))
    with transaction.atomic():
        moments = {sample.at for sample in in_order}
        known = set(
            HealthSample.objects.filter(device=device_id, at__in=moments).values_list("at", flat=True),
        )
        new = {sample.at: sample for sample in reversed(in_order) if sample.at not in known}
        HealthSample.objects.bulk_create(HealthSample(device_id=device_id, **row._asdict()) for row in new.values())
        mark_hours(MarkedHour.Kind.HEALTH, device_id, new, at=at)
    return len(new)


def columns(samples: Sequence[Sample]) -> dict[str, list[Any]]:
    return {name: list(values) for name, values in zip(Sample._fields, zip(*samples, strict=True), strict=True)}


def store_periods(device_id: uuid.UUID, periods: Sequence[Period], *, at: datetime) -> list[Outcome]:
    """Store those that overlap none that is stored, and none before them in `periods`; say what became of each."""
    if not periods:
        return []
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(LOCK_PERIODS, [str(device_id)])
        outcomes = compare_periods(device_id, periods)
        new = [period for period, outcome in zip(periods, outcomes, strict=True) if outcome is Outcome.STORED]
        if new:
            write_periods(device_id, sorted(new, key=lambda period: period.start), at=at)
    return outcomes


def compare_periods(device_id: uuid.UUID, periods: Sequence[Period]) -> list[Outcome]:
    """In the order of `periods`."""
    known = KnownPeriods(stored_periods_beside(device_id, periods))
    return [known.add(period.start, period.end) for period in periods]


def stored_periods_beside(device_id: uuid.UUID, periods: Sequence[Period]) -> Iterable[tuple[datetime, datetime]]:
    """Start and end of all stored periods that could overlap those given; on PostgreSQL one for each, since one suffices."""
    # A period that began earlier than that has ended.
    first, last = min(period.start for period in periods) - MAX_PERIOD, max(period.end for period in periods)
    if connection.vendor == "postgresql":
        starts, ends = [period.start for period in periods], [period.end for period in periods]
        with connection.cursor() as cursor:
            cursor.execute(
                LAST_PERIODS,
                {"device_id": device_id, "starts": starts, "ends": ends, "first": first, "last": last},
            )
            rows: list[tuple[datetime, datetime]] = cursor.fetchall()
        return rows
    stored = TelemetryPeriod.objects.filter(device=device_id, period_start__gt=first, period_start__lt=last)
    return stored.values_list("period_start", "period_end")


class KnownPeriods:
    """Periods that do not overlap, ordered by their start."""

    def __init__(self, periods: Iterable[tuple[datetime, datetime]]) -> None:
        self.ends = dict(periods)
        self.starts = sorted(self.ends)

    def add(self, start: datetime, end: datetime) -> Outcome:
        if self.ends.get(start) == end:
            return Outcome.DUPLICATE
        following = bisect_left(self.starts, start)
        if following < len(self.starts) and self.starts[following] < end:
            return Outcome.OVERLAPS
        if following and self.ends[self.starts[following - 1]] > start:
            return Outcome.OVERLAPS
        self.starts.insert(following, start)
        self.ends[start] = end
        return Outcome.STORED


def write_periods(device_id: uuid.UUID, periods: Sequence[Period], *, at: datetime) -> None:
    if connection.vendor == "postgresql":
        values = {
            "device_id": device_id,
            "now": at,
            "period_start": [period.start for period in periods],
            "period_end": [period.end for period in periods],
            "metrics": [json.dumps(period.metrics) for period in periods],
        }
        execute_prepared(STORE_PERIODS, values)
        return
    TelemetryPeriod.objects.bulk_create(
        TelemetryPeriod(device_id=device_id, period_start=start, period_end=end, metrics=dict(metrics))
        for start, end, metrics in periods
    )
    mark_hours(MarkedHour.Kind.TELEMETRY, device_id, (period.start for period in periods), at=at)


def mark_hours(kind: str, device_id: uuid.UUID, moments: Iterable[datetime], *, at: datetime) -> None:
    """On SQLite, where one transaction writes at a time."""
    MarkedHour.objects.bulk_create(
        (
            MarkedHour(kind=kind, hour=hour, device_id=device_id, day=day_of(hour), marked_at=at)
            for hour in sorted({hour_of(moment) for moment in moments})
        ),
        ignore_conflicts=True,
    )


def execute_prepared(statement: str, values: Mapping[str, Any]) -> int:
    """The one number that the statement returns."""
    database: Any = connection  # of config.postgresql
    cursor = database.prepared_cursor()
    cursor.execute(statement, values)
    (number,) = cursor.fetchone()
    return int(number)

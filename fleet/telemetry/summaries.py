"""Health and telemetry of many devices together, in the same number of statements for one and for thousands."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from django.db import connection
from django.db.models import OuterRef, Subquery
from django.db.models.functions import JSONObject

from fleet.devices.models import Device
from fleet.telemetry.buckets import day_of
from fleet.telemetry.hours import MEASURES, Sums
from fleet.telemetry.models import HealthSample
from fleet.telemetry.reading import DAY, present_days
from fleet.telemetry.rollup import HEALTH, TELEMETRY
from fleet.telemetry.services import Sample
from fleet.telemetry.statements import HEALTH_BY_DAY, TELEMETRY_BY_DAY


@dataclass(frozen=True)
class Spread:
    """Of a measure, such as `cpu_usage_percent`, over a number of samples. Two can be added."""

    samples: int
    low: float
    total: float
    high: float

    @property
    def mean(self) -> float:
        return mean_of(self.low, self.total, self.high, self.samples)

    def __add__(self, other: "Spread") -> "Spread":
        return Spread(
            self.samples + other.samples,
            min(self.low, other.low),
            self.total + other.total,
            max(self.high, other.high),
        )


@dataclass(frozen=True)
class MetricSum:
    """Of a metric of telemetry. Two of the same metric can be added.

    A total has a sum, and every other metric the sum of value times seconds, and the seconds.
    """

    total: float | None = None
    weighted: float = 0.0
    seconds: float = 0.0

    @property
    def value(self) -> float:
        """The sum, or the average weighted by time."""
        return self.weighted / self.seconds if self.total is None else self.total

    def __add__(self, other: "MetricSum") -> "MetricSum":
        if self.total is not None and other.total is not None:
            return MetricSum(self.total + other.total)
        return MetricSum(None, self.weighted + other.weighted, self.seconds + other.seconds)


def mean_of(low: float, total: float, high: float, samples: int) -> float:
    """Between `low` and `high` also where rounding would lead out."""
    return min(max(total / samples, low), high)


def newest_sample(device_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Sample]:
    """The newest sample of each device that has one, in one statement."""
    newest = HealthSample.objects.filter(device=OuterRef("pk")).order_by("-at")
    fields = JSONObject(**{name: name for name in Sample._fields})
    rows = Device.objects.filter(pk__in=device_ids).values_list("pk", Subquery(newest.values(sample=fields)[:1]))
    return {device_id: sample_of(found) for device_id, found in rows if found is not None}


def sample_of(found: Mapping[str, Any]) -> Sample:
    at = datetime.fromisoformat(found["at"])
    return Sample(**{**found, "at": at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)})


def health_of(device_ids: Collection[uuid.UUID], *, since: datetime, until: datetime) -> dict[date, dict[str, Spread]]:
    """For each day (UTC) that begins from `since` on and before `until` and has samples, the measures that they have."""
    if connection.vendor == "postgresql":
        rows = executed(HEALTH_BY_DAY, device_ids, since=since, until=until)
        return {day.date(): spreads_of_row(values) for day, *values in rows}
    by_day: dict[date, dict[str, Spread]] = defaultdict(dict)
    for bucket in present_days(HEALTH, device_ids, since=since, until=until):
        spreads = by_day[bucket.at.date()]
        for measure, spread in spreads_of(bucket).items():
            spreads[measure] = spreads[measure] + spread if measure in spreads else spread
    return dict(by_day)


def spreads_of(bucket: Any) -> dict[str, Spread]:
    """Of a HealthHour or a HealthDay; without the measures that no sample has."""
    return spreads_of_row(
        value
        for measure, counter in MEASURES.items()
        for value in (
            getattr(bucket, counter),
            *(getattr(bucket, f"{measure}_{part}") for part in ("min", "sum", "max")),
        )
    )


def spreads_of_row(values: Iterable[Any]) -> dict[str, Spread]:
    """`values` are number, least, sum and greatest of each measure."""
    each = iter(values)
    return {
        measure: Spread(int(samples), low, total, high)
        for measure, samples, low, total, high in zip(MEASURES, each, each, each, each, strict=True)
        if samples
    }


def telemetry_of(
    device_ids: Collection[uuid.UUID], *, since: datetime, until: datetime
) -> dict[date, dict[str, MetricSum]]:
    """For each day (UTC) that begins from `since` on and before `until` and has periods, their metrics by name."""
    by_day: dict[date, dict[str, MetricSum]] = defaultdict(dict)
    if connection.vendor == "postgresql":
        for day, name, *sums in executed(TELEMETRY_BY_DAY, device_ids, since=since, until=until):
            by_day[day.date()][name] = metric_sum(*sums)
        return dict(by_day)
    sums_by_day: dict[date, Sums] = defaultdict(Sums)
    for bucket in present_days(TELEMETRY, device_ids, since=since, until=until):
        sums_by_day[bucket.at.date()].add_bucket(bucket)
    return {day: metric_sums(**sums.columns()) for day, sums in sums_by_day.items()}


def metric_sums(totals: Mapping[str, float], averages: Mapping[str, Any]) -> dict[str, MetricSum]:
    """Of the two columns of a TelemetryHour or a TelemetryDay."""
    found = {name: MetricSum(total) for name, total in totals.items()}
    return found | {name: MetricSum(None, weighted, seconds) for name, (weighted, seconds) in averages.items()}


def metric_sum(total: float | None, weighted: float | None, seconds: float | None) -> MetricSum:
    return MetricSum(None, weighted or 0.0, seconds or 0.0) if total is None else MetricSum(total)


def executed(
    statement: str, device_ids: Collection[uuid.UUID], *, since: datetime, until: datetime
) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"devices": list(device_ids), "first": first_day(since), "last": first_day(until)})
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def first_day(moment: datetime) -> datetime:
    """The first beginning of a day (UTC) that is not before the moment."""
    day = day_of(moment)
    return day if day == moment else day + DAY

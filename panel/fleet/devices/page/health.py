"""CPU, memory and temperature of a device as charts: the last 24 hours by hour, the last 30 days by day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.utils import timezone

from fleet.telemetry.buckets import day_of, hour_of
from fleet.telemetry.reading import Resolution, health_points
from fleet.telemetry.services import Sample
from fleet.telemetry.summaries import newest_sample, spreads_of
from panel.widgets.range_chart import Measured, RangeChart, RangeValue

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HOURS, DAYS = 24, 30


class Measure(NamedTuple):
    """`column` as in HealthSample."""

    column: str
    name: str
    title: str
    unit: str
    digits: int = 0
    top: float | None = None


MEASURES = (
    Measure("cpu_usage_percent", "cpu", "CPU", "%", top=100),
    Measure("memory_used_mb", "memory", "Memory used", "MB"),
    Measure("temperature_celsius", "temperature", "Temperature", "°C", digits=1),
)


@dataclass(frozen=True)
class HealthCharts:
    """Of one span of time; `words` as in "last 24 hours"."""

    name: str
    words: str
    charts: Sequence[RangeChart]

    @property
    def has_samples(self) -> bool:
        return any(chart.measured for chart in self.charts)


class Bucket(NamedTuple):
    """An hour or a day: when it begins, its label, and its time in words."""

    begin: datetime
    label: str
    period: str


def health_charts(device_id: UUID, *, at: datetime) -> list[HealthCharts]:
    """Read from the hours and days, so that as much is read of a device that reports every second."""
    hours = [hour_of(at) - HOUR * number for number in reversed(range(HOURS))]
    days = [day_of(at) - DAY * number for number in reversed(range(DAYS))]
    return [
        charts_of(
            device_id,
            Resolution.HOUR,
            [hour_bucket(begin) for begin in hours],
            name="hours",
            words=f"last {HOURS} hours",
            heading=f"Hour ({timezone.get_current_timezone_name()})",
            labels_every=6,
        ),
        charts_of(
            device_id,
            Resolution.DAY,
            [Bucket(begin, f"{begin:%d %b}", f"{begin:%a %d %b %Y}") for begin in days],
            name="days",
            words=f"last {DAYS} days",
            heading="Day (UTC)",
            labels_every=7,
        ),
    ]


def hour_bucket(begin: datetime) -> Bucket:
    shown, end = timezone.localtime(begin), timezone.localtime(begin + HOUR)
    return Bucket(begin, f"{shown:%H:%M}", f"{shown:%a %d %b, %H:%M} to {end:%H:%M}")


def charts_of(
    device_id: UUID,
    resolution: Resolution,
    buckets: Sequence[Bucket],
    *,
    name: str,
    words: str,
    heading: str,
    labels_every: int,
) -> HealthCharts:
    until = buckets[-1].begin + DAY
    points = health_points(device_id, since=buckets[0].begin, until=until, resolution=resolution)
    measured: dict[datetime, Any] = {row.at: spreads_of(row) for row in points.rows}
    charts = [
        RangeChart(
            name=f"{measure.name}-{name}",
            title=measure.title,
            unit=measure.unit,
            digits=measure.digits,
            top=measure.top,
            labels_every=labels_every,
            period_heading=heading,
            values=[
                RangeValue(
                    bucket.label,
                    bucket.period,
                    f"{measure.name}-{bucket.begin.astimezone(UTC):%Y-%m-%dT%H}-{name}",
                    measured_of(measured.get(bucket.begin, {}).get(measure.column)),
                )
                for bucket in buckets
            ],
        )
        for measure in MEASURES
    ]
    return HealthCharts(name, words, charts)


def measured_of(spread: Any) -> Measured | None:
    return None if spread is None else Measured(spread.low, spread.mean, spread.high)


def newest_health(device_id: UUID) -> tuple[str, datetime] | None:
    """The newest sample in words, and when it was taken. One statement."""
    sample = newest_sample([device_id]).get(device_id)
    return None if sample is None else (sample_words(sample), sample.at)


def sample_words(sample: Sample) -> str:
    """As in "CPU 12 %, memory 312 of 1,024 MB, 48.5 °C, disk 40 % full"."""
    parts = [
        f"CPU {sample.cpu_usage_percent:.0f} %",
        f"memory {sample.memory_used_mb:,.0f} of {sample.memory_total_mb:,.0f} MB",
    ]
    if sample.temperature_celsius is not None:
        parts.append(f"{sample.temperature_celsius:.1f} °C")
    if sample.disk_used_percent is not None:
        parts.append(f"disk {sample.disk_used_percent:.0f} % full")
    return ", ".join(parts)

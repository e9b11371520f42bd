"""The telemetry of a device over the last 30 days: a total or an average for each metric."""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from fleet.telemetry.buckets import day_of
from fleet.telemetry.summaries import MetricSum, telemetry_of

DAYS = 30
MAX_METRICS = 50


class MetricRow(NamedTuple):
    name: str
    value: str
    kind: str


def telemetry_rows(device_id: UUID, *, at: datetime) -> list[MetricRow]:
    """By name, at most MAX_METRICS."""
    today = day_of(at)
    found: dict[str, MetricSum] = {}
    by_day = telemetry_of([device_id], since=today - timedelta(days=DAYS - 1), until=today + timedelta(days=1))
    for metrics in by_day.values():
        for name, value in metrics.items():
            found[name] = found[name] + value if name in found else value
    return [row_of(name, found[name]) for name in sorted(found)[:MAX_METRICS]]


def row_of(name: str, metric: MetricSum) -> MetricRow:
    is_total = metric.total is not None
    return MetricRow(name, shortened(metric.value), "total" if is_total else "average")


def shortened(value: float) -> str:
    """As in "12,871" or "4.25"."""
    return f"{value:,.0f}" if value == round(value) else f"{value:,.2f}"

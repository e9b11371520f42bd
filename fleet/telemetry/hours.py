"""Compute hours from samples and periods, and days from hours. Nothing here writes.

The sums are rounded once, so they do not depend on the order in which samples and periods arrived.
"""

import json
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from math import fsum
from typing import Any, TypeVar

from django.db import connection

from fleet.telemetry.buckets import day_of, hour_of
from fleet.telemetry.limits import TOTAL_PREFIX
from fleet.telemetry.models import (
    HealthBucket,
    HealthDay,
    HealthHour,
    HealthSample,
    TelemetryBucket,
    TelemetryDay,
    TelemetryHour,
    TelemetryPeriod,
)
from fleet.telemetry.statements import HEALTH_HOURS, PERIODS_OF_HOURS

HOUR = timedelta(hours=1)
MICROSECOND = timedelta(microseconds=1)

HourOfDevice = tuple[uuid.UUID, datetime]
Health = TypeVar("Health", bound=HealthBucket)
Telemetry = TypeVar("Telemetry", bound=TelemetryBucket)

# Each with the column that counts the samples which have it.
MEASURES = {
    "cpu_usage_percent": "samples",
    "memory_used_mb": "samples",
    "memory_total_mb": "samples",
    "temperature_celsius": "temperature_celsius_samples",
    "disk_used_percent": "disk_used_percent_samples",
}
# In the order of the model, which is also that of the statement.
HEALTH_COLUMNS = [field.attname for field in HealthHour._meta.concrete_fields if field.name != "pk"]


# --- Health ----------------------------------------------------------------------------------------------------------


def health_hours(wanted: Sequence[HourOfDevice]) -> list[HealthHour]:
    """The given hours, from the samples; without those that have none."""
    if not wanted:
        return []
    if connection.vendor == "postgresql":
        return [
            HealthHour(**dict(zip(HEALTH_COLUMNS, row, strict=True))) for row in rows_of_hours(HEALTH_HOURS, wanted)
        ]
    by_hour: dict[HourOfDevice, list[HealthSample]] = defaultdict(list)
    for hour, devices in devices_by_hour(wanted).items():
        for sample in HealthSample.objects.filter(device__in=devices, at__gte=hour, at__lt=hour + HOUR):
            by_hour[sample.device_id, hour].append(sample)
    return [health_hour(device_id, hour, samples) for (device_id, hour), samples in by_hour.items()]


def health_hour(device_id: uuid.UUID, hour: datetime, samples: Sequence[HealthSample]) -> HealthHour:
    columns: dict[str, Any] = {"samples": len(samples)}
    for measure, counter in MEASURES.items():
        values = [value for sample in samples if (value := getattr(sample, measure)) is not None]
        columns[counter] = len(values)
        columns |= spread(measure, values, values, values)
    return HealthHour(device_id=device_id, at=hour, **columns)


def health_days(hours: Iterable[HealthHour]) -> list[HealthDay]:
    """The days of the given hours, which are all of those days."""
    by_day: dict[HourOfDevice, list[HealthHour]] = defaultdict(list)
    for hour in hours:
        by_day[hour.device_id, day_of(hour.at)].append(hour)
    return [HealthDay(device_id=device_id, at=day, **summed(of_day)) for (device_id, day), of_day in by_day.items()]


def summed(buckets: Sequence[HealthBucket]) -> dict[str, Any]:
    """The columns of all of them together."""
    columns: dict[str, Any] = {"samples": sum(bucket.samples for bucket in buckets)}
    for measure, counter in MEASURES.items():
        having = [bucket for bucket in buckets if getattr(bucket, counter)]
        columns[counter] = sum(getattr(bucket, counter) for bucket in having)
        lows, sums, highs = (
            [getattr(bucket, f"{measure}_{part}") for bucket in having] for part in ("min", "sum", "max")
        )
        columns |= spread(measure, lows, sums, highs)
    return columns


def spread(measure: str, lows: Sequence[float], values: Sequence[float], highs: Sequence[float]) -> dict[str, Any]:
    return {
        f"{measure}_min": min(lows, default=None),
        f"{measure}_sum": fsum(values) if values else None,
        f"{measure}_max": max(highs, default=None),
    }


# --- Telemetry ---------------------------------------------------------------------------------------------------------


def telemetry_hours(wanted: Sequence[HourOfDevice]) -> list[TelemetryHour]:
    """The given hours, from the periods that start in them; without those that have none."""
    by_hour: dict[HourOfDevice, Sums] = defaultdict(Sums)
    for device_id, hour, start, end, metrics in periods_of_hours(wanted):
        by_hour[device_id, hour].add_period(start, end, metrics)
    return [
        TelemetryHour(device_id=device_id, at=hour, **sums.columns()) for (device_id, hour), sums in by_hour.items()
    ]


def telemetry_days(hours: Iterable[TelemetryHour]) -> list[TelemetryDay]:
    """The days of the given hours, which are all of those days."""
    by_day: dict[HourOfDevice, Sums] = defaultdict(Sums)
    for hour in hours:
        by_day[hour.device_id, day_of(hour.at)].add_bucket(hour)
    return [TelemetryDay(device_id=device_id, at=day, **sums.columns()) for (device_id, day), sums in by_day.items()]


class Sums:
    """Metrics of several periods or buckets. Exact until `columns` rounds them."""

    def __init__(self) -> None:
        self.totals: dict[str, list[Fraction]] = defaultdict(list)
        self.averages: dict[str, list[tuple[Fraction, Fraction]]] = defaultdict(list)

    def add_period(self, start: datetime, end: datetime, metrics: Mapping[str, float]) -> None:
        seconds = Fraction((end - start) // MICROSECOND, 1_000_000)
        for name, value in metrics.items():
            if name.startswith(TOTAL_PREFIX):
                self.totals[name].append(Fraction(value))
            else:
                self.averages[name].append((Fraction(value) * seconds, seconds))

    def add_bucket(self, bucket: TelemetryBucket) -> None:
        for name, value in bucket.totals.items():
            self.totals[name].append(Fraction(value))
        for name, (weighted, seconds) in bucket.averages.items():
            self.averages[name].append((Fraction(weighted), Fraction(seconds)))

    def columns(self) -> dict[str, Any]:
        return {
            "totals": {name: float(sum(values)) for name, values in sorted(self.totals.items())},
            "averages": {
                name: [float(sum(weighted for weighted, _ in pairs)), float(sum(seconds for _, seconds in pairs))]
                for name, pairs in sorted(self.averages.items())
            },
        }


def periods_of_hours(wanted: Sequence[HourOfDevice]) -> Iterator[tuple[uuid.UUID, datetime, datetime, datetime, Any]]:
    """Device, hour, start, end and metrics."""
    if not wanted:
        return
    if connection.vendor == "postgresql":
        for device_id, hour, start, end, metrics in rows_of_hours(PERIODS_OF_HOURS, wanted):
            yield device_id, hour, start, end, json.loads(metrics)
        return
    for hour, devices in devices_by_hour(wanted).items():
        periods = TelemetryPeriod.objects.filter(
            device__in=devices, period_start__gte=hour, period_start__lt=hour + HOUR
        )
        for device_id, start, end, metrics in periods.values_list("device_id", "period_start", "period_end", "metrics"):
            yield device_id, hour, start, end, metrics


# --- Both ------------------------------------------------------------------------------------------------------------


def rows_of_hours(statement: str, wanted: Sequence[HourOfDevice]) -> list[tuple[Any, ...]]:
    devices, hours = zip(*wanted, strict=True)
    values = {"devices": list(devices), "hours": list(hours), "first": min(hours), "last": max(hours) + HOUR}
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def devices_by_hour(wanted: Sequence[HourOfDevice]) -> dict[datetime, list[uuid.UUID]]:
    devices: dict[datetime, list[uuid.UUID]] = defaultdict(list)
    for device_id, hour in wanted:
        devices[hour_of(hour)].append(device_id)
    return devices

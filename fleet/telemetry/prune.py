"""The part of `manage.py prune` for samples, periods, and their hours and days; and the partitions of the coming days."""

import time
import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet

from fleet.devices.models import Device
from fleet.telemetry.models import (
    HealthDay,
    HealthHour,
    HealthSample,
    MarkedHour,
    TelemetryDay,
    TelemetryHour,
    TelemetryPeriod,
)
from fleet.telemetry.partitions import (
    DAYS_AHEAD,
    PERIODS,
    SAMPLES,
    DayTable,
    add_days,
    can_change,
    drop_old_days,
    missing_days,
    old_days,
)
from fleet.telemetry.rollup import compute_marked_hours

DEVICES_AT_ONCE = 200


def make_day_partitions(*, at: datetime, ahead: int = DAYS_AHEAD) -> dict[str, int] | None:
    """On PostgreSQL, for today, the next `ahead` days and each day of rows without a partition; None if none was missing."""
    made = {}
    for name, table in (("sample_partitions", SAMPLES), ("period_partitions", PERIODS)):
        if can_change(table) and (number := add_days(table, at=at, ahead=ahead)):
            made[name] = number
    return made or None


def prune_telemetry(*, at: datetime) -> dict[str, int]:
    """Delete what is older than the settings say: days of samples and periods as whole partitions on PostgreSQL.

    The days are computed before, so no sample is deleted that is not in its hour. A role that does not own the tables deletes
    row by row, and the answer has the number of partitions that it could not drop and could not make.
    """
    compute_marked_hours(at=at, most=10**9)
    make_day_partitions(at=at)
    deleted: dict[str, int] = {}
    deleted |= prune_raw("health_sample", HealthSample, SAMPLES, before=at - settings.HEALTH_SAMPLES_KEPT, at=at)
    deleted |= prune_raw(
        "telemetry_period", TelemetryPeriod, PERIODS, before=at - settings.TELEMETRY_PERIODS_KEPT, at=at
    )
    hours, days = at - settings.FLEET_HOURS_KEPT, at - settings.FLEET_DAYS_KEPT
    deleted["fleet_hours"] = sum(delete_rows(model, "at", before=hours) for model in (HealthHour, TelemetryHour))
    deleted["fleet_days"] = sum(delete_rows(model, "at", before=days) for model in (HealthDay, TelemetryDay))
    return deleted


def prune_raw(name: str, model: Any, table: DayTable, *, before: datetime, at: datetime) -> dict[str, int]:
    if can_change(table):
        dropped = drop_old_days(table, before=before)
        return {f"{name}s": 0} | ({f"{name}_partitions": dropped} if dropped else {})
    marked = MarkedHour.objects.filter(kind=table.kind).order_by("hour").values_list("hour", flat=True).first()
    deleted = {f"{name}s": delete_rows(model, table.column, before=min(before, marked) if marked else before)}
    if connection.vendor == "postgresql":
        left = {
            f"{name}_partitions_not_dropped": len(old_days(table, before=before)),
            f"{name}_partitions_not_made": len(missing_days(table, at=at)),
        }
        deleted |= {what: number for what, number in left.items() if number}
    return deleted


def delete_rows(model: Any, column: str, *, before: datetime) -> int:
    """Those whose column is earlier."""
    return delete_by_devices(model.objects.filter(**{f"{column}__lt": before}))


def delete_by_devices(rows: QuerySet[Any]) -> int:
    """Of some devices after the other, with a pause after each as long as it took."""
    total = 0
    for device_ids in slices_of_devices():
        started = time.monotonic()
        deleted, _ = rows.filter(device__in=device_ids).delete()
        total += deleted
        if deleted:
            time.sleep(time.monotonic() - started)
    return total


def slices_of_devices() -> Iterator[list[uuid.UUID]]:
    """All devices, also retired ones."""
    last = uuid.UUID(int=0)
    while found := list(
        Device.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:DEVICES_AT_ONCE]
    ):
        yield found
        last = found[-1]

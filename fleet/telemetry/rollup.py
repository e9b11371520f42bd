"""The job that computes the hours in which samples or periods were stored, and their days.

An hour that is marked is computed from all of its samples, so it does not matter how often, or in what order they came. A mark
is deleted in the transaction that stores the hour. What is stored at the same time locks the mark or makes a new one, so that
the hour is computed again.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection, models, transaction

from fleet.telemetry.buckets import day_of, hour_of
from fleet.telemetry.hours import (
    HEALTH_COLUMNS,
    HourOfDevice,
    devices_by_hour,
    health_days,
    health_hours,
    telemetry_days,
    telemetry_hours,
)
from fleet.telemetry.models import HealthDay, HealthHour, MarkedHour, TelemetryDay, TelemetryHour
from fleet.telemetry.statements import TAKE_MARKS

DAY = timedelta(days=1)
# Hours of devices in one transaction: some tenths of a second, for which late samples of these very hours may wait.
AT_ONCE = 2_000
# In one run of the job: as many as 60,000 devices have in an hour, of each kind.
MOST = 60_000


class Rollup(NamedTuple):
    kind: str
    hour_model: Any
    day_model: Any
    hours: Callable[[Sequence[HourOfDevice]], list[Any]]
    days: Callable[[Iterable[Any]], list[Any]]
    columns: Sequence[str]


TELEMETRY_COLUMNS = ("device_id", "at", "totals", "averages")
HEALTH = Rollup(MarkedHour.Kind.HEALTH, HealthHour, HealthDay, health_hours, health_days, HEALTH_COLUMNS)
TELEMETRY = Rollup(
    MarkedHour.Kind.TELEMETRY, TelemetryHour, TelemetryDay, telemetry_hours, telemetry_days, TELEMETRY_COLUMNS
)


def compute_marked_hours(*, at: datetime, most: int = MOST, at_once: int = AT_ONCE) -> dict[str, int] | None:
    """Compute marked hours that are over, the oldest first, at most `most` of each kind; None if there is none."""
    computed = {}
    for rollup in (HEALTH, TELEMETRY):
        total = 0
        while total < most and (number := compute_some(rollup, before=hour_of(at), limit=at_once)):
            total += number
        if total:
            computed[f"{rollup.kind}_hours"] = total
    return computed or None


@transaction.atomic
def compute_some(rollup: Rollup, *, before: datetime, limit: int) -> int:
    """Compute marked hours that begin earlier and their days, and return the number of the hours."""
    taken = take_marks(rollup.kind, before=before, limit=limit)
    if not taken:
        return 0
    store(rollup.hour_model, rollup.hours(taken), rollup.columns)
    store(rollup.day_model, rollup.days(hours_of_days(rollup.hour_model, taken)), rollup.columns)
    return len(taken)


def take_marks(kind: str, *, before: datetime, limit: int) -> list[HourOfDevice]:
    """Delete marks and return them, the oldest first."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(TAKE_MARKS, {"kind": kind, "before": before, "limit": limit})
            rows: list[HourOfDevice] = cursor.fetchall()
        return sorted(rows, key=lambda row: row[1])
    marks = MarkedHour.objects.filter(kind=kind, hour__lt=before).order_by("hour", "device")
    taken = list(marks.values_list("device_id", "hour")[:limit])
    for hour, devices in devices_by_hour(taken).items():
        MarkedHour.objects.filter(kind=kind, hour=hour, device__in=devices).delete()
    return taken


def hours_of_days(hour_model: Any, taken: Sequence[HourOfDevice]) -> Iterable[models.Model]:
    """All hours of the days of which one was taken."""
    devices: dict[datetime, set[Any]] = {}
    for device_id, hour in taken:
        devices.setdefault(day_of(hour), set()).add(device_id)
    for day, of_day in devices.items():
        yield from hour_model.objects.filter(device__in=of_day, at__gte=day, at__lt=day + DAY)


def store(model: Any, buckets: Sequence[models.Model], columns: Sequence[str]) -> None:
    model.objects.bulk_create(
        buckets,
        batch_size=AT_ONCE,
        update_conflicts=True,
        unique_fields=["device", "at"],
        update_fields=[column for column in columns if column not in {"device_id", "at"}],
    )

"""Samples and periods of one device, as they came or by the hour or day.

An hour that is marked, and a day that has one, is computed here and now, so what is read is always right.
"""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from fleet.telemetry.buckets import day_of
from fleet.telemetry.errors import RangeInvalid, TooManyPoints
from fleet.telemetry.hours import HourOfDevice
from fleet.telemetry.limits import MAX_POINTS
from fleet.telemetry.models import HealthSample, MarkedHour, TelemetryPeriod
from fleet.telemetry.rollup import HEALTH, TELEMETRY, Rollup

DAY = timedelta(days=1)
DEFAULT_SPAN = DAY
# The longest spans that are read raw, and by the hour, unless asked otherwise.
RAW_SPAN, HOUR_SPAN = timedelta(hours=36), timedelta(days=40)


class Resolution(StrEnum):
    RAW = "raw"
    HOUR = "hour"
    DAY = "day"


class Points(NamedTuple):
    """Rows of one kind, ordered by time: HealthSample, HealthHour or HealthDay, or the same of telemetry."""

    resolution: Resolution
    rows: Sequence[Any]


def health_points(
    device_id: uuid.UUID, *, since: datetime, until: datetime, resolution: Resolution | None = None
) -> Points:
    """Of the moments, or of hours or days that begin, from `since` on and before `until`.

    Without a resolution it is chosen by the span. Raises RangeInvalid and TooManyPoints.
    """
    samples = HealthSample.objects.filter(device=device_id, at__gte=since, at__lt=until).order_by("at")
    return points(HEALTH, samples, device_id, since=since, until=until, resolution=resolution)


def telemetry_points(
    device_id: uuid.UUID, *, since: datetime, until: datetime, resolution: Resolution | None = None
) -> Points:
    """As `health_points`; a period belongs to the moment of its start."""
    periods = TelemetryPeriod.objects.filter(device=device_id, period_start__gte=since, period_start__lt=until)
    return points(
        TELEMETRY, periods.order_by("period_start"), device_id, since=since, until=until, resolution=resolution
    )


def points(
    rollup: Rollup,
    raw: Any,
    device_id: uuid.UUID,
    *,
    since: datetime,
    until: datetime,
    resolution: Resolution | None,
) -> Points:
    if since >= until:
        raise RangeInvalid("It must be later than `from`.", field="to")
    chosen = resolution or usual_resolution(until - since)
    if chosen is Resolution.RAW:
        rows = list(raw[: MAX_POINTS + 1])
        if len(rows) <= MAX_POINTS or resolution is Resolution.RAW:
            return checked(Points(chosen, rows))
        chosen = Resolution.HOUR
    buckets = present_hours if chosen is Resolution.HOUR else present_days
    return checked(Points(chosen, buckets(rollup, [device_id], since=since, until=until)))


def usual_resolution(span: timedelta) -> Resolution:
    if span <= RAW_SPAN:
        return Resolution.RAW
    return Resolution.HOUR if span <= HOUR_SPAN else Resolution.DAY


def checked(found: Points) -> Points:
    if len(found.rows) > MAX_POINTS:
        raise TooManyPoints(
            f"There are more than {MAX_POINTS:,} points: ask for a shorter time or a coarser resolution.", field="from"
        )
    return found


# --- Hours and days as they are now ------------------------------------------------------------------------------------


def present_hours(rollup: Rollup, device_ids: Iterable[uuid.UUID], *, since: datetime, until: datetime) -> list[Any]:
    """The hours that begin in this time, ordered by time."""
    # The marks are read first: an hour that is computed just after that is in both, and counted once.
    marks = MarkedHour.objects.filter(kind=rollup.kind, device__in=device_ids, hour__gte=since, hour__lt=until)
    return in_order(hours_with(rollup, device_ids, list(marks.values_list("device_id", "hour")), since, until))


def present_days(rollup: Rollup, device_ids: Iterable[uuid.UUID], *, since: datetime, until: datetime) -> list[Any]:
    """The days that begin in this time, ordered by time."""
    marks = MarkedHour.objects.filter(kind=rollup.kind, device__in=device_ids, day__gte=since, day__lt=until)
    marked = list(marks.values_list("device_id", "hour"))
    stored = rollup.day_model.objects.filter(device__in=device_ids, at__gte=since, at__lt=until)
    days = {(row.device_id, row.at): row for row in stored}
    if marked:
        marked_days = {(device_id, day_of(hour)) for device_id, hour in marked}
        days_only = [day for _, day in marked_days]
        devices = {device_id for device_id, _ in marked}
        hours = hours_with(rollup, devices, marked, min(days_only), max(days_only) + DAY)
        computed = rollup.days(row for row in hours if (row.device_id, day_of(row.at)) in marked_days)
        days |= {(row.device_id, row.at): row for row in computed}
    return in_order(days.values())


def hours_with(
    rollup: Rollup,
    device_ids: Iterable[uuid.UUID],
    marked: Sequence[HourOfDevice],
    since: datetime,
    until: datetime,
) -> Iterable[Any]:
    stored = rollup.hour_model.objects.filter(device__in=device_ids, at__gte=since, at__lt=until)
    hours = {(row.device_id, row.at): row for row in stored}
    hours |= {(row.device_id, row.at): row for row in rollup.hours(marked)}
    return hours.values()


def in_order(rows: Iterable[Any]) -> list[Any]:
    return sorted(rows, key=lambda row: row.at)

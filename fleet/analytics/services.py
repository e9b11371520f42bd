"""What the devices of a location or an organization did in a number of days: the same statements for one and ten thousand.

What retired devices did before counts, too. Days are those of UTC.
"""

import uuid
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import reduce
from operator import add
from typing import TypeVar

from django.db.models import Count, Sum

from fleet.analytics.availability import DAY, Availability, availability_by_day, start_of
from fleet.devices.models import Device, DevicePulse
from fleet.devices.querysets import DeviceQuerySet
from fleet.devices.status import DeviceStatus
from fleet.heartbeats.models import HeartbeatDay
from fleet.telemetry.summaries import MetricSum, Spread, health_of, telemetry_of

Sum_ = TypeVar("Sum_", Spread, MetricSum)


@dataclass
class Summary:
    """Of one day, or of several. Measures and metrics are by their names."""

    availability: Availability = field(default_factory=Availability)
    heartbeats: int = 0
    health: Mapping[str, Spread] = field(default_factory=dict)
    telemetry: Mapping[str, MetricSum] = field(default_factory=dict)


@dataclass(frozen=True)
class Analytics:
    devices: dict[str, int]  # by status, now
    firmware: dict[str, int]  # devices by version, now; "" if they never reported one
    total: Summary
    by_day: dict[date, Summary]


def analytics_of(devices: DeviceQuerySet, *, first: date, last: date, at: datetime) -> Analytics:
    """Of the days from `first` to `last`, as known at `at`."""
    ids = list(devices.values_list("pk", flat=True))
    since, until = start_of(first), start_of(last) + DAY
    available = availability_by_day(ids, first=first, last=last, at=at)
    heartbeats = heartbeats_by_day(ids, first=first, last=last)
    health = health_of(ids, since=since, until=until)
    telemetry = telemetry_of(ids, since=since, until=until)
    by_day = {
        day: Summary(available[day], heartbeats[day], health.get(day, {}), telemetry.get(day, {})) for day in available
    }
    present = Device.objects.live().filter(pk__in=ids)
    statuses = present.with_status(at=at).order_by().values_list("status").annotate(number=Count("pk"))
    versions = present.order_by().values_list("pulse__firmware_version").annotate(number=Count("pk"))
    counted = dict.fromkeys(DeviceStatus.values, 0) | dict(statuses)
    return Analytics(counted, dict(versions), summed(by_day.values()), by_day)


def heartbeats_by_day(device_ids: Collection[uuid.UUID], *, first: date, last: date) -> Counter[date]:
    past = HeartbeatDay.objects.filter(device__in=device_ids, day__range=(first, last)).order_by()
    newest = DevicePulse.objects.filter(pk__in=device_ids, day__range=(first, last)).order_by()
    found = Counter(dict(past.values_list("day").annotate(number=Sum("heartbeats"))))
    return found + Counter(dict(newest.values_list("day").annotate(number=Sum("day_heartbeats"))))


def summed(days: Iterable[Summary]) -> Summary:
    days = list(days)
    total = Summary(heartbeats=sum(day.heartbeats for day in days))
    for day in days:
        total.availability.add(day.availability)
    total.health = added(day.health for day in days)
    total.telemetry = added(day.telemetry for day in days)
    return total


def added(parts: Iterable[Mapping[str, Sum_]]) -> dict[str, Sum_]:
    by_name: dict[str, list[Sum_]] = {}
    for part in parts:
        for name, each in part.items():
            by_name.setdefault(name, []).append(each)
    return {name: reduce(add, each) for name, each in by_name.items()}

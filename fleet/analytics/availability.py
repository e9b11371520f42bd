"""Which share of the time devices were available, by day, from the history of their status.

A device is available while it is online or late. Time before its first heartbeat and time after it said that it stops do not
count. What the history does not know yet is taken from the newest heartbeats.
"""

import uuid
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from heapq import merge
from operator import itemgetter

from django.db.models import OuterRef, Subquery

from fleet.devices.models import Device
from fleet.devices.status import DeviceStatus
from fleet.heartbeats.models import DeviceStatusChange
from fleet.heartbeats.transitions import beginning_of, unnoted

AVAILABLE = frozenset({DeviceStatus.ONLINE, DeviceStatus.LATE})
COUNTED = AVAILABLE | {DeviceStatus.OFFLINE}
DAY = timedelta(days=1)
CHUNK_SIZE = 2_000

Change = tuple[uuid.UUID, str, datetime]


@dataclass
class Availability:
    """Of one or many devices, in seconds."""

    available: float = 0.0
    counted: float = 0.0

    @property
    def percent(self) -> float | None:
        """Rounded to hundredths; None if no time counts."""
        return round(100 * self.available / self.counted, 2) if self.counted else None

    def add(self, other: "Availability") -> None:
        self.available += other.available
        self.counted += other.counted


def availability_by_day(
    device_ids: Collection[uuid.UUID], *, first: date, last: date, at: datetime
) -> dict[date, Availability]:
    """Of the days (UTC) from `first` to `last`, as known at `at`. Three statements for any number of devices."""
    since, until = start_of(first), min(start_of(last) + DAY, at)
    found = {first + DAY * number: Availability() for number in range((last - first).days + 1)}
    for status, began, ended in periods(
        changes_of(device_ids, since=since, until=until, at=at), since=since, until=until
    ):
        if status in COUNTED:
            for day, seconds in seconds_by_day(began, ended):
                found[day].add(Availability(seconds if status in AVAILABLE else 0.0, seconds))
    return found


def changes_of(
    device_ids: Collection[uuid.UUID], *, since: datetime, until: datetime, at: datetime
) -> Iterator[Change]:
    """By device and time: the last change before `since`, if there is one, those up to `until`, and one that is not noted yet.

    The statements are read in parts, so that no year of all devices is held in memory.
    """
    before = DeviceStatusChange.objects.filter(device=OuterRef("pk"), at__lt=since).order_by("-at", "-id")
    standing = (
        Device.objects.filter(pk__in=device_ids)
        .annotate(known_status=Subquery(before.values("status")[:1]), known_at=Subquery(before.values("at")[:1]))
        .exclude(known_status=None)
        .order_by("-pk")
        .values_list("pk", "known_status", "known_at")
    )
    within = (
        DeviceStatusChange.objects.filter(device__in=device_ids, at__gte=since, at__lt=until)
        .order_by("-device_id", "at", "id")  # the index devicestatus_newest_first, backwards
        .values_list("device_id", "status", "at")
    )
    present = unnoted(Device.objects.filter(pk__in=device_ids), at=at).order_by("-pk").iterator(CHUNK_SIZE)
    newest = ((row["pk"], row["present"], beginning_of(row)) for row in present)
    up_to_the_end = (change for change in newest if change[2] < until)
    # Where the devices are equal, the standing status comes first.
    streams = (standing.iterator(CHUNK_SIZE), within.iterator(CHUNK_SIZE), up_to_the_end)
    return merge(*streams, key=itemgetter(0), reverse=True)


def periods(changes: Iterable[Change], *, since: datetime, until: datetime) -> Iterator[tuple[str, datetime, datetime]]:
    """Each status with its beginning and its end, within `since` and `until`."""
    previous: Change | None = None
    for change in changes:
        if previous is not None:
            ended = change[2] if change[0] == previous[0] else until
            yield previous[1], max(previous[2], since), ended
        previous = change
    if previous is not None:
        yield previous[1], max(previous[2], since), until


def seconds_by_day(began: datetime, ended: datetime) -> Iterator[tuple[date, float]]:
    while began < ended:
        day = began.date()
        midnight = min(start_of(day) + DAY, ended)
        yield day, (midnight - began).total_seconds()
        began = midnight


def start_of(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)

"""The history of the status of devices: a job finds what changed since it last looked, in sets.

A heartbeat writes no history. The job compares what the pulses say now with the last status that was noted, and adds a row for
each difference, with the time since which the new status holds.
"""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Case, F, Q, Value, When

from fleet.devices.models import Device
from fleet.devices.querysets import DeviceQuerySet
from fleet.devices.status import DeviceStatus
from fleet.heartbeats.models import DeviceLastStatus, DeviceStatusChange

# In one transaction; after an outage nearly all devices change.
MAX_AT_ONCE = 5_000


def note_transitions(*, at: datetime) -> dict[str, int] | None:
    """The job. Returns how many devices changed, or None."""
    noted = 0
    while True:
        number = note_some(at=at)
        noted += number
        if number < MAX_AT_ONCE:
            return {"devices": noted} if noted else None


@transaction.atomic
def note_some(*, at: datetime) -> int:
    rows = list(unnoted(Device.objects.all(), at=at).order_by("pk")[:MAX_AT_ONCE])
    changes = [DeviceStatusChange(device_id=row["pk"], status=row["present"], at=beginning_of(row)) for row in rows]
    DeviceStatusChange.objects.bulk_create(changes)
    DeviceLastStatus.objects.bulk_create(
        [DeviceLastStatus(device_id=each.device_id, status=each.status, at=each.at) for each in changes],
        update_conflicts=True,
        unique_fields=["device"],
        update_fields=["status", "at"],
    )
    return len(changes)


def unnoted(devices: DeviceQuerySet, *, at: datetime) -> Any:
    """Rows for `beginning_of`: devices whose last status in the history is not the present one. A retired one has stopped."""
    retired = When(retired_at__isnull=False, then=Value(DeviceStatus.STOPPED.value))
    present = devices.with_status(at=at).annotate(
        noted=F("last_status__status"), present=Case(retired, default=F("status"))
    )
    columns = ("created_at", "retired_at", "pulse__last_seen_at", "pulse__due_at", "offline_at", "last_status__at")
    return present.filter(~Q(present=F("noted")) | Q(noted=None)).values("pk", "present", *columns)


def beginning_of(row: dict[str, Any]) -> datetime:
    """Since when the device has its status, and not before the one that was noted last."""
    began: datetime = (
        row["retired_at"]
        or {
            DeviceStatus.NEVER_SEEN: row["created_at"],
            DeviceStatus.ONLINE: row["pulse__last_seen_at"],
            DeviceStatus.STOPPED: row["pulse__last_seen_at"],
            DeviceStatus.LATE: row["pulse__due_at"],
            DeviceStatus.OFFLINE: row["offline_at"],
        }[row["present"]]
    )
    return began if row["last_status__at"] is None else max(began, row["last_status__at"])

"""What all changes of a device share: lock its row, compare it, write the changed columns, tell the web processes."""

import uuid
from collections.abc import Collection, Iterable
from datetime import datetime

from django.db import connection, transaction
from django.db.models import F

from fleet.devices.errors import DeviceChanged, DeviceNotFound
from fleet.devices.known import known_devices
from fleet.devices.models import Device
from sites.querysets import folded

CHANNEL = "portcullis_device_changed"
# Of one notification; PostgreSQL allows 8,000 bytes.
MAX_NOTIFIED = 200


def device_for_update(device_id: uuid.UUID, *, expected_revisions: Collection[int] | None = None) -> Device:
    # no_key is the lock that an UPDATE takes; inserts of rows that refer to the device do not wait for it.
    device: Device | None = Device.objects.live().select_for_update(no_key=True).filter(pk=device_id).first()
    if device is None:
        raise DeviceNotFound
    if expected_revisions is not None and device.revision not in expected_revisions:
        raise DeviceChanged
    return device


def searchable(device: Device) -> str:
    return folded("\n".join([device.name, device.device_id, str(device.pk), device.role, device.hardware]))


def save_fields(device: Device, fields: Iterable[str], *, at: datetime) -> None:
    """Write the named columns and raise the revision. No other column is written."""
    device.updated_at, device.revision = at, device.revision + 1
    device.save(update_fields=[*fields, "updated_at", "revision"])
    announce([device.pk])


def touch_devices(device_ids: Collection[uuid.UUID], *, at: datetime) -> None:
    """Raise the revision of devices whose heartbeats are answered differently from now on.

    Call it in the transaction of the change. Locks the rows in the order of their ids.
    """
    locked = Device.objects.select_for_update(no_key=True).filter(pk__in=device_ids).order_by("pk")
    found = list(locked.values_list("pk", flat=True))
    Device.objects.filter(pk__in=found).update(revision=F("revision") + 1, updated_at=at)
    announce(found)


def announce(device_ids: list[uuid.UUID]) -> None:
    """At the commit, tell this process and, on PostgreSQL, the others that what they know of these devices is old."""
    transaction.on_commit(lambda: known_devices.forget(device_ids))
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            for start in range(0, len(device_ids), MAX_NOTIFIED):
                payload = " ".join(map(str, device_ids[start : start + MAX_NOTIFIED]))
                cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, payload])

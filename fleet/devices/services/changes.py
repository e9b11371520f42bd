"""What admins change of a device."""

import json
import uuid
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from audit.actors import Actor
from audit.services import record_event
from common.instants import format_instant
from fleet.devices.events import DeviceAction, device_subject
from fleet.devices.models import Device, DeviceKey
from fleet.devices.services.rows import device_for_update, save_fields, searchable
from fleet.devices.validation import checked

EDITABLE = ("name", "role", "hardware", "config")


@transaction.atomic
def update_device(
    device_id: uuid.UUID,
    changes: Mapping[str, Any],
    *,
    by: Actor,
    at: datetime,
    expected_revisions: Collection[int] | None = None,
) -> Device:
    """Change fields of EDITABLE; a value that is equal already is not a change. A new configuration gets the next version.

    Raises InvalidInput, DeviceNotFound, DeviceChanged.
    """
    values = checked({field: changes[field] for field in EDITABLE if field in changes})
    device = device_for_update(device_id, expected_revisions=expected_revisions)
    changed = {field: value for field, value in values.items() if as_json(value) != as_json(getattr(device, field))}
    if not changed:
        return device
    recorded = {field: (getattr(device, field), value) for field, value in changed.items() if field != "config"}
    for field, value in changed.items():
        setattr(device, field, value)
    if "config" in changed:
        # Its text may be long and hold passwords; the event says that it changed.
        recorded["config_version"] = (device.config_version, device.config_version + 1)
        device.config_version += 1
    device.search_text = searchable(device)
    save_fields(device, [*changed, "config_version", "search_text"], at=at)
    record_event(DeviceAction.UPDATED, subject=device_subject(device), by=by, at=at, changes=recorded)
    return device


def as_json(value: Any) -> str:
    """What a device would read: 1, 1.0 and true are different there, but equal in Python."""
    return json.dumps(value, sort_keys=True)


@transaction.atomic
def retire_device(
    device_id: uuid.UUID, *, by: Actor, at: datetime, expected_revisions: Collection[int] | None = None
) -> Device:
    """Retire a device: the API no longer knows it and its keys are refused. Its history is kept.

    Raises DeviceNotFound, DeviceChanged.
    """
    device = device_for_update(device_id, expected_revisions=expected_revisions)
    device.retired_at = at
    DeviceKey.objects.filter(device=device, revoked_at=None).update(revoked_at=at)
    save_fields(device, ["retired_at"], at=at)
    changes = {"retired_at": (None, format_instant(at))}
    record_event(DeviceAction.RETIRED, subject=device_subject(device), by=by, at=at, changes=changes)
    return device

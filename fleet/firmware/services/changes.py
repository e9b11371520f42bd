"""What admins change of a firmware: its notes, and whether it is withdrawn."""

import uuid
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from audit.actors import Actor
from audit.services import record_event
from common.instants import format_instant
from fleet.devices.services import touch_devices
from fleet.firmware.errors import FirmwareChanged, FirmwareNotFound
from fleet.firmware.events import FirmwareAction, firmware_subject
from fleet.firmware.models import Firmware, FirmwareTarget
from fleet.firmware.services.manifests import release_key_of
from fleet.firmware.validation import checked
from licensing.documents import keep_key_listed


@transaction.atomic
def update_firmware(
    firmware_id: uuid.UUID,
    changes: Mapping[str, Any],
    *,
    by: Actor,
    at: datetime,
    expected_revisions: Collection[int] | None = None,
) -> Firmware:
    """Change `notes` and `withdrawn`; a value that is equal already is not a change.

    A withdrawn version is offered to no device, also not to those that have it as their target; they keep the target, and it is
    offered to them again if the version is reinstated. Raises FirmwareInvalid, FirmwareNotFound, FirmwareChanged.
    """
    values = checked({name: changes[name] for name in ("notes", "withdrawn") if name in changes})
    firmware: Firmware | None = Firmware.objects.select_for_update(no_key=True).filter(pk=firmware_id).first()
    if firmware is None:
        raise FirmwareNotFound
    if expected_revisions is not None and firmware.revision not in expected_revisions:
        raise FirmwareChanged
    before = firmware.notes
    changed = []
    if values.get("notes", before) != before:
        firmware.notes = values["notes"]
        changed.append("notes")
        record(FirmwareAction.NOTES_CHANGED, firmware, by=by, at=at, notes=(before, firmware.notes))
    if "withdrawn" in values and values["withdrawn"] != (firmware.withdrawn_at is not None):
        changed += withdraw(firmware, by=by, at=at) if values["withdrawn"] else reinstate(firmware, by=by, at=at)
    if changed:
        firmware.revision += 1
        firmware.save(update_fields=[*changed, "revision"])
    if "withdrawn_at" in changed:
        targeted = FirmwareTarget.objects.filter(firmware=firmware).values_list("device", flat=True)
        touch_devices(list(targeted), at=at)
        release_key_of(firmware)
    return firmware


def withdraw(firmware: Firmware, *, by: Actor, at: datetime) -> list[str]:
    firmware.withdrawn_at = at
    record(FirmwareAction.WITHDRAWN, firmware, by=by, at=at, withdrawn_at=(None, format_instant(at)))
    return ["withdrawn_at"]


def reinstate(firmware: Firmware, *, by: Actor, at: datetime) -> list[str]:
    """Offer it again. If the key of its manifest has left the public set, the job `sign_firmware` signs a new one."""
    assert firmware.withdrawn_at is not None
    before, firmware.withdrawn_at = firmware.withdrawn_at, None
    record(FirmwareAction.REINSTATED, firmware, by=by, at=at, withdrawn_at=(format_instant(before), None))
    if firmware.signed_by_id is None or keep_key_listed(firmware.signed_by_id, at=at):
        return ["withdrawn_at"]
    firmware.manifest, firmware.signed_by_id = None, None
    return ["withdrawn_at", "manifest", "signed_by"]


def record(
    action: FirmwareAction, firmware: Firmware, *, by: Actor, at: datetime, **changes: tuple[str | None, str | None]
) -> None:
    record_event(action, subject=firmware_subject(firmware), by=by, at=at, changes=changes)

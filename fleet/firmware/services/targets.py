"""Which firmware a device should run: set it, clear it, and what heartbeats are told of it."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from audit.actors import Actor
from audit.services import record_event
from common.errors import DomainError
from fleet.devices.errors import DeviceNotFound
from fleet.devices.events import device_subject
from fleet.devices.models import Device
from fleet.devices.services import touch_devices
from fleet.firmware.errors import (
    FirmwareNeedsNewerVersion,
    FirmwareNotFound,
    FirmwareOfOtherHardware,
    FirmwareWithdrawn,
)
from fleet.firmware.events import FirmwareTargetAction
from fleet.firmware.models import Firmware, FirmwareTarget
from fleet.firmware.versions import precedence_key

ADMIN, ROLLOUT = FirmwareTarget.Source.ADMIN, FirmwareTarget.Source.ROLLOUT


@dataclass(frozen=True, slots=True)
class OfferedFirmware:
    """What a device is told of the firmware that it should load; `path` is that of the file, below the API's host."""

    id: uuid.UUID
    version: str
    path: str
    sha256: str
    size: int
    # Exclusive; None is without an end.
    offered_until: datetime | None = None

    def is_offered(self, *, at: datetime) -> bool:
        return self.offered_until is None or at < self.offered_until


def set_target(
    device_id: uuid.UUID,
    firmware_id: uuid.UUID | None,
    *,
    by: Actor,
    at: datetime,
    source: FirmwareTarget.Source = ADMIN,
    offered_until: datetime | None = None,
) -> None:
    """Let a device run this firmware, or with None let it keep what it has. The same target again changes nothing.

    A roll-out says until when the firmware is offered.

    Raises DeviceNotFound, FirmwareNotFound, FirmwareWithdrawn, FirmwareOfOtherHardware, FirmwareNeedsNewerVersion.
    """
    refused = set_targets([device_id], firmware_id, by=by, at=at, source=source, offered_until=offered_until)
    if device_id in refused:
        raise refused[device_id]


@transaction.atomic
def set_targets(
    device_ids: Collection[uuid.UUID],
    firmware_id: uuid.UUID | None,
    *,
    by: Actor,
    at: datetime,
    source: FirmwareTarget.Source,
    offered_until: datetime | None = None,
) -> dict[uuid.UUID, DomainError]:
    """As `set_target`, of many devices. Returns why some of them keep the target that they had, by their ids.

    Locks the devices in the order of their ids. Raises FirmwareNotFound, FirmwareWithdrawn.
    """
    firmware = available_firmware(firmware_id) if firmware_id is not None else None
    locked = Device.objects.live().select_for_update(no_key=True, of=("self",)).filter(pk__in=device_ids).order_by("pk")
    devices = {device.pk: device for device in locked.select_related("pulse")}
    refused: dict[uuid.UUID, DomainError] = {pk: DeviceNotFound() for pk in device_ids if pk not in devices}
    for pk, device in devices.items():
        if firmware and (refusal := why_not(firmware, device)):
            refused[pk] = refusal
    targets = FirmwareTarget.objects.filter(device__in=devices).select_related("firmware")
    before = {target.device_id: target for target in targets}
    wanted = (firmware_id, source, offered_until) if firmware else None
    changed = [device for pk, device in devices.items() if pk not in refused and facts_of(before.get(pk)) != wanted]
    write_targets([device.pk for device in changed], firmware, at=at, source=source, offered_until=offered_until)
    for device in changed:
        record_change(device, before.get(device.pk), firmware, by=by, at=at, source=source)
    return refused


def end_offers(device_ids: Collection[uuid.UUID], firmware_id: uuid.UUID, *, at: datetime) -> None:
    """Offer those devices the firmware no more, if a roll-out has given it to them. They keep it as their target."""
    targets = FirmwareTarget.objects.filter(device__in=device_ids, firmware=firmware_id, offered_until__gt=at)
    ended = list(targets.values_list("device", flat=True))
    targets.filter(device__in=ended).update(offered_until=at)
    touch_devices(ended, at=at)


def targets_of(device_ids: Collection[uuid.UUID], *, at: datetime) -> dict[uuid.UUID, OfferedFirmware]:
    """What those devices are offered at this time, in one statement. Nothing that is withdrawn; a device may run it already."""
    fields = ("device", "firmware", "firmware__version", "firmware__sha256", "firmware__size", "offered_until")
    rows = FirmwareTarget.objects.offered_to(device_ids, at=at).values_list(*fields)
    return {
        device_id: OfferedFirmware(pk, version, file_path(pk), sha256, size, offered_until)
        for device_id, pk, version, sha256, size, offered_until in rows
    }


def facts_of(target: FirmwareTarget | None) -> tuple[Any, ...] | None:
    return (target.firmware_id, target.source, target.offered_until) if target else None


def file_path(firmware_id: uuid.UUID) -> str:
    """Where the file is downloaded. A text, because heartbeats are answered without Django's search through URL patterns."""
    return f"/api/firmware/{firmware_id}/file"


def available_firmware(firmware_id: uuid.UUID) -> Firmware:
    """Not locked: a version that is withdrawn at the same moment is offered to no device, whatever targets it has."""
    firmware: Firmware | None = Firmware.objects.filter(pk=firmware_id).first()
    if firmware is None:
        raise FirmwareNotFound
    if firmware.withdrawn_at is not None:
        raise FirmwareWithdrawn
    return firmware


def why_not(firmware: Firmware, device: Device) -> DomainError | None:
    """Why the device may not run the firmware. What it runs is compared if it has said so, as a semantic version."""
    if firmware.hardware is not None and firmware.hardware != device.hardware:
        hardware = f"its hardware is {device.hardware}" if device.hardware else "its hardware is not known"
        return FirmwareOfOtherHardware(f"The firmware is for {firmware.hardware}; of the device, {hardware}.")
    reported = device.pulse.firmware_version
    running = precedence_or_none(reported)
    if firmware.min_from is not None and running is not None and running < precedence_key(firmware.min_from):
        return FirmwareNeedsNewerVersion(
            f"It can be installed from {firmware.min_from} on; the device runs {reported}."
        )
    return None


def precedence_or_none(version: str) -> bytes | None:
    try:
        return precedence_key(version)
    except ValueError:
        return None  # devices may report any text


def write_targets(
    device_ids: Collection[uuid.UUID],
    firmware: Firmware | None,
    *,
    at: datetime,
    source: FirmwareTarget.Source,
    offered_until: datetime | None,
) -> None:
    if firmware is None:
        FirmwareTarget.objects.filter(device__in=device_ids).delete()
    else:
        FirmwareTarget.objects.bulk_create(
            [
                FirmwareTarget(device_id=pk, firmware=firmware, set_at=at, source=source, offered_until=offered_until)
                for pk in device_ids
            ],
            update_conflicts=True,
            update_fields=["firmware", "set_at", "source", "offered_until"],
            unique_fields=["device"],
        )
    touch_devices(device_ids, at=at)


def record_change(
    device: Device,
    before: FirmwareTarget | None,
    firmware: Firmware | None,
    *,
    by: Actor,
    at: datetime,
    source: FirmwareTarget.Source,
) -> None:
    versions = (str(before.firmware) if before else None, str(firmware) if firmware else None)
    changes: Mapping[str, tuple[object, object]] = {"target_firmware": versions, "source": (None, str(source))}
    record_event(FirmwareTargetAction.TARGET_CHANGED, subject=device_subject(device), by=by, at=at, changes=changes)

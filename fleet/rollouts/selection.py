"""Which devices a roll-out is for."""

import uuid
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from fleet.devices.models import Device
from fleet.devices.querysets import DeviceQuerySet
from fleet.firmware.models import Firmware


@dataclass(frozen=True)
class Selection:
    """Devices that match all of it; what is None is not asked for. Of `device_ids`, only those devices."""

    organization_id: uuid.UUID | None = None
    location_ids: tuple[uuid.UUID, ...] | None = None
    role: str | None = None
    hardware: str | None = None
    current_version: str | None = None
    device_ids: tuple[uuid.UUID, ...] | None = None

    def as_json(self) -> dict[str, Any]:
        """Without what is not asked for."""
        values = {name: value for name, value in vars(self).items() if value is not None}
        return {
            name: [str(each) for each in value] if isinstance(value, tuple) else str(value)
            for name, value in values.items()
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "Selection":
        values: dict[str, Any] = dict(stored)
        for name in ("location_ids", "device_ids"):
            if name in values:
                values[name] = tuple(uuid.UUID(each) for each in values[name])
        if "organization_id" in values:
            values["organization_id"] = uuid.UUID(values["organization_id"])
        return cls(**values)


def selected_devices(selection: Selection, firmware: Firmware) -> DeviceQuerySet:
    """The devices that match now and for whose hardware the firmware is, by id."""
    wanted = Q()
    lookups = {
        "site__organization": selection.organization_id,
        "site__in": selection.location_ids,
        "role": selection.role,
        "hardware": selection.hardware,
        "pulse__firmware_version": selection.current_version,
        "pk__in": selection.device_ids,
    }
    for lookup, value in lookups.items():
        if value is not None:
            wanted &= Q(**{lookup: value})
    if firmware.hardware is not None:
        wanted &= Q(hardware=firmware.hardware)
    devices: DeviceQuerySet = Device.objects.live().of_live_sites().filter(wanted).order_by("pk")
    return devices

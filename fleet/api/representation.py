"""Devices and locations as JSON."""

from collections.abc import Iterable
from typing import Any

from common.instants import format_instant
from fleet.devices.models import Device
from fleet.devices.status import DeviceStatus


def device_representations(devices: Iterable[Device]) -> list[dict[str, Any]]:
    """Expects devices of `Device.objects.for_representation(at=…)`. The number of statements does not depend on theirs."""
    return [device_representation(device) for device in devices]


def device_representation(device: Device) -> dict[str, Any]:
    state: Any = device  # with the columns that `with_state` adds
    pulse = device.pulse
    return {
        "id": str(device.pk),
        "device_id": device.device_id,
        "name": device.name,
        "role": device.role or None,
        "hardware": device.hardware or None,
        "location_id": str(device.site_id),
        "organization_id": device.site.organization_id and str(device.site.organization_id),
        "status": state.status,
        "last_seen_at": pulse.last_seen_at and format_instant(pulse.last_seen_at),
        "due_at": pulse.due_at and format_instant(pulse.due_at),
        "firmware_version": pulse.firmware_version or None,
        "target_firmware": None,
        "health": None,
        "config": device.config,
        "config_version": device.config_version,
        "key_hint": state.key_hint,
        "created_at": format_instant(device.created_at),
        "updated_at": format_instant(device.updated_at),
    }


def device_counts(counted: dict[str, int]) -> dict[str, int]:
    """By status, from a dict that leaves out what there is none of."""
    return {"total": sum(counted.values()), **{status: counted.get(status, 0) for status in DeviceStatus.values}}

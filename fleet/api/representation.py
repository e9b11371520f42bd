"""Devices and locations as JSON."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from common.instants import format_instant
from fleet.devices.models import Device
from fleet.devices.status import DeviceStatus
from fleet.firmware.models import FirmwareTarget
from fleet.telemetry.services import Sample
from fleet.telemetry.summaries import newest_sample


def device_representations(devices: Iterable[Device]) -> list[dict[str, Any]]:
    """Expects devices of `Device.objects.with_state(at=…)`. The number of statements does not depend on theirs."""
    devices = list(devices)
    ids = [device.pk for device in devices]
    targets = dict(FirmwareTarget.objects.filter(device__in=ids).values_list("device_id", "firmware_id"))
    samples = newest_sample(ids)
    return [device_representation(device, targets.get(device.pk), samples.get(device.pk)) for device in devices]


def device_representation(device: Device, target: UUID | None, sample: Sample | None) -> dict[str, Any]:
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
        "target_firmware": target and str(target),
        "health": sample and {**sample._asdict(), "at": format_instant(sample.at)},
        "config": device.config,
        "config_version": device.config_version,
        "key_hint": state.key_hint,
        "created_at": format_instant(device.created_at),
        "updated_at": format_instant(device.updated_at),
    }


def device_counts(counted: dict[str, int]) -> dict[str, int]:
    """By status, from a dict that leaves out what there is none of."""
    return {"total": sum(counted.values()), **{status: counted.get(status, 0) for status in DeviceStatus.values}}

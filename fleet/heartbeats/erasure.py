"""The part of an erasure for the history of devices and the commands to them."""

import uuid
from collections.abc import Collection

from fleet.heartbeats.models import DeviceBoot, DeviceCommand, DeviceLastStatus, DeviceStatusChange, HeartbeatDay

HISTORY = (HeartbeatDay, DeviceBoot, DeviceStatusChange, DeviceLastStatus)


def history_of(device_ids: Collection[uuid.UUID]) -> dict[str, int]:
    """How many commands, and how many changes of status."""
    return {
        "device_commands": DeviceCommand.objects.filter(device__in=device_ids).count(),
        "device_status_changes": DeviceStatusChange.objects.filter(device__in=device_ids).count(),
    }


def delete_device_history(device_ids: Collection[uuid.UUID]) -> None:
    for device_id in device_ids:  # so that no statement takes as long as the database allows
        for model in (*HISTORY, DeviceCommand):
            model.objects.filter(device=device_id).delete()

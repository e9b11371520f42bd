"""The part of `manage.py prune` for what remains of the heartbeats of devices."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet

from fleet.devices.models import DevicePulse
from fleet.heartbeats.models import DeviceBoot, DeviceCommand, DeviceStatusChange, HeartbeatDay
from fleet.telemetry.prune import delete_by_devices

COMMANDS_KEPT = timedelta(days=90)
BOOTS_KEPT = timedelta(days=90)


def prune_device_history(*, at: datetime) -> dict[str, int]:
    """Delete the history of devices that is older than FLEET_DAYS_KEPT, and commands and boots that ended 90 days ago."""
    before = at - settings.FLEET_DAYS_KEPT
    days = HeartbeatDay.objects.filter(day__lt=before.date())
    commands = DeviceCommand.objects.filter(expires_at__lt=at - COMMANDS_KEPT)
    return {
        "device_status_changes": delete_by_devices(old_status_changes(before)),
        "device_heartbeat_days": delete_by_devices(days),
        "device_boots": delete_by_devices(old_boots(at - BOOTS_KEPT)),
        "device_commands": delete_by_devices(commands),
    }


def old_status_changes(before: datetime) -> QuerySet[DeviceStatusChange]:
    """All of them but the newest one of each device, which says what the device was when the kept history begins."""
    old = DeviceStatusChange.objects.filter(at__lt=before)
    later = Q(at__gt=OuterRef("at")) | Q(at=OuterRef("at"), id__gt=OuterRef("id"))
    return old.filter(Exists(old.filter(later, device=OuterRef("device"))))


def old_boots(before: datetime) -> QuerySet[DeviceBoot]:
    """Not the one that runs: its row has the time at which it began to call."""
    running = DevicePulse.objects.filter(pk=OuterRef("device"), boot_id=OuterRef("boot_id"))
    return DeviceBoot.objects.filter(~Exists(running), last_seen_at__lt=before)

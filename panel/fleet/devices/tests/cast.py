"""Devices of every kind, and where their pages are."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from conftest import RegisteredSite
from fleet.devices.models import Device, DevicePulse
from fleet.devices.services.rows import searchable
from fleet.heartbeats.transitions import note_transitions

DEVICES = "/admin/devices/device/"
PACE = timedelta(seconds=30)
# Names of devices with the age of their last heartbeat.
AGES: dict[str, timedelta | None] = {
    "gone for long": timedelta(days=3),
    "gone": timedelta(hours=1),
    "slow": timedelta(seconds=45),
    "twin": timedelta(seconds=5),
    "zebra": timedelta(seconds=1),
    "Äpfel": timedelta(seconds=2),
    "apple": timedelta(seconds=3),
    "stopped": timedelta(days=9),
    "waiting": None,
    "fresh": None,
}
TRIAGE = ["gone for long", "gone", "slow", "twin", "waiting", "Äpfel", "apple", "fresh", "stopped", "zebra"]
# The orders of "Äpfel" and "apple" differ: ICU on PostgreSQL, a function on SQLite; see docs/decisions/0095.


def page_of(device_id: object, part: str = "change") -> str:
    return f"{DEVICES}{device_id}/{part}/"


def create_device(site: RegisteredSite, name: str, *, seen: datetime | None, at: datetime, **facts: Any) -> Device:
    device = Device(
        site_id=uuid.UUID(site.site_id),
        device_id=name.replace(" ", "-").replace("Ä", "A"),
        name=name,
        created_at=at - timedelta(days=30),
        updated_at=at,
        **{"role": "till", "hardware": "pi4", **facts},
    )
    device.search_text = searchable(device)
    device.save(force_insert=True)
    pulse = DevicePulse(device=device, firmware_version="1.2.0")
    if seen is not None:
        pulse.last_seen_at, pulse.due_at, pulse.day, pulse.day_heartbeats = seen, seen + PACE, seen.date(), 7
    pulse.save(force_insert=True)
    return device


def every_kind(site: RegisteredSite, *, at: datetime) -> dict[str, Device]:
    """By name, in no order; their status is noted."""
    devices = {
        name: create_device(site, name, seen=None if age is None else at - age, at=at) for name, age in AGES.items()
    }
    Device.objects.filter(name="twin").update(clone_suspected_at=at)
    Device.objects.filter(name="fresh").update(created_at=at)
    DevicePulse.objects.filter(device__name="stopped").update(is_stopped=True)
    note_transitions(at=at)
    return devices

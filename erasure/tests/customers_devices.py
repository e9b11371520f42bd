"""Devices of the customer who has left, with everything that can name somebody, and a roll-out that is named after them."""

import uuid
from datetime import time, timedelta
from typing import Any

from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Admin
from audit.actors import Actor
from audit.models import Event
from conftest import RegisteredSite
from fleet.devices.models import Device
from fleet.devices.services import retire_device
from fleet.firmware.models import Firmware
from fleet.firmware.tests.rows import add_row
from fleet.heartbeats.commands import send_command
from fleet.heartbeats.transitions import note_transitions
from fleet.rollouts.models import Rollout
from fleet.rollouts.services import create_rollout, pause_rollout, start_rollout
from fleet.rollouts.services.windows import set_maintenance_window
from fleet.rollouts.windows import Window
from fleet.telemetry.rollup import compute_marked_hours
from fleet.telemetry.services import Period, Sample, store_periods, store_samples


def make_devices(api: Any, anna: Admin, site: RegisteredSite, *, address: str, person: str, restaurant: str) -> None:
    """Two devices: one that works, and one that is retired. Their ids, names, roles and configuration name the person."""
    by, now = Actor(Event.Source.ADMIN, anna, "203.0.113.9", "ticket-4711"), timezone.now()
    site_id = uuid.UUID(site.site_id)
    code = api.post(f"/api/locations/{site.site_id}/enrolment-codes", {"uses": 2}).data["code"]
    used, retired = (register(code, f"till-of-{person}-{number}", person, address) for number in (1, 2))
    answer = api.patch(f"/api/devices/{used.pk}", {"name": f"Till beside {person}", "config": {"greet": person}})
    assert answer.status_code == 200
    send_command(used.pk, "restart", by=by, at=now)
    retire_device(retired.pk, by=by, at=now)
    add_measurements(used.pk)
    note_transitions(at=now)
    set_maintenance_window(site_id, Window(time(1), time(4)), by=by, at=now)
    roll_out(add_row("2.0.0", created_at=now), by, site_id=site_id, name=f"Pilot at {restaurant}", reason=restaurant)


def register(code: str, device_id: str, person: str, address: str) -> Device:
    facts = {"name": f"Till of {person}", "role": f"{person}-till", "hardware": f"box-of-{person}"}
    client, now = APIClient(REMOTE_ADDR=address), timezone.now()
    body = {"enrolment_code": code, "device_id": device_id, "firmware_version": f"1.0.0-{person}", **facts}
    answer = client.post("/api/devices/register", body, format="json")
    assert answer.status_code == 201, answer.data
    headers = {"X-Device-ID": answer.data["id"], "X-Device-Key": answer.data["device_key"]}
    for boot in (uuid.uuid4(), uuid.uuid4()):
        report = {"firmware_version": f"1.0.0-{person}", "uptime_seconds": 60, "boot_id": str(boot), "sequence": 1}
        assert client.post("/api/devices/heartbeat", report, format="json", headers=headers).status_code == 200
    device: Device = Device.objects.get(pk=answer.data["id"], created_at__gte=now)
    return device


def add_measurements(device_id: uuid.UUID) -> None:
    """Four samples and a period. Hours and days are computed from all but the last sample, whose hour stays marked."""
    now = timezone.now()
    start = now - timedelta(hours=3)
    store_samples(device_id, [Sample(start + timedelta(minutes=each), 12.5, 512, 1024) for each in range(3)], at=now)
    store_periods(device_id, [Period(start, start + timedelta(hours=1), {"transactions": 17.0})], at=now)
    compute_marked_hours(at=now, most=100)
    store_samples(device_id, [Sample(now, 12.5, 512, 1024)], at=now)


def roll_out(firmware: Firmware, by: Actor, *, site_id: uuid.UUID, name: str, reason: str) -> Rollout:
    """One that is paused because of the customer."""
    now = timezone.now()
    rollout = create_rollout(firmware_id=firmware.pk, name=name, pilot_site_id=site_id, by=by, at=now)
    start_rollout(rollout.pk, by=by, at=now)
    return pause_rollout(rollout.pk, reason=f"until {reason} answers", by=by, at=now)

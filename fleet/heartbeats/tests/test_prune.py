"""When the history of devices is deleted."""

import uuid
from datetime import timedelta
from typing import Any

import pytest

from audit.actors import SYSTEM
from conftest import Clock, RegisteredSite
from fleet.devices.models import DevicePulse, EnrolmentCode
from fleet.devices.prune import prune_enrolment_codes
from fleet.devices.services import retire_device
from fleet.heartbeats.models import DeviceBoot, DeviceCommand, DeviceStatusChange, HeartbeatDay
from fleet.heartbeats.prune import prune_device_history
from fleet.heartbeats.tests.calls import RegisteredDevice, a_device

pytestmark = pytest.mark.django_db

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _days(settings: Any) -> None:
    settings.FLEET_DAYS_KEPT = 100 * DAY


@pytest.fixture
def till(roma: RegisteredSite) -> RegisteredDevice:
    return a_device(roma)


def add_changes(device: RegisteredDevice, clock: Clock, *days_ago: int) -> None:
    for number, ago in enumerate(days_ago):
        status = "online" if number % 2 else "offline"
        DeviceStatusChange.objects.create(device_id=device.id, status=status, at=clock.at - ago * DAY)


def changes_of(device: RegisteredDevice, clock: Clock) -> list[int]:
    """How many days ago, the oldest first."""
    found = DeviceStatusChange.objects.filter(device=device.id).order_by("at").values_list("at", flat=True)
    return [(clock.at - at).days for at in found]


def test_the_newest_change_before_the_kept_ones_stays(
    roma: RegisteredSite, till: RegisteredDevice, clock: Clock
) -> None:
    silent, retired = a_device(roma, "silent"), a_device(roma, "retired")
    add_changes(till, clock, 300, 200, 101, 100, 5)
    add_changes(silent, clock, 300, 250)
    add_changes(retired, clock, 400, 250, 250)
    retire_device(retired.id, by=SYSTEM, at=clock.at)
    newest = DeviceStatusChange.objects.filter(device=retired.id).order_by("-id")[0]
    assert prune_device_history(at=clock.at)["device_status_changes"] == 5
    assert (changes_of(till, clock), changes_of(silent, clock)) == ([101, 100, 5], [250])
    assert DeviceStatusChange.objects.get(device=retired.id) == newest
    assert prune_device_history(at=clock.at)["device_status_changes"] == 0


def test_heartbeats_by_day_are_kept_as_long(till: RegisteredDevice, clock: Clock) -> None:
    for ago in (102, 101, 100, 1):
        HeartbeatDay.objects.create(device_id=till.id, day=clock.at.date() - ago * DAY, heartbeats=7)
    assert prune_device_history(at=clock.at)["device_heartbeat_days"] == 2
    assert HeartbeatDay.objects.count() == 2


def test_commands_are_deleted_90_days_after_their_end(till: RegisteredDevice, clock: Clock) -> None:
    for name, ended in (("restart", 90 * DAY + SECOND), ("identify", 90 * DAY), ("send_health", -SECOND)):
        end = clock.at - ended
        DeviceCommand.objects.create(
            device_id=till.id, name=name, created_at=end - timedelta(hours=1), expires_at=end, delivered_at=None
        )
    assert prune_device_history(at=clock.at)["device_commands"] == 1
    assert {command.name for command in DeviceCommand.objects.all()} == {"identify", "send_health"}


def test_the_boot_that_runs_stays(till: RegisteredDevice, clock: Clock) -> None:
    running, old, young = (uuid.uuid4() for _ in range(3))
    DevicePulse.objects.filter(pk=till.id).update(boot_id=running)
    for boot, ago in ((running, 200), (old, 91), (young, 89)):
        seen = clock.at - ago * DAY
        DeviceBoot.objects.create(device_id=till.id, boot_id=boot, first_seen_at=seen, last_seen_at=seen)
    assert prune_device_history(at=clock.at)["device_boots"] == 1
    assert set(DeviceBoot.objects.values_list("boot_id", flat=True)) == {running, young}


def test_codes_are_deleted_90_days_after_they_expired(roma: RegisteredSite, clock: Clock) -> None:
    for hint, ended, used in (("used", 90 * DAY + SECOND, 1), ("old", 91 * DAY, 0), ("young", 90 * DAY, 0)):
        end = clock.at - ended
        EnrolmentCode.objects.create(
            site_id=roma.site_id,
            digest=hint.ljust(64, "0"),
            hint=hint,
            uses=1,
            used=used,
            created_at=end - DAY,
            expires_at=end,
        )
    assert prune_enrolment_codes(at=clock.at) == {"enrolment_codes": 2}
    assert [code.hint for code in EnrolmentCode.objects.all()] == ["young"]

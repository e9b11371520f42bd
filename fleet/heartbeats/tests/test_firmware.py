"""The firmware that a heartbeat's answer offers."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from audit.actors import SYSTEM
from conftest import Clock, RegisteredSite
from fleet.devices import known
from fleet.devices.known import KnownDevices, known_devices
from fleet.firmware.models import Firmware, FirmwareTarget
from fleet.firmware.services import set_target
from fleet.firmware.tests.rows import add_row
from fleet.heartbeats.tests.calls import RegisteredDevice, a_device

pytestmark = pytest.mark.django_db


@pytest.fixture
def till(roma: RegisteredSite, clock: Clock) -> RegisteredDevice:
    return a_device(roma, firmware_version="1.0.0")


def give(device: RegisteredDevice, firmware: Firmware | None) -> None:
    set_target(device.id, firmware.pk if firmware else None, by=SYSTEM, at=timezone.now())


def test_a_target_is_offered_until_the_device_runs_it(till: RegisteredDevice, clock: Clock) -> None:
    assert "firmware" not in till.call().json()
    firmware = add_row("1.1.0")
    give(till, firmware)
    offered = {
        "version": "1.1.0",
        "url": f"http://testserver/api/firmware/{firmware.pk}/file",
        "sha256": firmware.sha256,
        "size": firmware.size,
    }
    for version in ("1.0.0", None):
        clock.move(seconds=30)
        assert till.call(firmware_version=version).json()["firmware"] == offered
    clock.move(seconds=30)
    assert "firmware" not in till.call(firmware_version="1.1.0").json()
    clock.move(seconds=30)
    assert "firmware" not in till.call().json()


def test_a_device_that_fell_back_is_offered_it_again(till: RegisteredDevice, clock: Clock) -> None:
    give(till, add_row("1.1.0"))
    assert "firmware" not in till.call(firmware_version="1.1.0").json()
    clock.move(seconds=30)
    assert "firmware" in till.call(firmware_version="1.0.0").json()


def test_a_target_that_is_taken_away_or_withdrawn_is_not_offered(till: RegisteredDevice) -> None:
    firmware = add_row("1.1.0")
    give(till, firmware)
    Firmware.objects.update(withdrawn_at=timezone.now())
    assert "firmware" not in till.call().json()
    Firmware.objects.update(withdrawn_at=None)
    assert "firmware" in till.call().json()
    give(till, None)
    assert "firmware" not in till.call().json()


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[KnownDevices]:
    """Devices stay known, as in a web process."""
    monkeypatch.setattr(known_devices, "is_kept", True)
    monkeypatch.setattr(known, "TRUSTED_SECONDS", 1_000)
    yield known_devices
    known_devices.forget_all()


def test_a_rollouts_target_is_not_offered_after_its_end(
    till: RegisteredDevice, clock: Clock, memory: KnownDevices
) -> None:
    firmware, until = add_row("1.1.0"), clock.at + timedelta(minutes=1)
    source = FirmwareTarget.Source.ROLLOUT
    set_target(till.id, firmware.pk, by=SYSTEM, at=clock.at, source=source, offered_until=until)
    assert "firmware" in till.call().json()
    clock.move(seconds=59)
    assert "firmware" in till.call().json()
    # No worker has run in the meantime, and what the web process knows of the device it has read before.
    extras = memory.by_id[till.id].answer
    assert extras.target.version == "1.1.0"
    clock.move(seconds=1)
    assert "firmware" not in till.call().json()
    assert memory.by_id[till.id].answer is extras

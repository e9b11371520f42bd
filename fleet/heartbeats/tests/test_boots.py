"""Two boxes that use one key are noticed, and nothing else is."""

import uuid

import pytest

from audit.actors import SYSTEM
from audit.models import Event
from conftest import Clock, RegisteredSite
from fleet.devices.models import Device
from fleet.heartbeats.boots import dismiss_device_clone
from fleet.heartbeats.models import DeviceBoot
from fleet.heartbeats.tests.calls import RegisteredDevice, a_device

pytestmark = pytest.mark.django_db


@pytest.fixture
def till(roma: RegisteredSite, clock: Clock) -> RegisteredDevice:
    return a_device(roma)


class Box:
    """A box with the till's key."""

    def __init__(self, device: RegisteredDevice, clock: Clock) -> None:
        self.device, self.clock = device, clock
        self.boot_id, self.sequence = str(uuid.uuid4()), 0

    def call(self, *, sequence: int | None = None) -> None:
        self.sequence = sequence or self.sequence + 1
        self.clock.move(seconds=10)
        assert self.device.call(boot_id=self.boot_id, sequence=self.sequence).status_code == 200


def is_suspected() -> bool:
    return Device.objects.get().clone_suspected_at is not None


def test_two_boots_that_alternate_are_suspected_at_the_second_heartbeat_of_each(
    till: RegisteredDevice, clock: Clock
) -> None:
    one, other = Box(till, clock), Box(till, clock)
    for box in (one, other, one):
        box.call()
        assert not is_suspected()
    other.call()
    assert is_suspected()
    (event,) = Event.objects.filter(action="device.clone_suspected")
    assert sorted(event.changes["boot_ids"][1]) == sorted([one.boot_id, other.boot_id])
    one.call()
    assert Event.objects.filter(action="device.clone_suspected").count() == 1


def test_restarts_are_no_clone(till: RegisteredDevice, clock: Clock) -> None:
    for _ in range(25):
        box = Box(till, clock)
        for _ in range(3):
            box.call()
    assert not is_suspected()
    assert DeviceBoot.objects.count() == 20


def test_a_heartbeat_that_arrives_after_the_next_boot_is_no_clone(till: RegisteredDevice, clock: Clock) -> None:
    one, other = Box(till, clock), Box(till, clock)
    for _ in range(3):
        one.call()
    other.call()
    one.call(sequence=2)
    other.call()
    one.call(sequence=3)
    other.call()
    assert not is_suspected()


def test_what_was_dismissed_is_raised_again_by_both(till: RegisteredDevice, clock: Clock) -> None:
    one, other = Box(till, clock), Box(till, clock)
    for box in (one, other, one, other):
        box.call()
    dismiss_device_clone(till.id, by=SYSTEM, at=clock.at)
    assert not is_suspected()
    one.call()
    assert not is_suspected()
    other.call()
    assert is_suspected()

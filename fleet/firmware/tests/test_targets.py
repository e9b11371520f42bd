"""Which firmware a device should run, and what its heartbeats are told."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import Admin
from audit.actors import SYSTEM, Actor
from audit.models import Event
from conftest import Clock, RegisteredSite
from fleet.devices.errors import DeviceNotFound
from fleet.devices.models import Device
from fleet.devices.services import register_device, retire_device
from fleet.firmware.errors import (
    FirmwareNeedsNewerVersion,
    FirmwareNotFound,
    FirmwareOfOtherHardware,
    FirmwareWithdrawn,
)
from fleet.firmware.models import Firmware, FirmwareTarget
from fleet.firmware.services import OfferedFirmware, end_offers, set_target, set_targets, targets_of
from fleet.firmware.tests.rows import add_row

pytestmark = pytest.mark.django_db

AddDevice = Callable[..., Device]
ADMIN, ROLLOUT = FirmwareTarget.Source.ADMIN, FirmwareTarget.Source.ROLLOUT


@pytest.fixture
def add_device(roma: RegisteredSite, clock: Clock) -> AddDevice:
    def add(device_id: str = "till-1", **facts: str) -> Device:
        return register_device(uuid.UUID(roma.site_id), device_id=device_id, by=SYSTEM, at=clock.at, **facts).device

    return add


def give(device: Device, firmware: Firmware | None) -> None:
    set_target(device.pk, firmware.pk if firmware else None, by=SYSTEM, at=timezone.now())


def give_by_rollout(device: Device, firmware: Firmware, clock: Clock, *, until: datetime) -> None:
    set_target(device.pk, firmware.pk, by=SYSTEM, at=clock.at, source=ROLLOUT, offered_until=until)


def soon() -> datetime:
    return timezone.now() + timedelta(hours=1)


def test_a_device_is_offered_its_target(add_device: AddDevice) -> None:
    device, firmware = add_device(), add_row("1.2.0")
    give(device, firmware)
    offered = OfferedFirmware(firmware.pk, "1.2.0", f"/api/firmware/{firmware.pk}/file", firmware.sha256, 1_000)
    assert targets_of([device.pk], at=timezone.now()) == {device.pk: offered}


def test_devices_without_a_target_are_offered_nothing(add_device: AddDevice) -> None:
    one, other = add_device("till-1"), add_device("till-2")
    give(one, add_row())
    assert set(targets_of([one.pk, other.pk], at=timezone.now())) == {one.pk}
    give(one, None)
    assert targets_of([one.pk, other.pk], at=timezone.now()) == {}
    assert not FirmwareTarget.objects.exists()


def test_a_withdrawn_version_is_not_offered(add_device: AddDevice) -> None:
    device, firmware = add_device(), add_row()
    give(device, firmware)
    Firmware.objects.filter(pk=firmware.pk).update(withdrawn_at=timezone.now())
    assert targets_of([device.pk], at=timezone.now()) == {}


def test_a_rollouts_target_is_offered_until_its_end(add_device: AddDevice, clock: Clock) -> None:
    device, firmware, end = add_device(), add_row(), clock.at + timedelta(hours=1)
    give_by_rollout(device, firmware, clock, until=end)
    assert targets_of([device.pk], at=end - timedelta(seconds=1))[device.pk].offered_until == end
    assert targets_of([device.pk], at=end) == {}
    # The next roll-out of the same version, and an admin, offer it again.
    give_by_rollout(device, firmware, clock, until=end + timedelta(days=1))
    assert device.pk in targets_of([device.pk], at=end)
    set_target(device.pk, firmware.pk, by=SYSTEM, at=clock.at)
    assert device.pk in targets_of([device.pk], at=end + timedelta(days=1_000))
    assert Device.objects.get(pk=device.pk).revision == device.revision + 3


def test_an_offer_that_is_ended_keeps_the_target_and_leaves_those_of_admins(
    add_device: AddDevice, clock: Clock
) -> None:
    device, other, firmware = add_device(), add_device("till-2"), add_row()
    give_by_rollout(device, firmware, clock, until=soon())
    set_target(other.pk, firmware.pk, by=SYSTEM, at=clock.at)
    end_offers([device.pk, other.pk], firmware.pk, at=clock.at)
    assert set(targets_of([device.pk, other.pk], at=clock.at)) == {other.pk}
    assert FirmwareTarget.objects.filter(firmware=firmware).count() == 2
    revisions = dict(Device.objects.values_list("pk", "revision"))
    assert revisions == {device.pk: device.revision + 2, other.pk: other.revision + 1}


def test_the_offers_of_many_devices_are_one_statement(
    add_device: AddDevice, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    devices = [add_device(f"till-{number}") for number in range(20)]
    pks, now = [device.pk for device in devices], timezone.now()
    set_targets(pks, add_row().pk, by=SYSTEM, at=now, source=ROLLOUT, offered_until=soon())
    with django_assert_num_queries(1):
        assert len(targets_of(pks, at=now)) == 20


def test_a_new_target_raises_the_devices_revision_and_is_an_event(
    add_device: AddDevice, anna: Admin, clock: Clock
) -> None:
    device, first, second = add_device(), add_row("1.0.0"), add_row("2.0.0")
    by = Actor(Event.Source.API, anna)
    set_target(device.pk, first.pk, by=by, at=clock.move(minutes=1))
    set_target(device.pk, second.pk, by=by, at=clock.move(minutes=1))
    set_target(device.pk, second.pk, by=by, at=clock.move(minutes=1))  # changes nothing
    set_target(device.pk, None, by=by, at=clock.move(minutes=1))
    set_target(device.pk, None, by=by, at=clock.move(minutes=1))  # changes nothing
    assert Device.objects.get(pk=device.pk).revision == device.revision + 3
    events = Event.objects.filter(action="device.target_firmware_changed").order_by("sequence")
    assert [event.changes["target_firmware"] for event in events] == [
        [None, "till 1.0.0"],
        ["till 1.0.0", "till 2.0.0"],
        ["till 2.0.0", None],
    ]
    assert {(event.subject_id, event.actor_name) for event in events} == {(str(device.pk), "anna")}


def test_the_source_of_the_newest_change_is_kept(add_device: AddDevice, clock: Clock) -> None:
    device, firmware = add_device(), add_row()
    set_target(device.pk, add_row("0.9.0").pk, by=SYSTEM, at=clock.at)
    set_target(device.pk, firmware.pk, by=SYSTEM, at=clock.move(hours=1), source=ROLLOUT, offered_until=soon())
    target = FirmwareTarget.objects.get()
    assert (target.firmware_id, target.source, target.set_at) == (firmware.pk, "rollout", clock.at)


@pytest.mark.parametrize(("of_device", "of_firmware"), [("pi-4", "pi-5"), ("", "pi-5"), ("PI-5", "pi-5")])
def test_a_firmware_for_other_hardware_is_refused(add_device: AddDevice, of_device: str, of_firmware: str) -> None:
    device = add_device(hardware=of_device)
    with pytest.raises(FirmwareOfOtherHardware):
        give(device, add_row(hardware=of_firmware))
    assert targets_of([device.pk], at=timezone.now()) == {}


@pytest.mark.parametrize("of_firmware", ["pi-5", None])
def test_a_firmware_for_this_hardware_or_for_all_is_taken(add_device: AddDevice, of_firmware: str | None) -> None:
    device = add_device(hardware="pi-5")
    give(device, add_row(hardware=of_firmware))
    assert device.pk in targets_of([device.pk], at=timezone.now())


@pytest.mark.parametrize("running", ["1.9.9", "2.0.0-rc.1"])
def test_a_device_below_min_from_is_refused(add_device: AddDevice, running: str) -> None:
    device = add_device(firmware_version=running)
    with pytest.raises(FirmwareNeedsNewerVersion, match=running):
        give(device, add_row("3.0.0", min_from="2.0.0"))


@pytest.mark.parametrize("running", ["2.0.0", "2.0.0+b7", "10.0.0", "", "build 7"])
def test_a_device_from_min_from_on_or_of_an_unknown_version_is_taken(add_device: AddDevice, running: str) -> None:
    device = add_device(firmware_version=running)
    give(device, add_row("3.0.0", min_from="2.0.0"))
    assert device.pk in targets_of([device.pk], at=timezone.now())


def test_unknown_and_withdrawn_firmware_is_refused(add_device: AddDevice) -> None:
    device = add_device()
    with pytest.raises(FirmwareNotFound):
        set_target(device.pk, device.pk, by=SYSTEM, at=timezone.now())
    with pytest.raises(FirmwareWithdrawn):
        give(device, add_row(withdrawn_at=timezone.now()))


def test_a_retired_device_has_no_target_to_set(add_device: AddDevice) -> None:
    device = add_device()
    retire_device(device.pk, by=SYSTEM, at=timezone.now())
    with pytest.raises(DeviceNotFound):
        give(device, add_row())


def test_of_many_devices_those_that_do_not_fit_keep_their_target(add_device: AddDevice, clock: Clock) -> None:
    old, fitting = add_row("1.0.0"), add_row("2.0.0", hardware="pi-5")
    good, bad = add_device("till-1", hardware="pi-5"), add_device("till-2", hardware="pi-4")
    give(bad, old)
    unknown = uuid.UUID(int=7)
    refused = set_targets(
        [bad.pk, unknown, good.pk], fitting.pk, by=SYSTEM, at=clock.at, source=ROLLOUT, offered_until=soon()
    )
    assert {pk: error.code for pk, error in refused.items()} == {
        bad.pk: "firmware_of_other_hardware",
        unknown: "device_not_found",
    }
    assert {pk: offer.version for pk, offer in targets_of([good.pk, bad.pk], at=timezone.now()).items()} == {
        good.pk: "2.0.0",
        bad.pk: "1.0.0",
    }

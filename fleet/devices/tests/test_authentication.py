"""Who is taken for a device, and who is not."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import TestCase
from django.utils import timezone

from audit.actors import SYSTEM
from audit.models import Event
from common.keys import key_digests
from conftest import Clock, RegisteredSite
from fleet.devices.authentication import DeviceCredentials, authenticate_device, read_key, read_key_with_orm
from fleet.devices.errors import InvalidDeviceCredentials
from fleet.devices.known import KnownDevice, known_devices
from fleet.devices.models import Device, DeviceKey
from fleet.devices.services import register_device, retire_device, rotate_device_key
from fleet.devices.services.keys import note_use_of_new_key
from fleet.devices.services.registration import NewDevice
from sites.services import deactivate_site, deregister_site, lock_site

pytestmark = pytest.mark.django_db


@pytest.fixture
def till(roma: RegisteredSite, clock: Clock) -> NewDevice:
    return register_device(uuid.UUID(roma.site_id), device_id="till-1", by=SYSTEM, at=clock.at)


def authenticate(device: object, key: str) -> KnownDevice:
    return authenticate_device(DeviceCredentials(str(device), key), ip="192.0.2.1", at=timezone.now())


def test_a_device_with_its_key_is_known(till: NewDevice, roma: RegisteredSite) -> None:
    known = authenticate(till.device.pk, till.device_key)
    assert (known.id, str(known.site_id), known.device_id) == (till.device.pk, roma.site_id, "till-1")
    assert till.device_key.startswith("pdk_")
    assert till.device_key not in str(list(DeviceKey.objects.values()))


@pytest.mark.parametrize("part", ["id", "key", "both", "empty", "malformed", "long", "nul"])
def test_all_that_is_wrong_is_refused_alike(till: NewDevice, part: str) -> None:
    right = (str(till.device.pk), till.device_key)
    other = (str(uuid.uuid4()), till.device_key[:-1] + ("a" if till.device_key[-1] != "a" else "b"))
    given = {
        "id": (other[0], right[1]),
        "key": (right[0], other[1]),
        "both": other,
        "empty": ("", ""),
        "malformed": ("till-1", right[1]),
        "long": (right[0], right[1] * 1_000),
        "nul": (right[0], "\0" + right[1]),
    }
    with pytest.raises(InvalidDeviceCredentials):
        authenticate(*given[part])
    assert authenticate(*right).id == till.device.pk


def test_a_retired_device_is_refused(till: NewDevice, clock: Clock) -> None:
    retire_device(till.device.pk, by=SYSTEM, at=clock.at)
    with pytest.raises(InvalidDeviceCredentials):
        authenticate(till.device.pk, till.device_key)


def test_the_devices_of_a_deregistered_site_are_still_known(
    till: NewDevice, roma: RegisteredSite, clock: Clock
) -> None:
    deregister_site(uuid.UUID(roma.site_id), by=SYSTEM, at=clock.at)
    known = authenticate(till.device.pk, till.device_key)
    assert not known.is_licensed(at=clock.at)


def test_the_second_use_of_a_new_key_ends_the_old_one(till: NewDevice, clock: Clock) -> None:
    new = rotate_device_key(till.device.pk, by=SYSTEM, at=clock.at).device_key
    for _ in range(3):
        authenticate(till.device.pk, till.device_key)
    authenticate(till.device.pk, new)
    authenticate(till.device.pk, till.device_key)
    authenticate(till.device.pk, new)
    with pytest.raises(InvalidDeviceCredentials):
        authenticate(till.device.pk, till.device_key)
    authenticate(till.device.pk, new)


def test_the_old_key_ends_with_the_overlap(till: NewDevice, clock: Clock) -> None:
    rotate_device_key(till.device.pk, by=SYSTEM, at=clock.at, overlap=timedelta(hours=2))
    clock.move(hours=1, minutes=59)
    authenticate(till.device.pk, till.device_key)
    clock.move(minutes=1)
    with pytest.raises(InvalidDeviceCredentials):
        authenticate(till.device.pk, till.device_key)


def test_uses_are_not_counted_any_more_after_the_old_key_has_ended(
    till: NewDevice, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that knows the device from before the end must read it again, and once only."""
    monkeypatch.setattr(known_devices, "is_kept", True)
    new = rotate_device_key(till.device.pk, by=SYSTEM, at=clock.at, overlap=timedelta(hours=1)).device_key
    first = authenticate(till.device.pk, new)
    assert first.counts_uses
    clock.move(hours=1)
    revisions = []
    with TestCase.captureOnCommitCallbacks(execute=True):
        authenticate(till.device.pk, new)
    for _ in range(3):
        with TestCase.captureOnCommitCallbacks(execute=True):
            assert not authenticate(till.device.pk, new).counts_uses
        revisions.append(Device.objects.get(pk=till.device.pk).revision)
    assert revisions == [first.revisions[0] + 1] * 3
    note_use_of_new_key(first.key_id, ip=None, at=clock.at)  # a process that has not heard of it yet
    assert Device.objects.get(pk=till.device.pk).revision == revisions[0]
    assert Event.objects.filter(action="device.key_retired").count() == 0, "the key ended by its time"


@pytest.mark.postgresql
def test_the_statement_reads_what_the_orm_reads(till: NewDevice, roma: RegisteredSite, clock: Clock) -> None:
    site_id = uuid.UUID(roma.site_id)

    def read_both(key: str = till.device_key) -> list[object]:
        given = {"device_id": till.device.pk, "at": clock.at}
        return [read_key(key=key, **given), read_key_with_orm(digests=key_digests(key), **given)]

    new = rotate_device_key(till.device.pk, by=SYSTEM, at=clock.at, overlap=timedelta(hours=1)).device_key
    changes: list[Callable[[], object]] = [
        lambda: None,
        lambda: lock_site(site_id, reason="unpaid", by=SYSTEM, at=clock.at),
        lambda: deactivate_site(site_id, by=SYSTEM, at=clock.at),
        lambda: deregister_site(site_id, by=SYSTEM, at=clock.at),
        lambda: clock.move(hours=1),
        lambda: retire_device(till.device.pk, by=SYSTEM, at=clock.at),
    ]
    seen = []
    for change in changes:
        change()
        for key in (till.device_key, new):
            statement, orm = read_both(key)
            assert statement == orm
            seen.append(statement is not None)
    assert seen == [True] * 8 + [False, True, False, False]

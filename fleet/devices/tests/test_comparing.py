"""What a web process knows of devices is compared with the database, whether or not a notification arrived."""

import time
import uuid
from collections.abc import Callable, Iterator

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from audit.actors import SYSTEM
from conftest import Register, RegisteredSite
from fleet.devices.authentication import DeviceCredentials, authenticate_device
from fleet.devices.changes import compare_all
from fleet.devices.known import COMPARED_SECONDS, KnownDevices, known_devices
from fleet.devices.services import register_device, retire_device, rotate_device_key, update_device
from fleet.devices.services.registration import NewDevice
from sites.services import deactivate_site, lock_site

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def kept() -> Iterator[KnownDevices]:
    """As in a web process."""
    known_devices.keep()
    yield known_devices
    known_devices.is_kept = False
    known_devices.forget_all()


def known_device(site_id: str, device_id: str) -> NewDevice:
    new = register_device(uuid.UUID(site_id), device_id=device_id, by=SYSTEM, at=timezone.now())
    authenticate_device(DeviceCredentials(str(new.device.pk), new.device_key), ip=None, at=timezone.now())
    return new


def compare_now(kept: KnownDevices) -> None:
    for entry in kept.by_id.values():
        entry.compared_at -= COMPARED_SECONDS  # its turn has come
    info = connection.connection.info
    with psycopg.connect(info.dsn, password=info.password, autocommit=True) as opened:
        compare_all(opened)


def update(device: uuid.UUID, site: uuid.UUID) -> None:
    update_device(device, {"config": {"till": 2}}, by=SYSTEM, at=timezone.now())


def rotate(device: uuid.UUID, site: uuid.UUID) -> None:
    rotate_device_key(device, by=SYSTEM, at=timezone.now())


def retire(device: uuid.UUID, site: uuid.UUID) -> None:
    retire_device(device, by=SYSTEM, at=timezone.now())


def lock(device: uuid.UUID, site: uuid.UUID) -> None:
    lock_site(site, by=SYSTEM, reason="unpaid", at=timezone.now())


def deactivate(device: uuid.UUID, site: uuid.UUID) -> None:
    deactivate_site(site, by=SYSTEM, reason="closed", at=timezone.now())


@pytest.mark.parametrize("change", [update, rotate, retire, lock, deactivate])
def test_only_what_changed_is_forgotten(
    roma: RegisteredSite, register: Register, kept: KnownDevices, change: Callable[[uuid.UUID, uuid.UUID], None]
) -> None:
    till = known_device(roma.site_id, "till-1")
    elsewhere = known_device(register(name="Bar Napoli").site_id, "till-1")
    compare_now(kept)
    assert set(kept.by_id) == {till.device.pk, elsewhere.device.pk}
    entries = list(kept.by_id.values())
    change(till.device.pk, uuid.UUID(roma.site_id))
    for entry in entries:  # as in another process, which heard nothing of the change
        kept.load(lambda entry=entry: entry)  # type: ignore[misc]
    compare_now(kept)
    assert set(kept.by_id) == {elsewhere.device.pk}


def test_all_entries_are_trusted_anew(roma: RegisteredSite, kept: KnownDevices) -> None:
    for number in range(20):
        known_device(roma.site_id, f"till-{number}")
    began = time.monotonic()
    compare_now(kept)
    assert len(kept.by_id) == 20
    assert all(entry.compared_at >= began for entry in kept.by_id.values())

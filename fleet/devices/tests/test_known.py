"""What a process knows of devices: trusted for seconds, compared in sets, forgotten when something changes."""

import time
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from fleet.devices import known as known_module
from fleet.devices.known import COMPARED_SECONDS, TRUSTED_SECONDS, KnownDevice, KnownDevices

SITE = uuid.UUID(int=99)


class Monotonic:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def monotonic(monkeypatch: pytest.MonkeyPatch) -> Monotonic:
    clock = Monotonic()
    monkeypatch.setattr(time, "monotonic", clock)
    return clock


@pytest.fixture
def known(monotonic: Monotonic) -> KnownDevices:
    devices = KnownDevices()
    devices.keep()
    return devices


def device(number: int = 1, *, site: uuid.UUID = SITE, at: float = 1_000.0, **facts: Any) -> KnownDevice:
    return KnownDevice(
        id=uuid.UUID(int=number),
        id_text=str(uuid.UUID(int=number)),
        site_id=site,
        device_id=f"till-{number}",
        digest="d",
        key_id=1,
        key_expires_at=None,
        counts_uses=False,
        revisions=(1, 1),
        config_version=1,
        is_active=True,
        license_expires_at=datetime(2027, 1, 1, tzinfo=UTC),
        is_locked=False,
        is_deregistered=False,
        compared_at=at,
        **facts,
    )


def add(known: KnownDevices, *devices: KnownDevice) -> None:
    for each in devices:
        known.load(lambda each=each: each)  # type: ignore[misc]


def test_an_entry_is_trusted_for_seconds_and_only_with_its_key(known: KnownDevices, monotonic: Monotonic) -> None:
    till = device()
    add(known, till)
    monotonic.now += TRUSTED_SECONDS
    assert known.find(till.id, "d") is till
    assert known.find(till.id, "other") is None
    monotonic.now += 0.01
    assert known.find(till.id, "d") is None


def test_where_nothing_compares_nothing_is_kept() -> None:
    devices = KnownDevices()
    add(devices, device())
    assert devices.by_id == {}


def test_what_is_compared_is_trusted_longer_and_what_differs_is_forgotten(
    known: KnownDevices, monotonic: Monotonic
) -> None:
    same, changed, gone = (device(number) for number in (1, 2, 3))
    add(known, same, changed, gone)
    monotonic.now += COMPARED_SECONDS + 0.1
    entries = known.to_compare()
    assert entries == [same, changed, gone]
    known.compared(entries, {changed.id, gone.id}, asked_at=monotonic.now)
    monotonic.now += COMPARED_SECONDS
    assert known.find(same.id, "d") is same
    assert set(known.by_id) == {same.id}


def test_an_entry_that_was_read_while_others_are_compared_is_kept(known: KnownDevices, monotonic: Monotonic) -> None:
    add(known, device())
    monotonic.now += COMPARED_SECONDS + 0.1
    entries, asked_at = known.to_compare(), monotonic.now
    newer = device(at=asked_at + 1)
    add(known, newer)
    known.compared(entries, {newer.id}, asked_at=asked_at)
    assert known.by_id == {newer.id: newer}
    known.compared(entries, set(), asked_at=asked_at)
    assert newer.compared_at == asked_at + 1


def test_a_change_while_the_database_is_read_is_not_overlooked(known: KnownDevices) -> None:
    till = device()

    def read() -> KnownDevice:
        known.forget([till.id])  # another thread, just then
        return till

    assert known.load(read) is till
    assert known.by_id == {}


def test_all_devices_of_a_site_are_forgotten(known: KnownDevices) -> None:
    elsewhere = device(9, site=uuid.UUID(int=98))
    add(known, device(1), device(2), elsewhere)
    known.forget_site(SITE)
    assert set(known.by_id) == {elsewhere.id}
    assert set(known.of_site) == {elsewhere.site_id}


def test_there_is_a_bound_and_each_entry_gets_its_turn(
    known: KnownDevices, monotonic: Monotonic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_module, "MAX_KNOWN", 50)
    add(known, *(device(number) for number in range(1, 61)))
    assert len(known.by_id) == 50
    assert known.to_compare() == []
    monotonic.now += COMPARED_SECONDS + 0.1
    known.compared(known.to_compare(), set(), asked_at=monotonic.now)
    assert known.to_compare() == []
    assert all(each.compared_at == monotonic.now for each in known.by_id.values())

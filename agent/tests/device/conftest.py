"""Fixtures of the device client's tests."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from portcullis_agent.device import Device, DeviceSettings, enrol
from portcullis_agent.device.server import HttpDeviceServer
from portcullis_agent.device.state import DeviceStore

from ..certificates import Authority
from ..simulated_clock import SimulatedClock
from .fleet import CODE, Fleet, served

MakeDevice = Callable[..., Device]


class Readings:
    """A source of samples without a machine."""

    def __init__(self) -> None:
        self.count = 0

    def read(self) -> dict[str, Any]:
        self.count += 1
        sample = {"cpu_usage_percent": 1.5, "memory_used_mb": 100, "memory_total_mb": 1000, "disk_used_percent": 10.0}
        return {**sample, "temperature_celsius": float(self.count)}


@pytest.fixture(autouse=True)
def _disk_that_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests write thousands of small files; none of them cuts the power."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture(scope="session")
def small_authorities(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Authority(tmp_path_factory.mktemp("authority")).file


@pytest.fixture(autouse=True)
def _few_authorities(small_authorities: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To read all that the world trusts takes a tenth of a second for each client, and the fleet has no TLS here."""
    monkeypatch.setenv("SSL_CERT_FILE", str(small_authorities))


@pytest.fixture
def fleet(clock: SimulatedClock) -> Fleet:
    return Fleet(lambda: clock.now)


@pytest.fixture
def fleet_url(fleet: Fleet) -> Iterator[str]:
    with served(fleet) as address:
        yield address


@pytest.fixture
def settings(fleet: Fleet, fleet_url: str, tmp_path: Path) -> DeviceSettings:
    """Of a device that was enrolled at the fleet."""
    wanted = DeviceSettings(fleet_url, tmp_path / "state", device_id="till-1", product="till", firmware_version="1.0.0")
    server, store = HttpDeviceServer(wanted), DeviceStore(wanted.state_dir)
    enrolled = enrol(server, store, code=CODE).settings
    server.close()
    store.close()
    fleet.requests.clear()
    return enrolled


@pytest.fixture
def make_device(settings: DeviceSettings, clock: SimulatedClock) -> Iterator[MakeDevice]:
    """Devices with the simulated clock and one state folder; closed at the end."""
    devices = []

    def make(changes: dict[str, Any] | None = None, **options: Any) -> Device:
        for device in devices:
            device.close()
        random_source = random.Random(len(devices))
        options = {"clock": clock, "health": Readings(), "random_source": random_source, **options}
        devices.append(Device(replace(settings, **(changes or {})), **options))
        devices[-1].open()
        return devices[-1]

    yield make
    for device in devices:
        device.close()


def run_for(device: Device, clock: SimulatedClock, seconds: float) -> None:
    end = clock.now + seconds
    while clock.now < end:
        clock.advance(max(min(device.step(), end - clock.now), 0.001))

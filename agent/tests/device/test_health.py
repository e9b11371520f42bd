"""Readings of the machine, from files as kernels write them."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from portcullis_agent.device.health import find_source
from portcullis_agent.device.health.machine import (
    read_disk,
    read_memory,
    read_processor_times,
    read_temperature,
)
from portcullis_agent.device.health.sources import LinuxSource, PsutilSource

from ..simulated_clock import SimulatedClock
from .conftest import MakeDevice, run_for
from .fleet import HEALTH_FIELDS, Fleet

STAT = "cpu  {} 0 {} {} {} 0 0 0 {} 0\ncpu0 1 2 3 4 5 6 7 8 9 0\nintr 7\n"
MEMORY = "MemTotal:        3884332 kB\nMemFree:          100000 kB\nMemAvailable:    2860032 kB\nBuffers: 1 kB\n"


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/stat").write_text(STAT.format(100, 50, 800, 50, 25))
    (tmp_path / "proc/meminfo").write_text(MEMORY)
    return tmp_path


def zone(machine: Path, number: int, temperature: str, name: str | None = None) -> None:
    folder = machine / f"sys/class/thermal/thermal_zone{number}"
    folder.mkdir(parents=True)
    (folder / "temp").write_text(temperature)
    if name is not None:
        (folder / "type").write_text(name + "\n")


def test_the_processors_use_is_that_between_two_samples(machine: Path) -> None:
    source = find_source("/", machine / "proc", machine / "sys")
    assert source
    (machine / "proc/stat").write_text(STAT.format(180, 70, 950, 100, 60))
    sample = source.read()
    assert sample["cpu_usage_percent"] == pytest.approx(100 * 100 / 300, abs=0.1), "guests are in user already"
    assert source.read()["cpu_usage_percent"] == 0, "no tick since then"
    (machine / "proc/stat").write_text(STAT.format(100, 50, 800, 50, 25))
    assert source.read()["cpu_usage_percent"] == 0, "counters that fell"
    assert set(sample) == HEALTH_FIELDS, "without a sensor"
    assert (sample["memory_used_mb"], sample["memory_total_mb"]) == (1000, 3793)


def test_old_kernels_have_less_to_read(machine: Path) -> None:
    (machine / "proc/stat").write_text("cpu 10 0 10 80\n")
    assert read_processor_times(machine / "proc") == (20, 100)
    (machine / "proc/meminfo").write_text("MemTotal: 102400 kB\nMemFree: 1024 kB\nBuffers: 1024 kB\nCached: 2048 kB\n")
    assert read_memory(machine / "proc") == (96, 100)


@pytest.mark.parametrize(
    ("stat", "memory"),
    [("", MEMORY), ("intr 7\n", MEMORY), ("cpu a b c d\n", MEMORY), ("cpu 1 2 3 4\n", ""), ("cpu 1\n", "x")],
)
def test_files_of_another_form_are_no_source(
    machine: Path, monkeypatch: pytest.MonkeyPatch, stat: str, memory: str
) -> None:
    monkeypatch.setitem(sys.modules, "psutil", None)
    (machine / "proc/stat").write_text(stat)
    (machine / "proc/meminfo").write_text(memory)
    assert find_source("/", machine / "proc", machine / "sys") is None
    assert find_source("/nowhere", machine / "proc", machine / "sys") is None


def test_the_processors_sensor_is_preferred(machine: Path) -> None:
    assert read_temperature(machine / "sys") is None
    zone(machine, 0, "71500\n", "battery")
    assert read_temperature(machine / "sys") == 71.5
    zone(machine, 1, "48312\n", "cpu-thermal")
    zone(machine, 2, "49000\n", "x86_pkg_temp")
    zone(machine, 3, "-273000\n", "cpu-dead")
    zone(machine, 4, "nothing\n", "soc")
    zone(machine, 5, "200000\n", "soc")
    zone(machine, 6, "20000\n")
    (machine / "sys/class/thermal/thermal_zone7").mkdir()
    assert read_temperature(machine / "sys") == 49.0


def test_this_machine_can_be_read() -> None:
    source = find_source()
    assert isinstance(source, LinuxSource)
    sample = source.read()
    assert set(sample) - {"temperature_celsius"} == HEALTH_FIELDS
    assert 0 <= sample["cpu_usage_percent"] <= 100
    assert 0 < sample["memory_used_mb"] < sample["memory_total_mb"]
    assert 0 < read_disk("/") <= 100


class Psutil(SimpleNamespace):
    """The part of psutil that is used."""

    Error = type("Error", (Exception,), {})
    is_broken = False

    def cpu_percent(self, interval: None) -> float:
        return 12.34

    def virtual_memory(self) -> Any:
        if self.is_broken:
            raise self.Error("no memory")
        return SimpleNamespace(total=1000 * 1024**2, available=600 * 1024**2)

    def sensors_temperatures(self) -> dict[str, list[Any]]:
        return {"cpu": [SimpleNamespace(current=40.04), SimpleNamespace(current=None)]}


def test_psutil_is_used_where_there_is_no_proc(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = Psutil()
    monkeypatch.setitem(sys.modules, "psutil", module)
    source = find_source("/", machine / "none", machine / "none")
    assert isinstance(source, PsutilSource)
    sample = source.read()
    del sample["disk_used_percent"]
    assert sample == {
        "cpu_usage_percent": 12.3,
        "memory_used_mb": 400,
        "memory_total_mb": 1000,
        "temperature_celsius": 40.0,
    }
    module.is_broken = True
    with pytest.raises(OSError, match="no memory"):
        source.read()


def test_a_sample_that_cannot_be_read_is_left_out(
    make_device: MakeDevice, fleet: Fleet, clock: SimulatedClock, machine: Path, caplog: pytest.LogCaptureFixture
) -> None:
    device = make_device(health=LinuxSource(machine / "proc", machine / "sys"))
    (machine / "proc/meminfo").unlink()
    run_for(device, clock, 1_000)
    assert fleet.samples == {}
    assert len(fleet.heartbeats) > 20
    assert len([record for record in caplog.records if record.levelno == logging.WARNING]) == 1
    (machine / "proc/meminfo").write_text(MEMORY)
    run_for(device, clock, 400)
    assert fleet.samples

"""Where samples come from: /proc and sysfs, or psutil where they are missing."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, Protocol

from portcullis_agent.device.health.machine import (
    percent,
    read_disk,
    read_memory,
    read_processor_times,
    read_temperature,
)

Sample = dict[str, Any]  # the fields of a sample by their names in the contract, without `at`


class HealthSource(Protocol):
    def read(self) -> Sample:
        """One sample. The processor's use is that since the last call. OSError or ValueError."""


class LinuxSource:
    def __init__(self, proc: Path = Path("/proc"), sysfs: Path = Path("/sys"), disk: str = "/") -> None:
        self._proc, self._sysfs, self._disk = proc, sysfs, disk
        self._times = read_processor_times(proc)

    def read(self) -> Sample:
        busy, total = read_processor_times(self._proc)
        busy_before, total_before = self._times
        self._times = busy, total
        used, memory = read_memory(self._proc)
        sample: Sample = {
            "cpu_usage_percent": percent(busy - busy_before, total - total_before),
            "memory_used_mb": used,
            "memory_total_mb": memory,
            "disk_used_percent": read_disk(self._disk),
        }
        temperature = read_temperature(self._sysfs)
        return sample if temperature is None else {**sample, "temperature_celsius": temperature}


class PsutilSource:
    def __init__(self, psutil: Any, disk: str = "/") -> None:
        self._psutil, self._disk = psutil, disk
        psutil.cpu_percent(interval=None)

    def read(self) -> Sample:
        try:
            memory = self._psutil.virtual_memory()
            sample: Sample = {
                "cpu_usage_percent": percent(self._psutil.cpu_percent(interval=None), 100),
                "memory_used_mb": round((memory.total - memory.available) / 1024**2),
                "memory_total_mb": round(memory.total / 1024**2),
                "disk_used_percent": read_disk(self._disk),
            }
            sensors: dict[str, Any] = getattr(self._psutil, "sensors_temperatures", dict)()
        except self._psutil.Error as error:
            raise OSError(str(error)) from error
        temperatures = [entry.current for entries in sensors.values() for entry in entries if entry.current]
        return {**sample, "temperature_celsius": round(max(temperatures), 1)} if temperatures else sample


def find_source(disk: str = "/", proc: Path = Path("/proc"), sysfs: Path = Path("/sys")) -> HealthSource | None:
    """The source of this machine; None if it has neither /proc nor psutil."""
    try:
        source = LinuxSource(proc, sysfs, disk)
        source.read()
    except (OSError, ValueError):
        pass
    else:
        return source
    try:
        return PsutilSource(importlib.import_module("psutil"), disk)
    except ImportError:
        return None

"""Readings from /proc and sysfs (proc(5), the kernel's thermal sysfs interface)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

LOWEST_CELSIUS, HIGHEST_CELSIUS = -60.0, 150.0  # a sensor that is not connected says less or more
_PROCESSOR_ZONES = ("cpu", "soc", "x86_pkg", "core", "package")


def read_processor_times(proc: Path) -> tuple[float, float]:
    """Ticks since the start of the machine: busy, and in all. OSError or ValueError."""
    with (proc / "stat").open(encoding="ascii") as opened:
        name, *fields = opened.readline().split()
    if name != "cpu" or len(fields) < 4:
        raise ValueError(f"{proc}/stat has no line of all processors")
    # user nice system idle iowait irq softirq steal; guests are in user and nice already
    ticks = [int(field) for field in fields[:8]]
    idle = ticks[3] + (ticks[4] if len(ticks) > 4 else 0)
    return float(sum(ticks) - idle), float(sum(ticks))


def read_memory(proc: Path) -> tuple[int, int]:
    """Used and total MB. What the kernel can free at once is not used. OSError or ValueError."""
    sizes = {}
    with (proc / "meminfo").open(encoding="ascii") as opened:
        for line in opened:
            name, _, value = line.partition(":")
            sizes[name] = int(value.split()[0])
    total = sizes.get("MemTotal", 0)
    if total <= 0:
        raise ValueError(f"{proc}/meminfo has no MemTotal")
    free = sizes.get("MemAvailable")
    if free is None:  # before Linux 3.14
        free = sizes.get("MemFree", 0) + sizes.get("Buffers", 0) + sizes.get("Cached", 0)
    return round(max(total - free, 0) / 1024), round(total / 1024)


def read_temperature(sysfs: Path) -> float | None:
    """The hottest sensor of the processor in °C, or of all if none is named so; None without a sensor."""
    zones = list(_zones(sysfs))
    of_processor = [celsius for name, celsius in zones if name.lower().startswith(_PROCESSOR_ZONES)]
    return max(of_processor or [celsius for _, celsius in zones], default=None)


def _zones(sysfs: Path) -> Iterator[tuple[str, float]]:
    for zone in sorted(sysfs.glob("class/thermal/thermal_zone*")):
        try:
            celsius = int((zone / "temp").read_text(encoding="ascii")) / 1000
        except (OSError, ValueError):
            continue
        try:
            name = (zone / "type").read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            name = ""
        if LOWEST_CELSIUS <= celsius <= HIGHEST_CELSIUS:
            yield name, round(celsius, 1)


def read_disk(path: str) -> float:
    """Percent of the disk that is used, of what ordinary users could use, as `df` says. OSError."""
    found = os.statvfs(path)
    used = found.f_blocks - found.f_bfree
    return percent(used, used + found.f_bavail)


def percent(part: float, whole: float) -> float:
    return round(min(max(100 * part / whole, 0.0), 100.0), 1) if whole > 0 else 0.0

"""What a tree of processes has used, read from /proc."""

import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
# Positions in /proc/PID/stat after the name, which may itself hold spaces and brackets.
PARENT, TIMES = 1, slice(11, 15)  # user, system, and both again of exited children that were waited for


@dataclass(frozen=True)
class Memory:
    """Resident bytes. `rss` counts a page shared by n processes n times, `pss` once."""

    rss: int
    pss: int


def stat_fields(pid: int) -> list[str] | None:
    """None if there is no such process, or no longer: processes end while one looks at them."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def process_tree(root: int) -> list[int]:
    children: dict[int, list[int]] = defaultdict(list)
    for entry in os.listdir("/proc"):
        fields = stat_fields(int(entry)) if entry.isdigit() else None
        if fields:
            children[int(fields[PARENT])].append(int(entry))
    tree = [root]
    for pid in tree:
        tree += children[pid]
    return tree


def cpu_seconds(root: int) -> float:
    """User and system time of the process and all that descend from it, exited ones included."""
    ticks = 0
    for pid in process_tree(root):
        fields = stat_fields(pid)
        if fields:
            ticks += sum(int(field) for field in fields[TIMES])
    return ticks / TICKS_PER_SECOND


def resident_memory(root: int) -> Memory:
    kilobytes: dict[str, int] = defaultdict(int)
    for pid in process_tree(root):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
            name, value = line.split()[:2]
            kilobytes[name] += int(value)
    return Memory(rss=kilobytes["Rss:"] * 1024, pss=kilobytes["Pss:"] * 1024)

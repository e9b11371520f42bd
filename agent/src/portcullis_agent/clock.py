"""The clocks of this machine, in one object that tests replace."""

from __future__ import annotations

import time
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Clock:
    """Readings of the machine's clocks, in seconds."""

    def wall(self) -> float:
        """The date and time that the machine shows. Used for notices, never for a decision."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds since the machine started, with the time in which it was suspended. It cannot be set."""
        clock = getattr(time, "CLOCK_BOOTTIME", None)
        return time.monotonic() if clock is None else time.clock_gettime(clock)

    def machine_boot(self) -> str:
        """A name of this start of the machine, the same in all processes; readings of `monotonic` compare within it."""
        try:
            return _BOOT_ID.read_text(encoding="ascii").strip()
        except OSError:
            return ""

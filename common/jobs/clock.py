"""A clock that cannot be set, and a watch over the clock that can."""

import logging
import time
from datetime import datetime, timedelta

TOLERANCE_SECONDS = 300.0
HOLD_SECONDS = 600.0
# Counts while the machine sleeps, too; only Linux has it.
STEADY_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
log = logging.getLogger("portcullis.jobs")


def steady_seconds() -> float:
    """Seconds since the machine started, whatever is done to the time of day."""
    return time.clock_gettime(STEADY_CLOCK)


class ClockWatch:
    """Notices when the time of day jumps ahead, by comparing it with the steady clock at each look.

    Most jobs delete what is old. After a jump ahead everything is old, so they wait until somebody has had the time to set
    the clock right; if nobody does, the new time is taken as right. A jump back deletes nothing and is followed at once.
    """

    def __init__(self) -> None:
        self.offset: float | None = None
        self.held_until: float | None = None

    def is_steady(self, now: datetime) -> bool:
        steady = steady_seconds()
        offset = now.timestamp() - steady
        ahead = 0.0 if self.offset is None else offset - self.offset
        if ahead <= TOLERANCE_SECONDS or (self.held_until is not None and steady >= self.held_until):
            self.offset, self.held_until = offset, None
            return True
        if self.held_until is None:
            self.held_until = steady + HOLD_SECONDS
            jump = timedelta(seconds=round(ahead))
            log.error("the database's clock has jumped ahead by %s: no job starts for %d s", jump, HOLD_SECONDS)
        return False

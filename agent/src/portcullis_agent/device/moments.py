"""When something happened, by the server's clock: many devices have no clock that goes on without power.

A moment is noted with all that may date it later: the server's time if it is known, the machine's start and its monotonic
clock, and the date that the machine shows, which is used if nothing better comes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from portcullis_agent.clock import Clock
from portcullis_agent.device.state import MOST_BOOTS, DeviceStore

LATEST = 253402300799.0  # the last second of the year 9999


@dataclass(frozen=True)
class Moment:
    """`at` is the server's time, if it was known; `wall` the machine's date."""

    at: float | None
    boot: str
    monotonic: float
    wall: float

    def encode(self) -> list[Any]:
        return [self.at, self.boot, self.monotonic, self.wall]

    @classmethod
    def decode(cls, value: Any) -> Moment:
        """ValueError or TypeError if it is none."""
        at, boot, monotonic, wall = value
        return cls(None if at is None else float(at), str(boot), float(monotonic), float(wall))


class ServerClock:
    """The server's time by this machine's monotonic clock, which a change of the machine's date does not move."""

    def __init__(self, clock: Clock, store: DeviceStore) -> None:
        self._clock = clock
        self._store = store
        self._boot = clock.machine_boot()
        self._zero = self._first_zero(self._boot)  # the server's time when the monotonic clock was 0

    @property
    def is_known(self) -> bool:
        """Whether the server's time is known since this start of the machine."""
        return self._zero is not None

    def note_server_time(self, server_time: datetime, *, sent_at: float) -> None:
        """Set the clock by an answer to a request that was sent at `sent_at` of the monotonic clock."""
        self._zero = server_time.timestamp() - (sent_at + self._clock.monotonic()) / 2
        if self._boot and self._first_zero(self._boot) is None:
            clocks = (*self._store.state.clocks, (self._boot, self._zero))
            self._store.change(clocks=clocks[-MOST_BOOTS:])

    def now(self) -> Moment:
        monotonic = self._clock.monotonic()
        at = None if self._zero is None else self._zero + monotonic
        return Moment(at, self._boot, monotonic, self._clock.wall())

    def date(self, moment: Moment) -> float:
        """The moment in seconds since 1970. The same at each call, so that what is sent twice is known as the same.

        For that, a moment before the first contact after a start of the machine is dated by this first contact.
        """
        zero = self._first_zero(moment.boot)
        at = moment.at if moment.at is not None else moment.wall if zero is None else zero + moment.monotonic
        return min(max(at, 0.0), LATEST)

    def _first_zero(self, boot: str) -> float | None:
        return dict(self._store.state.clocks).get(boot) if boot else None


def rfc3339(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), tz=timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")

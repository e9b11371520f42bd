"""Counters and averages of the application, in periods of an hour by the server's clock.

telemetry.json   the open period, written each minute: a kill loses a minute at most
"""

from __future__ import annotations

import json
import logging
import math
import re
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from portcullis_agent.clock import Clock
from portcullis_agent.device.moments import Moment, ServerClock
from portcullis_agent.device.queue import Queue
from portcullis_agent.encoding import decode_object
from portcullis_agent.errors import StateError
from portcullis_agent.state import read_bounded, replace_durably

logger = logging.getLogger("portcullis_agent")

PERIOD_SECONDS = 60 * 60
KEEP_EVERY_SECONDS = 60.0
MOST_METRICS = 50
LARGEST = 1e15
_NAME = re.compile(r"[a-z0-9_]{1,64}\Z")


@dataclass
class _Period:
    start: Moment
    totals: dict[str, float] = field(default_factory=dict)
    averages: dict[str, tuple[float, int]] = field(default_factory=dict)  # the sum and the number of what was observed

    @property
    def numbers(self) -> dict[str, float]:
        means = {name: total / count for name, (total, count) in self.averages.items()}
        return {name: round(value, 6) for name, value in sorted({**self.totals, **means}.items())}


class Telemetry:
    """`count` and `observe` may be called by any thread at any time; they use neither the disk nor the network."""

    def __init__(self, clock: Clock, server_clock: ServerClock, queue: Queue, file: Path) -> None:
        self._clock, self._server_clock, self._queue, self._file = clock, server_clock, queue, file
        self._lock = threading.Lock()
        self._period = _Period(server_clock.now())
        self._has_changed = self._has_warned = self._is_open = False
        self.due_at = clock.monotonic() + KEEP_EVERY_SECONDS

    def count(self, name: str, amount: float = 1) -> None:
        """Add to `total_NAME` of this hour. ValueError if the server would not take the name."""
        self._add(_metric("total_", name), amount, is_total=True)

    def observe(self, name: str, value: float) -> None:
        """Note a value for `average_NAME` of this hour. ValueError if the server would not take the name."""
        self._add(_metric("average_", name), value, is_total=False)

    def _add(self, name: str, value: float, *, is_total: bool) -> None:
        number = float(value)
        with self._lock:
            period = self._period
            is_known = name in period.totals or name in period.averages
            is_full = not is_known and len(period.totals) + len(period.averages) >= MOST_METRICS
            if is_full or not (math.isfinite(number) and abs(number) <= LARGEST):
                self._warn(name, f"there are {MOST_METRICS} already" if is_full else "it is no number of a usual size")
            elif is_total:
                period.totals[name] = period.totals.get(name, 0.0) + number
                self._has_changed = True
            else:
                total, count = period.averages.get(name, (0.0, 0))
                period.averages[name] = total + number, count + 1
                self._has_changed = True

    def _warn(self, name: str, reason: str) -> None:
        if not self._has_warned:
            logger.warning("Telemetry: %s is left out, because %s.", name, reason)
            self._has_warned = True

    def open(self) -> None:
        """Take over what a process before this one left open. Its period ends when it was written last."""
        if self._is_open:
            return
        self._is_open = True
        try:
            found = decode_object(read_bounded(self._file))
            period = _Period(
                Moment.decode(found["start"]),
                {str(name): float(value) for name, value in found["totals"].items()},
                {str(name): (float(total), int(count)) for name, (total, count) in found["averages"].items()},
            )
            end = Moment.decode(found["end"])
        except FileNotFoundError:
            return
        except (OSError, StateError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            logger.warning("The telemetry of the last minutes before this start is lost: %s.", error)
            return
        self._enqueue(period, end)
        self._remove_file()

    def step(self) -> None:
        """Close the period if its hour is over, and keep it each minute."""
        now = self._clock.monotonic()
        if now < self.due_at:
            return
        self.due_at = now + KEEP_EVERY_SECONDS
        if self._is_over(self._server_clock.now()):
            self.close_period()
        elif self._has_changed:
            self._keep()

    def _is_over(self, now: Moment) -> bool:
        start = self._period.start
        if now.at is None:
            return now.monotonic - start.monotonic >= PERIOD_SECONDS
        return now.at // PERIOD_SECONDS != self._server_clock.date(start) // PERIOD_SECONDS

    def close_period(self) -> None:
        """End the period now and put it into the queue. One without numbers is not sent."""
        now = self._server_clock.now()
        with self._lock:
            period = self._period
            if now.monotonic - period.start.monotonic < 1 and period.numbers:
                return  # two periods of one second would have the same times
            self._period, self._has_changed, self._has_warned = _Period(now), False, False
        self._enqueue(period, now)
        self._remove_file()

    def _enqueue(self, period: _Period, end: Moment) -> None:
        if period.numbers:
            self._queue.append({"start": period.start.encode(), "end": end.encode(), "numbers": period.numbers})

    def _keep(self) -> None:
        with self._lock:
            self._has_changed = False
            document: dict[str, Any] = {
                "start": self._period.start.encode(),
                "end": self._server_clock.now().encode(),
                "totals": self._period.totals,
                "averages": self._period.averages,
            }
            content = json.dumps(document).encode("ascii")
        with suppress(OSError):  # the queue says what is wrong with the disk
            replace_durably(self._file, content)

    def keep(self) -> None:
        if self._has_changed:
            self._keep()

    def _remove_file(self) -> None:
        with suppress(OSError):
            self._file.unlink()


def _metric(prefix: str, name: str) -> str:
    metric = name if name.startswith(prefix) else prefix + name
    if not _NAME.match(metric) or metric in {"total_", "average_"}:
        raise ValueError(f"{metric!r} is no name of a metric: at most 64 of a–z, 0–9 and _.")
    return metric

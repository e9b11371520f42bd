"""A clock that moves only when the test says so."""

from __future__ import annotations

from portcullis_agent import Clock

from .signing import START


class SimulatedClock(Clock):
    """`now` is the true time. `wall_error` is what the machine's date is off, in seconds; `boots` counts restarts."""

    def __init__(self, now: float = START) -> None:
        self.now = now
        self.started = now
        self.wall_error = 0.0
        self.boots = 0

    def wall(self) -> float:
        return self.now + self.wall_error

    def monotonic(self) -> float:
        return self.now - self.started

    def machine_boot(self) -> str:
        return f"boot {self.boots}"

    def advance(self, seconds: float) -> None:
        self.now += seconds

    def restart_machine(self, seconds_off: float = 60) -> None:
        self.now += seconds_off
        self.started = self.now
        self.boots += 1

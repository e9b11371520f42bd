"""An agent, its doorbell and a simulated clock: hours of waits, rings and heartbeats in a moment, without a thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Union

import pytest

from portcullis_agent import Agent
from portcullis_agent.client import RequestFailed
from portcullis_agent.doorbell import Wait

from .control_plane import ControlPlane
from .simulated_clock import SimulatedClock

URL = "https://licenses.example.com/doorbell"
Outcome = Union[int, RequestFailed, None]
Doorbell = Callable[[Wait], "tuple[float, Outcome]"]  # after how many seconds a wait ends, and how


def at_length(wait: Wait) -> tuple[float, Outcome]:
    """As it should be: it rings when the revision rises, else the whole time passes."""
    return wait.seconds, None


def silent(wait: Wait) -> tuple[float, Outcome]:
    """It never rings."""
    return wait.seconds, None


def cut_after(seconds: float, status: int | None = None) -> Doorbell:
    """A proxy that ends connections that were idle for so long."""
    failure = RequestFailed("The answer was cut off.", status=status)
    return lambda wait: (seconds, failure) if wait.seconds >= seconds else (wait.seconds, None)


def failing(status: int | None = None, retry_after: int | None = None) -> Doorbell:
    return lambda wait: (0.01, RequestFailed("The doorbell does not answer.", retry_after, status))


def forged(wait: Wait) -> tuple[float, Outcome]:
    return 0.01, wait.since + 1


def at_once(wait: Wait) -> tuple[float, Outcome]:
    """204 without any waiting, as a server that ends, or a defective proxy."""
    return 0.01, None


class Life:
    """`waits` are all that were sent, with their times. Never more than one is under way."""

    def __init__(
        self, agent: Agent, plane: ControlPlane, clock: SimulatedClock, doorbell: Doorbell = at_length
    ) -> None:
        self.agent, self.plane, self.clock, self.doorbell = agent, plane, clock, doorbell
        self.waits: list[tuple[float, Wait]] = []
        self._under_way: tuple[Wait, float, Outcome] | None = None

    def pass_time(self, seconds: float) -> None:
        end = self.clock.now + seconds
        while self.clock.now < end:
            self._end_wait()
            pause = self.agent.step()
            if self._under_way is None:
                planned = self.agent.next_wait()
                if isinstance(planned, Wait):
                    self.waits.append((self.clock.now, planned))
                    lasts, outcome = self.doorbell(planned)
                    self._under_way = planned, self.clock.now + lasts, outcome
                else:
                    pause = min(pause, planned)
            moments = [end, self.clock.now + pause, self._ends_at()]
            self.clock.advance(max(min(moments) - self.clock.now, 0.001))
        self._end_wait()

    def _rings(self) -> bool:
        return (
            self._under_way is not None
            and self.doorbell is at_length
            and self.plane.revision > self._under_way[0].since
        )

    def _ends_at(self) -> float:
        if self._under_way is None:
            return float("inf")
        return self.clock.now + 0.006 if self._rings() else self._under_way[1]

    def _end_wait(self) -> None:
        if self._under_way is None:
            return
        _, ends_at, outcome = self._under_way
        if self._rings():
            outcome = self.plane.revision
        elif self.clock.now < ends_at:
            return
        self._under_way = None
        if isinstance(outcome, RequestFailed):
            self.agent.wait_failed(outcome)
        else:
            self.agent.wait_ended(outcome)

    def waits_since(self, moment: float) -> list[Wait]:
        return [wait for at, wait in self.waits if at >= moment]

    def beats_since(self, moment: float) -> list[dict[str, Any]]:
        times = self.plane.received_at
        return [body for at, body in zip(times, self.plane.received) if at >= moment]


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the log says of the doorbell."""
    return [f"{record.levelname} {record.message}" for record in caplog.records if "doorbell" in record.message]

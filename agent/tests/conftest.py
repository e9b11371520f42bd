"""Fixtures of the agent's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from portcullis_agent import Agent

from .control_plane import SITE_KEY, ControlPlane, served
from .signing import SITE_ID
from .simulated_clock import SimulatedClock


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock()


@pytest.fixture
def plane(clock: SimulatedClock) -> ControlPlane:
    return ControlPlane(lambda: clock.now)


@pytest.fixture
def url(plane: ControlPlane) -> Iterator[str]:
    with served(plane) as address:
        yield address


@pytest.fixture
def make_agent(plane: ControlPlane, clock: SimulatedClock, tmp_path: Path) -> Iterator[Callable[..., Agent]]:
    """Agents of the control plane in memory, with the simulated clock and one state folder; closed at the end."""
    agents = []

    def make(**changes: Any) -> Agent:
        given: dict[str, Any] = {"url": "https://licenses.example.com", "site_id": SITE_ID, "site_key": SITE_KEY}
        given |= {"state_dir": tmp_path / "state", "clock": clock, "server": plane}
        agent = Agent(**{**given, **changes})
        agents.append(agent)
        return agent

    yield make
    for agent in agents:
        agent.close()

"""The doorbell of a running agent, over real connections: a change reaches the site within seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from portcullis_agent import Agent

from .control_plane import SITE_KEY, ControlPlane, served
from .signing import SITE_ID

SOURCE = str(Path(__file__).parent.parent / "src")
Start = Callable[..., Agent]


@pytest.fixture
def plane() -> ControlPlane:
    return ControlPlane(time.time)


@pytest.fixture
def url(plane: ControlPlane) -> Iterator[str]:
    with served(plane) as address:
        plane.doorbell.append(f"{address}/doorbell")
        yield address


@pytest.fixture
def start(url: str, tmp_path: Path) -> Iterator[Start]:
    """Running agents of one state folder."""
    agents = []

    def begin(**changes: Any) -> Agent:
        agent = Agent(url=url, site_id=SITE_ID, site_key=SITE_KEY, state_dir=tmp_path / "state", **changes)
        agents.append(agent)
        agent.start()
        return agent

    yield begin
    for agent in agents:
        agent.stop()


def until(holds: Callable[[], object], seconds: float = 10) -> float:
    """Wait until it holds; how long that took."""
    started = time.monotonic()
    while not holds():
        assert time.monotonic() - started < seconds, "it does not hold in time"
        time.sleep(0.01)
    return time.monotonic() - started


def test_a_lock_reaches_the_site_within_two_seconds_and_the_server_is_told_that_it_did(
    start: Start, plane: ControlPlane
) -> None:
    agent = start()
    until(lambda: plane.waiting and len(plane.received) == 2)
    assert [body.get("applied_state") for body in plane.received] == [None, "ok"]

    plane.change(locked=True, lock_reason="Invoice 17")
    assert until(lambda: agent.verdict().state == "locked") < 2
    assert until(lambda: plane.received[-1].get("applied_state") == "locked") < 1
    assert plane.received[-1]["applied_revision"] == plane.revision
    until(lambda: plane.waiting)
    assert len(plane.received) == 4

    plane.change(locked=False, lock_reason=None)
    assert until(lambda: agent.verdict().state == "ok") < 4  # three seconds after the ring before, at the soonest
    assert plane.most_waiting == 1

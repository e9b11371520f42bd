"""The doorbell of a running agent, over real connections: a change reaches the site within seconds."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from portcullis_agent import Agent

from .control_plane import SITE_KEY, ControlPlane, served
from .signing import SITE_ID
from .test_forks import in_child

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
    time.sleep(0.5)  # now it sleeps until the next heartbeat

    plane.change(locked=True, lock_reason="Invoice 17")
    assert until(lambda: agent.verdict().state == "locked") < 4  # one second, on a machine that is not busy
    assert until(lambda: plane.received[-1].get("applied_state") == "locked") < 3
    assert plane.received[-1]["applied_revision"] == plane.revision
    until(lambda: plane.waiting)
    assert len(plane.received) == 4

    plane.change(locked=False, lock_reason=None)
    assert until(lambda: agent.verdict().state == "ok") < 6  # three seconds after the ring before
    assert plane.most_waiting == 1


def doorbell_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "portcullis-agent-doorbell"]


def test_stop_ends_a_wait_at_once(start: Start, plane: ControlPlane) -> None:
    agent = start()
    until(lambda: plane.waiting)
    started = time.monotonic()
    agent.stop()
    assert time.monotonic() - started < 2
    until(lambda: not plane.waiting and not doorbell_threads(), 2)
    waits = len(plane.waits)
    plane.change()
    time.sleep(0.5)
    assert len(plane.waits) == waits


def test_an_agent_that_is_started_again_waits_again_and_only_once(start: Start, plane: ControlPlane) -> None:
    agent = start()
    until(lambda: plane.waiting)
    for _ in range(3):
        agent.stop()
        agent.start()
    assert until(lambda: agent._due_at - agent.clock.monotonic() <= 60) < 1
    agent.beat()  # instead of waiting for a minute
    until(lambda: plane.waiting)
    assert plane.most_waiting == 1


def test_two_processes_on_one_folder_wait_once(start: Start, plane: ControlPlane) -> None:
    first = start()
    until(lambda: plane.waiting)
    second = start()
    plane.change(locked=True, lock_reason="Invoice")
    until(lambda: first.verdict().state == "locked")
    until(lambda: second.verdict().state == "locked", 4)
    until(lambda: plane.waiting)
    assert plane.most_waiting == 1
    assert len({body["boot_id"] for body in plane.received}) == 1


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_does_not_wait_beside_its_parent(start: Start, plane: ControlPlane) -> None:
    agent = start()
    until(lambda: plane.waiting)

    def starts_and_stops() -> bool:
        agent.start()
        time.sleep(0.5)
        started = time.monotonic()
        agent.stop()
        return time.monotonic() - started < 2

    assert in_child(starts_and_stops) == 0
    assert plane.most_waiting == 1
    plane.change(locked=True, lock_reason="Invoice")
    assert until(lambda: agent.verdict().state == "locked") < 4


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_that_takes_over_waits_on_a_connection_of_its_own(start: Start, plane: ControlPlane) -> None:
    agent = start()
    until(lambda: plane.waiting)

    def takes_over() -> bool:
        until(lambda: agent.beat().stored)  # when the parent has ended
        agent.start()
        time.sleep(1.5)
        agent.stop()
        return True

    connections = set(plane.doorbell_connections)
    stopped = threading.Timer(0.1, agent.stop)
    stopped.start()
    assert in_child(takes_over) == 0
    stopped.join()
    assert len(plane.doorbell_connections - connections) == 1
    assert plane.most_waiting == 1


def test_the_command_run_ends_during_a_wait(url: str, plane: ControlPlane, tmp_path: Path) -> None:
    environment = {
        "PYTHONPATH": SOURCE,
        "PORTCULLIS_URL": url,
        "PORTCULLIS_SITE_ID": SITE_ID,
        "PORTCULLIS_SITE_KEY": SITE_KEY,
        "PORTCULLIS_STATE": str(tmp_path / "state"),
    }
    process = subprocess.Popen([sys.executable, "-m", "portcullis_agent", "run"], env=environment)
    try:
        until(lambda: plane.waiting)
    finally:
        process.send_signal(signal.SIGTERM)
        started = time.monotonic()
        assert process.wait(10) == 0
    assert time.monotonic() - started < 2


# A person asks


def test_check_now_of_another_process_asks_the_one_that_sends_the_heartbeats(
    start: Start, plane: ControlPlane, tmp_path: Path
) -> None:
    plane.doorbell.append(None)  # as if it could not be used
    start()
    until(lambda: len(plane.received) == 2 and (tmp_path / "state/check.request").exists())
    plane.change(locked=True, lock_reason="Invoice")
    program = """
import json, sys
from portcullis_agent import Agent, Settings
agent = Agent(Settings.load(sys.argv[1], {}, for_reading=True))
before = agent.verdict().state
result = agent.check_now()
print(json.dumps([before, result.stored, result.reason, agent.verdict().state]))
"""
    command = [sys.executable, "-c", program, str(tmp_path / "state")]
    done = subprocess.run(command, env={"PYTHONPATH": SOURCE}, capture_output=True, text=True, timeout=30, check=True)
    assert json.loads(done.stdout) == ["ok", True, None, "locked"]


def test_check_now_of_a_reader_has_the_reason_why_no_lease_came(start: Start, plane: ControlPlane) -> None:
    start()
    until(lambda: len(plane.received) == 2)
    reader = start()
    plane.site_id = "another"
    result = reader.check_now()
    assert (result.stored, result.reason) == (False, "The server does not accept this site's id and key (401).")

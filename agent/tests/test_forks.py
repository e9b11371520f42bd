"""A process that forks after the agent was started, as servers with workers do."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from portcullis_agent import Agent

from .control_plane import SITE_KEY, ControlPlane, served
from .signing import SITE_ID

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def in_child(check: Callable[[], object]) -> int:
    """The exit code of a child that runs `check`: 0 if it returned something true."""
    child = os.fork()
    if child == 0:
        code = 2
        try:
            code = 0 if check() else 1
        finally:
            os._exit(code)
    for _ in range(500):
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return -9


@pytest.fixture
def make_real(plane: ControlPlane, tmp_path: Path) -> Callable[[], Agent]:
    def make() -> Agent:
        return Agent(
            url="https://licenses.example.com", site_id=SITE_ID, site_key=SITE_KEY, state_dir=tmp_path, server=plane
        )

    return make


def test_a_child_reads_also_if_it_was_forked_while_the_parent_read_and_sent(make_real: Callable[[], Agent]) -> None:
    agent = make_real()
    assert agent.beat().stored
    with agent._beating, agent._keeper._reading:
        assert in_child(lambda: (agent.beat().reason or "").startswith("Nothing was sent")) == 0
    assert agent.beat().stored
    agent.close()


def test_a_child_does_not_keep_the_parents_lock(make_real: Callable[[], Agent]) -> None:
    agent, other = make_real(), make_real()
    assert agent.beat().stored

    lives, live = os.pipe()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(write)
        os.write(live, b"1")
        os.read(read, 1)  # until the parent closes its end
        os._exit(0)
    os.read(lives, 1)
    agent.close()
    try:
        assert other.beat().stored
    finally:
        os.close(write)
        os.waitpid(child, 0)
        other.close()


def test_a_child_that_takes_over_is_a_new_start_for_the_server(plane: ControlPlane, tmp_path: Path) -> None:
    with served(plane) as url:
        agent = Agent(url=url, site_id=SITE_ID, site_key=SITE_KEY, state_dir=tmp_path)
        assert agent.beat().stored
        assert agent.beat().stored
        agent.close()
        assert in_child(lambda: agent.beat().stored) == 0
    first, last = plane.received[0], plane.received[-1]
    assert first["instance_id"] == last["instance_id"]
    assert first["boot_id"] != last["boot_id"]
    assert last["sequence"] == 1


def test_a_child_starts_a_thread_of_its_own(plane: ControlPlane, tmp_path: Path) -> None:
    with served(plane) as url:
        agent = Agent(url=url, site_id=SITE_ID, site_key=SITE_KEY, state_dir=tmp_path)
        agent.start()
        for _ in range(200):
            if plane.received:
                break
            time.sleep(0.02)

        def starts() -> bool:
            agent.start()
            return agent._thread is not None and agent._thread.is_alive() and agent.verdict().may_operate

        assert in_child(starts) == 0
        agent.stop()


def test_the_hosts_callback_may_stop_the_agent(plane: ControlPlane, tmp_path: Path) -> None:
    plane.change(locked=True, lock_reason="Invoice")
    with served(plane) as url:
        stopped: list[bool] = []

        def stop(_: object) -> None:
            agent.stop()
            stopped.append(True)

        agent = Agent(url=url, site_id=SITE_ID, site_key=SITE_KEY, state_dir=tmp_path, on_verdict_change=stop)
        agent.start()
        for _ in range(500):
            if stopped and agent._thread and not agent._thread.is_alive():
                break
            time.sleep(0.02)
        assert stopped == [True]
        agent.start()
        assert agent._thread
        assert agent._thread.is_alive()
        agent.stop()


def test_an_agent_starts_again_while_the_thread_that_was_stopped_still_waits_for_an_answer(
    plane: ControlPlane, make_real: Callable[[], Agent], monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived, answered = threading.Event(), threading.Event()
    heartbeat = plane.heartbeat

    def slow(site_id: str, site_key: str, body: dict[str, object]) -> dict[str, object]:
        arrived.set()
        answered.wait(10)
        return heartbeat(site_id, site_key, body)

    monkeypatch.setattr(plane, "heartbeat", slow)
    agent = make_real()
    agent.start()
    assert arrived.wait(10)
    first = agent._thread
    assert first
    agent._stop.set()  # as `stop` does, which then waits for five seconds
    agent.start()
    answered.set()
    first.join(10)
    assert agent._thread
    assert agent._thread.is_alive()
    agent.stop()

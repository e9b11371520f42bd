"""What a dishonest or unlucky owner of the state folder can do, and what the agent does then."""

from __future__ import annotations

import json
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from portcullis_agent import Agent

from .control_plane import ControlPlane
from .simulated_clock import SimulatedClock

DAY = 86400
MakeAgent = Callable[..., Agent]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def agent(make_agent: MakeAgent) -> Agent:
    made = make_agent()
    assert made.beat().stored
    return made


@contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    """No file of this process can grow beyond `size` bytes, as on a disk that is full."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("name", ["trusted_time", "monotonic", "keys_read_at", "keys_asked_at"])
@pytest.mark.parametrize("value", [pytest.param(10**400, id="10^400"), -1, "soon", None, [], True])
def test_no_number_in_the_state_raises_in_verdict(
    name: str, value: Any, agent: Agent, make_agent: MakeAgent, folder: Path, clock: SimulatedClock
) -> None:
    reader = make_agent()
    file = folder / "state.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {name: value}))
    clock.advance(5)
    assert reader.verdict().revision == 1
    assert make_agent().verdict().may_operate


def test_a_pipe_in_place_of_the_state_blocks_nobody(agent: Agent, make_agent: MakeAgent, folder: Path) -> None:
    agent.close()
    (folder / "state.json").unlink()
    os.mkfifo(folder / "state.json")
    assert make_agent().verdict().may_operate


def test_a_link_in_place_of_the_temporary_file_overwrites_nothing(
    agent: Agent, plane: ControlPlane, folder: Path, tmp_path: Path
) -> None:
    precious = tmp_path / "precious"
    precious.write_text("precious")
    (folder / "state.new.json").symlink_to(precious)
    plane.change()
    assert agent.beat().stored
    assert precious.read_text() == "precious"
    assert not (folder / "state.json").is_symlink()


@pytest.mark.skipif(not os.path.isdir("/dev/shm"), reason="/dev/shm, another file system, is not on this machine")
def test_a_state_that_is_a_link_to_another_disk_is_replaced(
    agent: Agent, make_agent: MakeAgent, plane: ControlPlane, folder: Path
) -> None:
    elsewhere = Path("/dev/shm") / f"portcullis-{os.getpid()}.json"
    try:
        elsewhere.write_bytes((folder / "state.json").read_bytes())
        (folder / "state.json").unlink()
        (folder / "state.json").symlink_to(elsewhere)
        plane.change()
        assert agent.beat().reason is None
        assert make_agent().verdict().revision == 2
    finally:
        elsewhere.unlink()


def test_a_full_disk_keeps_no_lease_from_the_site(
    agent: Agent, make_agent: MakeAgent, plane: ControlPlane, folder: Path
) -> None:
    plane.change(locked=True, lock_reason="Invoice")
    with files_limited_to(100):
        result = agent.beat()
        assert (result.stored, agent.verdict().state) == (False, "locked")
        assert "File too large" in (result.reason or "")
        assert any("File too large" in notice for notice in agent.verdict().notices)
    assert make_agent().verdict().revision == 1
    assert agent.beat().stored
    assert agent.verdict().notices == ()


def test_workers_with_a_folder_that_cannot_be_written_do_not_look_like_clones(
    agent: Agent, make_agent: MakeAgent, plane: ControlPlane, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent.close()
    opened = os.open

    def read_only(path: Any, flags: int, *others: Any, **named: Any) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) and str(path).startswith(str(folder)):
            raise OSError(30, "Read-only file system")
        return opened(path, flags, *others, **named)

    monkeypatch.setattr(os, "open", read_only)
    workers = [make_agent() for _ in range(3)]
    reasons = [worker.beat().reason or "" for worker in workers]
    assert "Read-only file system" in reasons[0]
    assert all("another process sends" in reason for reason in reasons[1:])
    assert len({body["boot_id"] for body in plane.received[1:]}) == 1


def test_a_clock_of_the_machine_that_jumped_ahead_ends_no_lease_that_comes_after(
    agent: Agent, make_agent: MakeAgent, clock: SimulatedClock
) -> None:
    """CLOCK_BOOTTIME differs between a container and its host, which have the same boot id."""
    agent.close()
    clock.started -= 100 * DAY
    moved = make_agent()
    assert moved.verdict().state == "lapsed"
    clock.advance(60)
    assert moved.beat().stored
    assert moved.verdict().state == "ok"
    moved.close()
    assert make_agent().verdict().state == "ok"

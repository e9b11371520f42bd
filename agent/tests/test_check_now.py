"""`check_now`: a heartbeat because a person at the site asks for it."""

from __future__ import annotations

import json
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from portcullis_agent import Agent, Settings
from portcullis_agent.checks import CheckRequests
from portcullis_agent.client import RequestFailed

from .control_plane import ControlPlane
from .simulated_clock import SimulatedClock

MakeAgent = Callable[..., Agent]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def reader(folder: Path) -> Callable[[], Agent]:
    """An agent that knows neither the address nor the key, as a local backend beside the service has it."""
    return lambda: Agent(Settings.load(folder, {}, for_reading=True))


def test_it_sends_a_heartbeat_at_once(make_agent: MakeAgent, plane: ControlPlane) -> None:
    agent = make_agent()
    agent.step()
    plane.change(locked=True, lock_reason="Invoice")
    assert agent.check_now().stored
    assert agent.verdict().state == "locked"


def test_within_ten_seconds_it_returns_the_last_result(
    make_agent: MakeAgent, plane: ControlPlane, clock: SimulatedClock
) -> None:
    agent = make_agent()
    agent.step()
    first = agent.check_now()
    plane.site_id = "another"
    clock.advance(9)
    assert agent.check_now() is first
    assert len(plane.received) == 2
    clock.advance(1)
    assert agent.check_now().reason == "The server does not accept this site's id and key (401)."


def test_people_at_several_tills_cause_one_heartbeat(make_agent: MakeAgent, plane: ControlPlane) -> None:
    agent = make_agent()
    agent.step()
    threads = [threading.Thread(target=agent.check_now) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(plane.received) == 2


def test_a_process_that_only_looked_sends_it_itself_if_no_other_one_does(
    make_agent: MakeAgent, plane: ControlPlane
) -> None:
    first = make_agent()
    first.beat()
    first.close()
    plane.change(locked=True, lock_reason="Invoice")
    other = make_agent()
    assert other.check_now().stored
    assert other.verdict().state == "locked"
    assert make_agent().beat().stored, "it lets others write"


def test_a_process_that_runs_goes_on_to_send_the_heartbeats(make_agent: MakeAgent, plane: ControlPlane) -> None:
    first, second = make_agent(), make_agent()
    first.step()
    second.step()
    first.close()
    assert second.check_now().stored
    assert (make_agent().beat().reason or "").startswith("Nothing was sent")


def boots(plane: ControlPlane) -> list[tuple[str, Any]]:
    """The boots of all heartbeats, named A, B, … in the order of their first one, and their numbers."""
    names: dict[Any, str] = {}
    return [
        (names.setdefault(body["boot_id"], chr(ord("A") + len(names))), body["sequence"]) for body in plane.received
    ]


def test_processes_that_send_in_turn_do_not_look_like_clones(
    make_agent: MakeAgent, plane: ControlPlane, clock: SimulatedClock
) -> None:
    for agent in [make_agent(), make_agent()] * 2:
        clock.advance(60)
        assert agent.check_now().stored
    assert boots(plane) == [("A", 1), ("B", 1), ("C", 1), ("D", 1)]
    assert len({body["instance_id"] for body in plane.received}) == 1


def test_a_heartbeat_that_got_no_answer_is_not_repeated_after_another_process_may_have_sent_one(
    make_agent: MakeAgent, plane: ControlPlane, clock: SimulatedClock
) -> None:
    heartbeat = plane.heartbeat

    def lost(*arguments: Any) -> dict[str, Any]:
        heartbeat(*arguments)
        raise RequestFailed("The server did not answer in time.")

    plane.heartbeat = lost  # type: ignore[method-assign]
    for agent in [make_agent(), make_agent()] * 2:
        clock.advance(60)
        assert not agent.check_now().stored
    assert boots(plane) == [("A", 1), ("B", 1), ("C", 1), ("D", 1)]


def test_a_process_that_runs_sends_it_as_its_next_heartbeat(make_agent: MakeAgent, plane: ControlPlane) -> None:
    agent = make_agent()
    agent.step()
    agent.check_now()
    assert boots(plane) == [("A", 1), ("A", 2)]


def test_a_process_that_left_the_folder_to_others_begins_anew(make_agent: MakeAgent, plane: ControlPlane) -> None:
    for agent in [make_agent(), make_agent()] * 2:
        agent.beat()
        agent.close()
    assert boots(plane) == [("A", 1), ("B", 1), ("C", 1), ("D", 1)]


def test_a_defect_does_not_keep_others_from_sending(
    make_agent: MakeAgent, plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(plane, "heartbeat", None)
        first = make_agent()
        assert "error in the agent" in (first.check_now().reason or "")
    assert make_agent().check_now().stored


def test_without_a_process_that_sends_heartbeats_a_reader_says_so(
    make_agent: MakeAgent, reader: Callable[[], Agent], folder: Path
) -> None:
    agent = make_agent()
    agent.beat()
    agent.close()
    assert reader().check_now().reason == f"Nothing was sent: no process sends the heartbeats of {folder}."


def test_a_writer_that_does_not_answer_is_a_reason(
    make_agent: MakeAgent, reader: Callable[[], Agent], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_agent().beat()
    (folder / "check.request").touch()
    monkeypatch.setattr("portcullis_agent.checks.ANSWER_WITHIN_SECONDS", 0.3)
    assert "did not answer within 0.3 seconds" in (reader().check_now().reason or "")


def test_an_answer_to_an_earlier_request_is_not_taken(
    make_agent: MakeAgent, folder: Path, clock: SimulatedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = make_agent()
    agent.beat()
    requests = CheckRequests(agent._keeper.folder, clock)
    assert not requests.has_arrived()
    requests.answer(agent.check_now())
    clock.advance(1)
    monkeypatch.setattr("portcullis_agent.checks.ANSWER_WITHIN_SECONDS", 0.3)
    result = CheckRequests(agent._keeper.folder, clock).ask()
    assert (result.stored, requests.has_arrived(), requests.has_arrived()) == (False, True, False)


def test_the_answer_of_a_start_before_is_forgotten(make_agent: MakeAgent, folder: Path, clock: SimulatedClock) -> None:
    agent = make_agent()
    agent.beat()
    (folder / "check.answer").write_text(json.dumps({"answered_at": 10**9, "stored": True, "reason": None}))
    CheckRequests(agent._keeper.folder, clock).has_arrived()
    assert not (folder / "check.answer").exists()


@pytest.mark.parametrize(("folder_mode", "request_mode", "answer_mode"), [(0o700, 0o600, 0o600), (0o750, 0o660, 0o640)])
def test_who_may_read_the_state_may_ask(
    make_agent: MakeAgent,
    folder: Path,
    clock: SimulatedClock,
    folder_mode: int,
    request_mode: int,
    answer_mode: int,
) -> None:
    folder.mkdir(folder_mode)
    agent = make_agent()
    agent.beat()
    requests = CheckRequests(agent._keeper.folder, clock)
    requests.has_arrived()
    requests.answer(agent.check_now())
    assert stat.S_IMODE((folder / "check.request").stat().st_mode) == request_mode
    assert stat.S_IMODE((folder / "check.answer").stat().st_mode) == answer_mode


@pytest.mark.parametrize("answer", [b"", b"[]", b"{}", b'{"answered_at": "x", "reason": 1}', b"\xff", b"{" * 99])
def test_an_answer_that_is_none_is_not_taken(
    make_agent: MakeAgent, folder: Path, clock: SimulatedClock, answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = make_agent()
    agent.beat()
    CheckRequests(agent._keeper.folder, clock).has_arrived()
    (folder / "check.answer").write_bytes(answer)
    monkeypatch.setattr("portcullis_agent.checks.ANSWER_WITHIN_SECONDS", 0.15)
    assert not CheckRequests(agent._keeper.folder, clock).ask().stored


def test_links_and_pipes_in_place_of_its_files_block_nobody_and_overwrite_nothing(
    make_agent: MakeAgent, folder: Path, clock: SimulatedClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    precious = tmp_path / "precious"
    precious.write_text("precious")
    agent = make_agent()
    agent.beat()
    for name in ("check.request", "check.new"):
        (folder / name).symlink_to(precious)
    os.mkfifo(folder / "check.answer")
    requests = CheckRequests(agent._keeper.folder, clock)
    monkeypatch.setattr("portcullis_agent.checks.ANSWER_WITHIN_SECONDS", 0.15)
    requests.ask()
    requests.has_arrived()
    requests.answer(agent.check_now())
    assert precious.read_text() == "precious"
    assert json.loads((folder / "check.answer").read_text())["stored"] is True


def test_a_folder_that_cannot_be_written_is_no_reason_to_send_nothing(
    make_agent: MakeAgent, plane: ControlPlane, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    agent = make_agent(state_dir=tmp_path / "file/state")
    assert "cannot be written" in (agent.check_now().reason or "")
    assert (len(plane.received), agent.verdict().revision) == (1, 1)


def test_it_raises_nothing(make_agent: MakeAgent, plane: ControlPlane, caplog: pytest.LogCaptureFixture) -> None:
    def broken(*_: object) -> dict[str, Any]:
        raise RuntimeError("a defect")

    plane.heartbeat = broken  # type: ignore[method-assign]
    assert "error in the agent" in (make_agent().check_now().reason or "")
    assert "a defect" in caplog.text

"""The state folder: one writer, any number of readers, no lost and no forged state."""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from portcullis_agent import Agent
from portcullis_agent.settings import store_credentials

from .control_plane import ControlPlane
from .forgeries import FOREIGN
from .simulated_clock import SimulatedClock

DAY, HOUR = 86400, 3600
MakeAgent = Callable[..., Agent]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def agent(make_agent: MakeAgent) -> Agent:
    made = make_agent()
    assert made.beat().stored
    return made


def change_file(file: Path, **changes: Any) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_only_the_owner_reads_the_state(agent: Agent, folder: Path) -> None:
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


def test_the_group_reads_the_state_of_a_folder_that_it_can_read(folder: Path, make_agent: MakeAgent) -> None:
    folder.mkdir(0o750)
    agent = make_agent()
    assert agent.beat().stored
    store_credentials(agent.settings)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}
    assert modes == {"state.json": 0o640, "lock": 0o600, "credentials.json": 0o600}


def test_a_second_process_reads_what_the_first_one_stores_and_takes_over(
    make_agent: MakeAgent, agent: Agent, plane: ControlPlane, clock: SimulatedClock
) -> None:
    reader = make_agent()
    assert (
        reader.beat().reason == f"Nothing was sent: another process sends the heartbeats of {agent.settings.state_dir}."
    )
    plane.change(locked=True, lock_reason="Invoice")
    agent.beat()
    assert reader.verdict().state == "ok"  # it looks every two seconds
    clock.advance(2)
    assert reader.verdict().state == "locked"
    agent.close()
    plane.change(locked=False, lock_reason=None)
    assert reader.beat().stored
    assert [body["instance_id"] for body in plane.received] == [plane.received[0]["instance_id"]] * 3


def test_a_reader_keeps_its_verdict_when_the_folder_goes_away(
    make_agent: MakeAgent, agent: Agent, folder: Path, clock: SimulatedClock
) -> None:
    reader = make_agent()
    shutil.rmtree(folder)
    clock.advance(10)
    assert reader.verdict().state == "ok"


def test_nothing_is_written_within_an_hour_when_nothing_changed(
    agent: Agent, folder: Path, clock: SimulatedClock
) -> None:
    def number() -> int:
        return (folder / "state.json").stat().st_ino

    first = number()
    for _ in range(59):
        clock.advance(60)
        assert agent.beat().stored
        agent.step()
    assert number() == first
    clock.advance(60)
    agent.step()
    assert number() != first


def test_a_changed_decision_is_written_at_once(agent: Agent, make_agent: MakeAgent, plane: ControlPlane) -> None:
    plane.change(locked=True, lock_reason="Invoice")
    agent.beat()
    assert make_agent().verdict().state == "locked"


@pytest.mark.parametrize("damage", [b"", b"{", b"\0" * 500, b"null", b'{"format": 2}'])
def test_a_damaged_state_is_replaced_by_the_previous_one(
    agent: Agent, make_agent: MakeAgent, plane: ControlPlane, folder: Path, damage: bytes
) -> None:
    plane.change()
    agent.beat()
    agent.close()
    (folder / "state.json").write_bytes(damage)
    restarted = make_agent()
    assert restarted.verdict().state == "ok"
    assert restarted.beat().stored
    assert plane.received[-1]["instance_id"] == plane.received[0]["instance_id"]


def test_a_state_that_is_damaged_twice_is_a_new_site_with_a_notice(
    agent: Agent, make_agent: MakeAgent, folder: Path
) -> None:
    agent.close()
    for name in ("state.json", "state.previous.json"):
        (folder / name).write_bytes(b"{")
    verdict = make_agent().verdict()
    assert (verdict.state, verdict.may_operate) == ("notice", True)
    assert any("damaged" in notice for notice in verdict.notices)


def test_a_forged_lease_in_the_state_is_not_believed(
    agent: Agent, make_agent: MakeAgent, plane: ControlPlane, folder: Path
) -> None:
    plane.change(locked=True, lock_reason="Invoice")
    agent.beat()
    agent.close()
    (folder / "state.previous.json").unlink()
    change_file(folder / "state.json", lease=FOREIGN.lease(revision=9, header={"kid": plane.key.kid}))
    verdict = make_agent().verdict()
    assert (verdict.state, verdict.may_operate) == (
        "lapsed",
        False,
    )  # the time of the state says that it is no new site


@pytest.mark.parametrize("changes", [{"trusted_time": 0}, {"trusted_time": 0, "monotonic": 0, "machine_boot": ""}])
def test_lowered_numbers_never_carry_a_lease_past_its_own_thirty_days(
    agent: Agent, make_agent: MakeAgent, folder: Path, clock: SimulatedClock, changes: dict[str, Any]
) -> None:
    clock.advance(29 * DAY)
    agent.close()
    clock.restart_machine()
    change_file(folder / "state.json", **changes)
    forged = make_agent()
    clock.advance(30 * DAY)
    assert forged.verdict().state == "lapsed"


def test_a_state_of_another_site_is_no_state(agent: Agent, make_agent: MakeAgent, plane: ControlPlane) -> None:
    agent.close()
    other = make_agent(site_id="b7a0c2d4-1e3f-4a5b-8c6d-7e8f9a0b1c2d")
    assert (other.verdict().state, other.verdict().revision) == ("notice", None)


def test_an_older_copy_of_the_folder_is_no_longer_valid_than_its_lease(
    agent: Agent, make_agent: MakeAgent, plane: ControlPlane, folder: Path, clock: SimulatedClock
) -> None:
    agent.close()
    shutil.copytree(folder, folder.with_name("copy"))
    restarted = make_agent()
    clock.advance(20 * DAY)
    plane.change(locked=True, lock_reason="Invoice")
    restarted.beat()
    restarted.close()
    shutil.rmtree(folder)
    shutil.copytree(folder.with_name("copy"), folder)
    restored = make_agent()
    assert restored.verdict().may_operate
    clock.advance(10 * DAY)
    assert restored.verdict().state == "lapsed"


def test_a_folder_that_cannot_be_made_is_a_reason_and_no_exception(make_agent: MakeAgent, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    made = make_agent(state_dir=tmp_path / "file/state")
    result = made.beat()
    assert "cannot be written: Not a directory" in (result.reason or "")
    assert made.verdict().revision == 1

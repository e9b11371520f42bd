"""What a heartbeat reports as applied, and when one more is sent only to report."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from portcullis_agent import Agent
from portcullis_agent.client import RequestFailed

from .control_plane import ControlPlane
from .doorbell_life import Life
from .signing import START, rfc3339
from .simulated_clock import SimulatedClock

HOUR, DAY = 3600, 86400
MakeAgent = Callable[..., Agent]


@pytest.fixture
def life(make_agent: MakeAgent, plane: ControlPlane, clock: SimulatedClock) -> Life:
    """A server that takes receipts and has no doorbell."""
    plane.doorbell.append(None)
    return Life(make_agent(), plane, clock)


@pytest.fixture
def obstacle(tmp_path: Path) -> Path:
    """While this folder exists, the state cannot be written, as on a full disk."""
    path = tmp_path / "state/state.new.json"
    path.parent.mkdir()
    return path


def reports(bodies: list[dict[str, Any]]) -> list[tuple[Any, Any]]:
    return [(body.get("applied_revision"), body.get("applied_state")) for body in bodies]


def test_the_first_lease_is_reported_at_once_and_then_once_in_each_heartbeat(life: Life, plane: ControlPlane) -> None:
    life.pass_time(13 * HOUR)
    assert reports(plane.received) == [(None, None), (1, "ok"), (1, "ok"), (1, "ok")]
    assert "applied_revision" not in plane.received[0]


def test_a_restart_has_nothing_new_to_report(
    life: Life, make_agent: MakeAgent, plane: ControlPlane, clock: SimulatedClock
) -> None:
    life.pass_time(HOUR)
    life.agent.close()
    Life(make_agent(), plane, clock).pass_time(HOUR)
    assert reports(plane.received) == [(None, None), (1, "ok"), (1, "ok")]


def test_a_state_that_changes_without_a_new_revision_is_reported(
    life: Life, plane: ControlPlane, clock: SimulatedClock
) -> None:
    plane.change(license_expires_at=rfc3339(START + DAY))
    life.pass_time(HOUR)
    assert reports(plane.received)[-1] == (2, "notice")  # it ends soon
    clock.advance(DAY)
    plane.site["licensed"] = False
    life.pass_time(1)
    assert reports(plane.received)[-1] == (2, "expired")


def test_a_state_that_changes_with_each_heartbeat_leads_to_one_more_each_and_not_to_a_flood(
    life: Life, plane: ControlPlane, clock: SimulatedClock
) -> None:
    heartbeat = plane.heartbeat

    def contrary(site_id: str, site_key: str, body: dict[str, object]) -> dict[str, Any]:
        plane.site["licensed"] = body.get("applied_state") == "expired"
        clock.advance(1)
        return heartbeat(site_id, site_key, body)

    plane.heartbeat = contrary  # type: ignore[method-assign]
    life.pass_time(7 * HOUR)
    assert len(plane.received) == 4


def test_a_revision_that_rises_with_each_heartbeat_leads_to_twelve_a_minute_at_the_most(
    life: Life, plane: ControlPlane
) -> None:
    heartbeat = plane.heartbeat

    def rising(*arguments: Any) -> dict[str, Any]:
        plane.revision += 1
        return heartbeat(*arguments)

    plane.heartbeat = rising  # type: ignore[method-assign]
    life.pass_time(60)
    assert len(plane.received) <= 14


def test_a_repeated_heartbeat_is_the_same_to_the_byte(life: Life, plane: ControlPlane, clock: SimulatedClock) -> None:
    life.pass_time(HOUR)
    heartbeat, bodies = plane.heartbeat, []

    def lost(_: str, __: str, body: dict[str, object]) -> dict[str, Any]:
        bodies.append(dict(body))
        raise RequestFailed("The server did not answer in time.")

    plane.heartbeat = lost  # type: ignore[method-assign]
    life.agent.beat()
    clock.advance(300)
    plane.site["licensed"] = False
    life.agent.beat()
    plane.heartbeat = heartbeat  # type: ignore[method-assign]
    life.agent.beat()
    assert bodies[0] == bodies[1] == plane.received[-1]
    life.pass_time(1)
    assert reports(plane.received)[-2:] == [(1, "ok"), (1, "expired")]


def test_a_report_that_fails_is_sent_again(life: Life, plane: ControlPlane, clock: SimulatedClock) -> None:
    life.pass_time(HOUR)
    heartbeat = plane.heartbeat
    plane.change(locked=True, lock_reason="Invoice")
    life.agent.beat()

    def down(*_: object) -> dict[str, Any]:
        raise RequestFailed("The server answered 500.")

    plane.heartbeat = down  # type: ignore[method-assign]
    life.agent.step()
    plane.heartbeat = heartbeat  # type: ignore[method-assign]
    life.pass_time(31)
    assert reports(plane.received)[-1] == (2, "locked")


def test_a_lease_that_cannot_be_stored_is_not_reported_as_applied_because_other_processes_do_not_know_it(
    life: Life, make_agent: MakeAgent, plane: ControlPlane, obstacle: Path
) -> None:
    life.pass_time(60)
    reader = make_agent()
    obstacle.mkdir()
    plane.change(locked=True, lock_reason="Invoice")
    life.pass_time(13 * HOUR)
    assert (life.agent.verdict().state, reader.verdict().state) == ("locked", "ok")
    assert reports(plane.received) == [(None, None), (1, "ok"), (1, "notice"), (1, "notice")]
    assert plane.received[-1]["lease_revision"] == 2


def test_the_receipt_follows_a_minute_after_the_disk_can_be_written_again(
    life: Life, make_agent: MakeAgent, plane: ControlPlane, obstacle: Path
) -> None:
    life.pass_time(60)
    reader = make_agent()
    obstacle.mkdir()
    plane.change(locked=True, lock_reason="Invoice")
    life.pass_time(13 * HOUR)
    sent = len(plane.received)
    obstacle.rmdir()
    life.pass_time(66)
    assert reports(plane.received)[sent:] == [(2, "locked")]
    assert reader.verdict().state == "locked"


def test_a_disk_that_fails_again_and_again_leads_to_a_pause_before_each_receipt(
    life: Life, plane: ControlPlane, clock: SimulatedClock, obstacle: Path
) -> None:
    life.pass_time(60)
    obstacle.mkdir()
    plane.revision += 1
    life.agent.beat()
    obstacle.rmdir()
    began, sent = clock.now, len(plane.received)
    while clock.now < began + 60:
        obstacle.mkdir()
        plane.revision += 1
        life.agent.step()  # if one is due, its lease is not stored
        obstacle.rmdir()
        life.pass_time(0.5)
    assert 10 <= len(plane.received) - sent <= 14


def test_a_site_that_has_stored_no_lease_reports_nothing(life: Life, plane: ControlPlane, obstacle: Path) -> None:
    obstacle.mkdir()
    life.pass_time(13 * HOUR)
    assert life.agent.verdict().revision == 1
    assert reports(plane.received) == [(None, None)] * 3


def test_an_older_copy_of_the_folder_that_cannot_be_replaced_is_what_is_reported(
    make_agent: MakeAgent, plane: ControlPlane, obstacle: Path, tmp_path: Path
) -> None:
    agent = make_agent()
    agent.beat()
    agent.close()
    shutil.copytree(tmp_path / "state", tmp_path / "copy")
    plane.change(locked=True, lock_reason="Invoice")
    agent.beat()
    agent.close()
    shutil.rmtree(tmp_path / "state")
    shutil.copytree(tmp_path / "copy", tmp_path / "state")
    obstacle.mkdir()
    agent.beat()
    assert reports(plane.received) == [(None, None), (1, "ok"), (1, "ok")]
    assert (agent.verdict().state, make_agent().verdict().state) == ("locked", "ok")

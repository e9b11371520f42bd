"""What a heartbeat reports as applied, and when one more is sent only to report."""

from __future__ import annotations

from collections.abc import Callable
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

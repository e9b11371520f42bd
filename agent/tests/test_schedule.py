"""When heartbeats are sent, and what is repeated."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from portcullis_agent import Agent
from portcullis_agent.client import RequestFailed, read_retry_after
from portcullis_agent.schedule import wait_after_failures

from .control_plane import ControlPlane
from .simulated_clock import SimulatedClock

MakeAgent = Callable[..., Agent]


class Times(ControlPlane):
    """Notes when it is called, and fails as long as `failure` is set."""

    def __init__(self, clock: SimulatedClock) -> None:
        super().__init__(lambda: clock.now)
        self.called: list[float] = []
        self.bodies: list[dict[str, Any]] = []
        self.failure: RequestFailed | None = None

    def heartbeat(self, site_id: str, site_key: str, body: dict[str, Any]) -> dict[str, Any]:
        self.called.append(self.now())
        self.bodies.append(body)
        if self.failure:
            raise self.failure
        return super().heartbeat(site_id, site_key, body)


@pytest.fixture
def plane(clock: SimulatedClock) -> Times:
    return Times(clock)


def run_for(agent: Agent, clock: SimulatedClock, seconds: float) -> None:
    end = clock.now + seconds
    while clock.now < end:
        clock.advance(max(agent.step(), 0.001))


def test_it_calls_when_the_lease_says(make_agent: MakeAgent, plane: Times, clock: SimulatedClock) -> None:
    plane.site["next_heartbeat_seconds"] = 600
    run_for(make_agent(), clock, 3605)
    assert [round(b - a, 1) for a, b in zip(plane.called, plane.called[1:])] == [600] * 6


def test_a_jump_of_the_clock_changes_no_wait(make_agent: MakeAgent, plane: Times, clock: SimulatedClock) -> None:
    agent = make_agent()
    agent.step()
    clock.wall_error = 10 * 365 * 86400
    run_for(agent, clock, 21000)
    assert len(plane.called) == 1


def test_failures_back_off_with_full_jitter_from_30_seconds_to_30_minutes() -> None:
    source = random.Random(1)
    for failures, longest in ((1, 30), (2, 60), (3, 120), (7, 1800), (5000, 1800)):
        waits = [wait_after_failures(failures, None, source) for _ in range(2000)]
        assert 1 <= min(waits) < longest / 10
        assert longest * 0.9 < max(waits) <= longest


def test_an_outage_of_a_day_costs_a_bounded_number_of_calls(
    make_agent: MakeAgent, plane: Times, clock: SimulatedClock
) -> None:
    plane.failure = RequestFailed("The server answered 500.")
    run_for(make_agent(random_source=random.Random(2)), clock, 86400)
    assert 60 < len(plane.called) < 150


def test_retry_after_is_honoured(make_agent: MakeAgent, plane: Times, clock: SimulatedClock) -> None:
    plane.failure = RequestFailed("The server answered 429.", retry_after=1000)
    run_for(make_agent(), clock, 5000)
    assert min(b - a for a, b in zip(plane.called, plane.called[1:])) >= 1000


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("120", 120),
        ("0", 0),
        ("999999999999", 86400),
        ("-5", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("²", None),
    ],
)
def test_retry_after_is_a_number_of_seconds_up_to_a_day(value: str | None, seconds: int | None) -> None:
    assert read_retry_after(value) == seconds


def test_a_repeated_heartbeat_keeps_nonce_and_sequence_for_ten_minutes(
    make_agent: MakeAgent, plane: Times, clock: SimulatedClock
) -> None:
    agent = make_agent()
    agent.beat()
    plane.failure = RequestFailed("The server did not answer in time.")
    agent.beat()
    clock.advance(300)
    agent.beat()
    clock.advance(301)
    agent.beat()
    plane.failure = None
    agent.beat()
    assert [body["sequence"] for body in plane.bodies] == [1, 2, 2, 3, 3]
    assert len({body["nonce"] for body in plane.bodies}) == 3


def test_the_body_has_what_the_protocol_asks_for(make_agent: MakeAgent, plane: Times) -> None:
    agent = make_agent(version="2.1.0")
    agent.beat()
    agent.beat()
    first, second = plane.bodies
    assert set(first) == {"version", "uptime_seconds", "nonce", "instance_id", "boot_id", "sequence"}
    assert set(second) - set(first) == {"lease_revision", "applied_revision", "applied_state"}
    assert (second["version"], second["uptime_seconds"], second["lease_revision"]) == ("2.1.0", 0, 1)
    assert (second["applied_revision"], second["applied_state"]) == (1, "ok")


def test_a_restart_asks_at_once_but_not_twice_within_a_minute(
    make_agent: MakeAgent, plane: Times, clock: SimulatedClock
) -> None:
    for _ in range(30):  # a host application that crashes every ten seconds
        agent = make_agent()
        run_for(agent, clock, 10)
        agent._keeper.folder.unlock()
    assert min(b - a for a, b in zip(plane.called, plane.called[1:])) >= 59


def test_a_server_without_a_signing_key_is_asked_again_when_it_says(
    make_agent: MakeAgent, plane: Times, clock: SimulatedClock
) -> None:
    plane.heartbeat = lambda *_: {"lease": None, "locked": True, "next_heartbeat_seconds": 900}  # type: ignore[method-assign]
    agent = make_agent()
    agent.step()
    assert agent.verdict().state == "notice"
    assert agent._due_at - clock.monotonic() == 900


def test_an_error_of_the_hosts_callback_does_not_end_the_heartbeats(make_agent: MakeAgent, plane: Times) -> None:
    def broken(_: object) -> None:
        agent._stop.set()
        raise RuntimeError("a defect of the host")

    agent = make_agent(on_verdict_change=broken)
    agent.run()
    assert len(plane.called) == 1


def test_a_wait_beyond_half_the_lease_is_cut(make_agent: MakeAgent, plane: Times, clock: SimulatedClock) -> None:
    plane.site["next_heartbeat_seconds"] = 10**12
    agent = make_agent()
    agent.step()
    clock.advance(15 * 86400 - 1)
    agent.step()
    assert len(plane.called) == 1
    clock.advance(1)
    agent.step()
    assert len(plane.called) == 2

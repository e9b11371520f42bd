"""What the agent says about the site, from the lease and the trusted time."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from portcullis_agent import Agent, Verdict
from portcullis_agent.client import RequestFailed

from .control_plane import ControlPlane
from .signing import START, rfc3339
from .simulated_clock import SimulatedClock

DAY, HOUR = 86400, 3600
MakeAgent = Callable[..., Agent]


@pytest.fixture
def agent(make_agent: MakeAgent, plane: ControlPlane) -> Agent:
    plane.site["license_expires_at"] = rfc3339(START + 365 * DAY)
    made = make_agent()
    assert made.beat().stored
    return made


def test_a_fresh_lease_is_ok(agent: Agent) -> None:
    verdict = agent.verdict()
    assert (verdict.state, verdict.may_operate, verdict.reason, verdict.notices) == ("ok", True, None, ())
    assert (verdict.revision, verdict.last_contact_at and verdict.last_contact_at.timestamp()) == (1, START)


def test_two_days_without_the_server_are_a_notice(agent: Agent, clock: SimulatedClock) -> None:
    clock.advance(2 * DAY)
    assert agent.verdict().state == "ok"
    clock.advance(1)
    verdict = agent.verdict()
    assert (verdict.state, verdict.may_operate) == ("notice", True)
    assert verdict.notices == ("The licence server has not been reached for 2 days.",)


def test_day_29_operates_day_31_has_lapsed_and_the_next_answer_ends_it(agent: Agent, clock: SimulatedClock) -> None:
    clock.advance(29 * DAY)
    assert agent.verdict().may_operate
    clock.advance(2 * DAY)
    verdict = agent.verdict()
    assert (verdict.state, verdict.may_operate) == ("lapsed", False)
    assert verdict.reason == (
        "The licence server has not been reached since 2026-09-21. Please check this site's internet connection."
    )
    agent.beat()
    assert agent.verdict().state == "ok"


def test_the_end_of_the_licence_is_announced_and_stops_service(
    agent: Agent, plane: ControlPlane, clock: SimulatedClock
) -> None:
    plane.change(license_expires_at=rfc3339(START + 10 * DAY))
    agent.beat()
    assert agent.verdict().notices == ("The licence of this site ends on 2026-10-01.",)
    clock.advance(10 * DAY)
    verdict = agent.verdict()
    assert (verdict.state, verdict.reason) == ("expired", "The licence of this site ended on 2026-10-01.")


def test_an_inactive_site_is_expired_although_its_licence_has_not_ended(agent: Agent, plane: ControlPlane) -> None:
    plane.change(licensed=False)
    agent.beat()
    assert agent.verdict().reason == "The licence of this site is not active."


@pytest.mark.parametrize(
    ("stop_on", "state", "may_operate"),
    [
        (["locked", "expired", "lapsed"], "locked", False),
        (["lapsed"], "lapsed", False),
        (["expired", "lapsed"], "expired", False),
        ([], "locked", True),
        (["stolen"], "locked", True),
    ],
)
def test_the_lease_says_which_states_stop_service(
    agent: Agent, plane: ControlPlane, clock: SimulatedClock, stop_on: list[str], state: str, may_operate: bool
) -> None:
    plane.change(locked=True, lock_reason="Invoice", licensed=False, stop_on=stop_on)
    agent.beat()
    clock.advance(31 * DAY)
    verdict = agent.verdict()
    assert (verdict.state, verdict.may_operate, verdict.reason is None) == (state, may_operate, may_operate)
    if may_operate:
        assert "This site is locked: Invoice" in verdict.notices


def test_a_new_site_operates_for_seven_days_without_a_lease(
    make_agent: MakeAgent, plane: ControlPlane, clock: SimulatedClock
) -> None:
    made = make_agent(site_key="wrong")
    for _ in range(7):
        made.step()
        assert (made.verdict().state, made.verdict().may_operate) == ("notice", True)
        clock.advance(DAY)
    assert (made.verdict().state, made.verdict().may_operate) == ("lapsed", False)


@pytest.mark.parametrize("error", [-START, -DAY, DAY, 40 * DAY, 2_000_000_000])
def test_the_clock_of_the_machine_changes_notices_only(agent: Agent, clock: SimulatedClock, error: float) -> None:
    clock.wall_error = error
    for days in range(30):
        verdict = agent.verdict()
        assert (verdict.state, verdict.may_operate) == ("notice", True), days
        clock.advance(DAY)
    assert agent.verdict().state == "lapsed"


@pytest.mark.parametrize("clean", [True, False])
def test_a_restart_of_the_process_loses_no_time(
    make_agent: MakeAgent, agent: Agent, clock: SimulatedClock, clean: bool
) -> None:
    current = agent
    for _ in range(60):
        clock.advance(12 * HOUR)
        current.close() if clean else current._keeper.folder.unlock()
        current = make_agent()
    assert current.verdict().state == "lapsed"


def test_a_power_cut_loses_the_time_without_power_and_at_most_an_hour(
    make_agent: MakeAgent, plane: ControlPlane, agent: Agent, clock: SimulatedClock
) -> None:
    current = agent
    plane.heartbeat = unreachable  # type: ignore[method-assign]
    for _ in range(32):
        for _ in range(24 * 2):
            clock.advance(HOUR / 2)
            current.step()
        current._keeper.folder.unlock()  # no time to write anything
        clock.restart_machine(HOUR)
        clock.wall_error = -START  # the battery of its clock is empty
        current = make_agent()
    assert current.verdict().state == "lapsed"


def unreachable(*_: object) -> dict[str, object]:
    raise RequestFailed("No connection.")


def test_a_machine_that_was_off_for_40_days_operates_with_a_notice(
    make_agent: MakeAgent, agent: Agent, clock: SimulatedClock
) -> None:
    agent.close()
    clock.restart_machine(40 * DAY)
    verdict = make_agent().verdict()
    assert (verdict.state, verdict.may_operate) == ("notice", True)
    assert "By this machine's clock the lease is over" in verdict.notices[0]


def test_a_server_whose_clock_was_ahead_is_forgiven_with_the_next_change_of_the_site(
    agent: Agent, plane: ControlPlane, clock: SimulatedClock
) -> None:
    plane.now = lambda: START + 1000 * DAY
    agent.beat()
    assert agent.verdict().state == "expired"
    plane.now = lambda: clock.now
    assert agent.beat().reason == "The lease was refused (older): the held lease of this revision is newer."
    plane.change()
    assert agent.beat().stored
    assert agent.verdict().state == "ok"


def test_a_change_of_the_verdict_is_reported_once(
    make_agent: MakeAgent, plane: ControlPlane, clock: SimulatedClock
) -> None:
    reported: list[Verdict] = []
    made = make_agent(on_verdict_change=reported.append)
    made.step()
    plane.change(locked=True, lock_reason="Invoice")
    for _ in range(3):
        clock.advance(DAY)
        made.step()
    assert [verdict.state for verdict in reported] == ["ok", "locked"]

"""When an agent waits at the doorbell, what a ring leads to, and what it does not."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from portcullis_agent import Agent, Settings
from portcullis_agent.client import RequestFailed
from portcullis_agent.doorbell import Wait, doorbell_url

from .control_plane import SITE_KEY, ControlPlane
from .doorbell_life import URL, Life, at_length, at_once, cut_after, failing, forged, messages, silent
from .signing import SITE_ID, SigningKey
from .simulated_clock import SimulatedClock

MINUTE, HOUR, DAY = 60, 3600, 86400
MakeAgent = Callable[..., Agent]


@pytest.fixture
def life(make_agent: MakeAgent, plane: ControlPlane, clock: SimulatedClock) -> Life:
    plane.doorbell.append(URL)
    return Life(make_agent(random_source=random.Random(1)), plane, clock)


def test_a_ring_leads_to_a_heartbeat_within_two_seconds_and_to_one_that_reports_it(
    life: Life, plane: ControlPlane, clock: SimulatedClock
) -> None:
    life.pass_time(HOUR)
    changed_at = clock.now
    plane.change(locked=True, lock_reason="Invoice")
    life.pass_time(2)
    assert life.agent.verdict().state == "locked"
    told, reported = life.beats_since(changed_at)
    assert (told["applied_revision"], told["applied_state"]) == (1, "ok")
    assert (reported["applied_revision"], reported["applied_state"]) == (2, "locked")
    life.pass_time(HOUR)
    assert len(life.beats_since(changed_at)) == 2
    assert life.waits[-1][1].since == 2


def test_the_heartbeats_of_many_sites_for_one_ring_are_spread(
    make_agent: MakeAgent, plane: ControlPlane, clock: SimulatedClock, tmp_path: Path
) -> None:
    plane.doorbell.append(URL)
    pauses = []
    for number in range(40):
        agent = make_agent(state_dir=tmp_path / str(number), random_source=random.Random(number))
        agent.step()
        agent.step()
        agent.next_wait()
        agent.wait_ended(99)
        pauses.append(agent.step())
    assert min(pauses) < 0.2
    assert 0.8 < max(pauses) <= 1


def test_waits_follow_each_other_and_last_45_to_55_seconds(life: Life) -> None:
    life.pass_time(HOUR)
    seconds = [wait.seconds for _, wait in life.waits]
    assert 45 <= min(seconds) < 47
    assert 53 < max(seconds) <= 55
    assert 65 <= len(seconds) <= 80


def test_forged_rings_lead_to_few_heartbeats_and_change_nothing(
    life: Life, plane: ControlPlane, clock: SimulatedClock
) -> None:
    life.pass_time(1)
    started_at = clock.now
    life.doorbell = forged
    life.pass_time(HOUR)
    times = [at for at in plane.received_at if at > started_at]
    assert 5 < len(times) < 15
    pauses = [later - earlier for earlier, later in zip(times, times[1:])]
    assert min(pauses) >= 10
    assert max(pauses) <= 750 + 2
    assert pauses[-1] >= 600
    assert len(life.waits_since(started_at)) <= len(times) + 1
    assert life.agent.verdict().state == "ok"


def test_news_end_the_limit_of_forged_rings(life: Life, plane: ControlPlane, clock: SimulatedClock) -> None:
    life.doorbell = forged
    life.pass_time(HOUR)
    life.doorbell = at_length
    plane.change(locked=True, lock_reason="Invoice")
    life.pass_time(750)  # the pause after the last forged ring
    assert life.agent.verdict().state == "locked"
    life.doorbell = forged
    life.pass_time(60)
    started_at = clock.now
    life.pass_time(60)
    assert 1 <= len(life.beats_since(started_at)) <= 3


def test_changes_one_after_the_other_lead_to_less_heartbeats_than_the_server_allows(
    life: Life, plane: ControlPlane, clock: SimulatedClock
) -> None:
    life.pass_time(HOUR)
    started_at = clock.now
    for number in range(120):
        plane.change(lock_reason=f"{number}", locked=True)
        life.pass_time(0.5)
    assert len(life.beats_since(started_at)) <= 50
    life.pass_time(10)
    assert life.agent.verdict().reason == "This site is locked: 119"
    assert plane.received[-1]["applied_revision"] == plane.revision


def test_a_ring_for_what_a_heartbeat_has_brought_already_leads_to_none(
    life: Life, plane: ControlPlane, clock: SimulatedClock
) -> None:
    life.doorbell = silent
    life.pass_time(MINUTE)
    started_at = clock.now
    plane.change(locked=True, lock_reason="Invoice")
    life.agent.beat()
    life.agent.step()
    life.agent.wait_ended(plane.revision)
    life.pass_time(MINUTE)
    assert [body["applied_state"] for body in life.beats_since(started_at)] == ["ok", "locked"]


def test_a_ring_while_a_heartbeat_is_under_way_is_not_lost(
    life: Life, plane: ControlPlane, clock: SimulatedClock
) -> None:
    life.doorbell = silent
    life.pass_time(MINUTE)
    agent, heartbeat = life.agent, plane.heartbeat

    def change_after_the_answer(*arguments: Any) -> dict[str, Any]:
        answer = heartbeat(*arguments)
        plane.heartbeat = heartbeat  # type: ignore[method-assign]
        plane.change(locked=True, lock_reason="Invoice")
        clock.advance(0.1)
        agent.wait_ended(plane.revision)
        return answer

    plane.heartbeat = change_after_the_answer  # type: ignore[method-assign]
    assert agent.beat().stored
    assert agent.verdict().state == "ok"
    life.pass_time(2)
    assert agent.verdict().state == "locked"


@pytest.mark.parametrize("status", [None, 502, 504])
def test_a_proxy_that_cuts_at_thirty_seconds_makes_waits_shorter_without_a_word(
    life: Life, plane: ControlPlane, clock: SimulatedClock, status: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    life.doorbell = cut_after(30, status)
    life.pass_time(5 * MINUTE)
    learnt_at = clock.now
    life.pass_time(HOUR)
    assert {wait.seconds for wait in life.waits_since(learnt_at)} <= set(range(22, 29))
    assert len(life.waits_since(learnt_at)) < 180
    life.doorbell = at_length
    life.pass_time(MINUTE)
    plane.change(locked=True, lock_reason="Invoice")
    life.pass_time(2)
    assert life.agent.verdict().state == "locked"
    assert max(wait.seconds for wait in life.waits_since(learnt_at)) <= 28  # it is remembered
    assert not messages(caplog)


def test_one_cut_makes_no_wait_shorter(life: Life) -> None:
    """The doorbell's process ends from time to time, and another one takes over."""
    life.doorbell = lambda wait: (cut_after(40) if len(life.waits) % 5 == 0 else at_length)(wait)
    life.pass_time(4 * HOUR)
    assert min(wait.seconds for _, wait in life.waits) >= 45


def test_a_proxy_that_lets_no_wait_live_is_given_up(
    life: Life, clock: SimulatedClock, caplog: pytest.LogCaptureFixture
) -> None:
    life.doorbell = cut_after(16)
    life.pass_time(HOUR)
    started_at = clock.now
    assert {wait.seconds for _, wait in life.waits[8:]} == {20}
    life.pass_time(2 * HOUR)
    assert len(life.waits_since(started_at)) < 60
    assert len(messages(caplog)) == 1


def test_a_doorbell_that_is_down_for_a_day_costs_one_line_of_the_log_and_nothing_else(
    life: Life, plane: ControlPlane, clock: SimulatedClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "portcullis_agent")
    life.pass_time(1)
    started_at = clock.now
    life.doorbell = failing(503)
    life.pass_time(DAY)
    assert len(life.beats_since(started_at)) == 4  # each six hours
    assert 200 < len(life.waits_since(started_at)) < 500
    late = [at for at, _ in life.waits if at > started_at + HOUR]
    assert max(later - earlier for earlier, later in zip(late, late[1:])) <= 600
    assert messages(caplog) == [
        "WARNING The doorbell cannot be used: The doorbell does not answer. Heartbeats go on at their usual pace."
    ]

    life.doorbell = at_length
    plane.change(locked=True, lock_reason="Invoice")
    life.pass_time(602)
    assert life.agent.verdict().state == "locked"
    assert messages(caplog)[1:] == ["INFO The doorbell can be used again."]


def test_a_blip_is_not_worth_a_word(life: Life, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "portcullis_agent")
    life.doorbell = lambda wait: (failing() if len(life.waits) % 5 < 2 else at_length)(wait)
    life.pass_time(HOUR)
    assert len(life.waits) > 50
    assert not messages(caplog)


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_of_the_doorbell_is_honoured(life: Life, clock: SimulatedClock, status: int) -> None:
    life.doorbell = failing(status, retry_after=1000)
    life.pass_time(3 * HOUR)
    times = [at for at, _ in life.waits]
    assert min(later - earlier for earlier, later in zip(times, times[1:])) >= 1000


@pytest.mark.parametrize("status", [401, 404, 410])
def test_a_refusal_ends_the_waits_until_the_next_good_heartbeat(
    life: Life, plane: ControlPlane, clock: SimulatedClock, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    life.pass_time(MINUTE)
    started_at = clock.now
    life.doorbell = failing(status)
    life.pass_time(13 * HOUR)
    assert len(life.beats_since(started_at)) == 2
    assert len(life.waits_since(started_at + MINUTE)) == 2
    assert len(messages(caplog)) == 1


def test_a_revoked_key_waits_no_more(life: Life, plane: ControlPlane, clock: SimulatedClock) -> None:
    life.pass_time(MINUTE)
    plane.site_id = "another"  # 401 to each heartbeat
    life.doorbell = failing(401)
    started_at = clock.now
    life.pass_time(DAY)
    assert len(life.waits_since(started_at)) <= 1


def test_a_doorbell_that_always_answers_204_at_once_is_asked_ever_more_rarely(
    life: Life, clock: SimulatedClock
) -> None:
    life.doorbell = at_once
    life.pass_time(2 * HOUR)
    assert len(life.waits) < 60


def test_an_answer_without_an_address_ends_the_waits(life: Life, plane: ControlPlane, clock: SimulatedClock) -> None:
    life.pass_time(MINUTE)
    plane.doorbell.append(None)
    life.agent.beat()
    life.pass_time(MINUTE)
    started_at = clock.now
    life.pass_time(DAY)
    assert not life.waits_since(started_at)

    plane.doorbell.append("https://elsewhere.example.com/")
    life.agent.beat()
    life.pass_time(2)
    assert [wait.url for wait in life.waits_since(started_at)] == ["https://elsewhere.example.com/"]


def test_the_address_in_an_answer_without_a_good_lease_is_ignored(life: Life, plane: ControlPlane) -> None:
    life.pass_time(MINUTE)
    plane.heartbeat = lambda *_: {  # type: ignore[method-assign]
        "lease": SigningKey.named("foreign").lease(),
        "doorbell": "https://elsewhere.example.com/",
    }
    assert not life.agent.beat().stored
    life.pass_time(MINUTE)
    assert {wait.url for _, wait in life.waits} == {URL}


def test_with_an_old_server_all_is_as_before(make_agent: MakeAgent, plane: ControlPlane, clock: SimulatedClock) -> None:
    plane.site["next_heartbeat_seconds"] = HOUR
    life = Life(make_agent(), plane, clock)
    life.pass_time(HOUR / 2)
    plane.change(locked=True, lock_reason="Invoice")
    life.pass_time(3 * HOUR)
    assert (len(plane.received), life.waits) == (4, [])
    assert plane.received[-1]["applied_state"] == "locked"


def test_only_the_process_that_sends_the_heartbeats_waits(
    life: Life, make_agent: MakeAgent, clock: SimulatedClock
) -> None:
    reader = make_agent()
    life.pass_time(MINUTE)
    reader.step()
    assert not isinstance(reader.next_wait(), Wait)
    life.agent.close()
    assert not isinstance(life.agent.next_wait(), Wait)
    clock.advance(MINUTE)
    reader.step()
    assert isinstance(reader.next_wait(), Wait)


def test_a_ring_waits_as_long_as_the_server_asked_for(life: Life, plane: ControlPlane, clock: SimulatedClock) -> None:
    life.pass_time(MINUTE)
    heartbeat = plane.heartbeat
    calls = []

    def busy(*arguments: Any) -> dict[str, Any]:
        calls.append(clock.now)
        if len(calls) < 3:
            raise RequestFailed("The server answered 503.", retry_after=100, status=503)
        return heartbeat(*arguments)

    plane.heartbeat = busy  # type: ignore[method-assign]
    plane.change(locked=True, lock_reason="Invoice")
    life.pass_time(400)
    assert min(later - earlier for earlier, later in zip(calls[:3], calls[1:3])) >= 100
    assert life.agent.verdict().state == "locked"


HTTPS = Settings("https://a.example", SITE_ID, SITE_KEY, Path("state"))
LOOPBACK = Settings("http://127.0.0.1:8000", SITE_ID, SITE_KEY, Path("state"))
TEST = Settings("http://10.0.0.5", SITE_ID, SITE_KEY, Path("state"), allow_http=True)


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        (HTTPS, "https://a.example/doorbell"),
        (HTTPS, "https://bell.example:8443/x?y=z"),
        (LOOPBACK, "http://127.0.0.1:8001/"),
        (LOOPBACK, "https://a.example/"),
        (TEST, "http://10.0.0.6/doorbell"),
    ],
)
def test_an_address_as_protected_as_the_agents_own_is_used(settings: Settings, url: str) -> None:
    assert doorbell_url(url, settings) == url


@pytest.mark.parametrize(
    ("settings", "value"),
    [
        (HTTPS, "http://a.example/doorbell"),
        (HTTPS, "http://127.0.0.1/doorbell"),
        (LOOPBACK, "http://10.0.0.5/doorbell"),
        (HTTPS, "ftp://a.example/"),
        (HTTPS, "https://user:password@a.example/"),
        (HTTPS, "https://a.example/#part"),
        (HTTPS, "https:///doorbell"),
        (HTTPS, "https://a.example:port/"),
        (HTTPS, "https://a.example/\r\nX-Forged: 1"),
        (HTTPS, "https://a.example/a b"),
        (HTTPS, "https://ä.example/"),
        (HTTPS, "https://a.example/" + "x" * 2000),
        (HTTPS, "https://[::1/"),
        (HTTPS, "doorbell"),
        (HTTPS, ""),
        (HTTPS, None),
        (HTTPS, ["https://a.example/"]),
        (HTTPS, 5),
    ],
)
def test_any_other_value_is_no_doorbell(settings: Settings, value: object) -> None:
    assert doorbell_url(value, settings) is None

"""What the agent takes from the server's key set, which is not signed, and when it reads the set."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from portcullis_agent import Agent
from portcullis_agent.client import RequestFailed

from .control_plane import ControlPlane
from .forgeries import FOREIGN
from .signing import SigningKey
from .simulated_clock import SimulatedClock

DAY, HOUR = 86400, 3600
MakeAgent = Callable[..., Agent]


@pytest.fixture
def agent(make_agent: MakeAgent) -> Agent:
    made = make_agent()
    assert made.beat().stored
    return made


def replace_signing_key(plane: ControlPlane) -> SigningKey:
    """The signing key has leaked: the published one signs, and the leaked one is out of the set at once."""
    leaked = plane.key
    plane.rotate()
    plane.unlisted.add(leaked.kid)
    return leaked


def answers(plane: ControlPlane, key: SigningKey, **changes: Any) -> Callable[..., dict[str, Any]]:
    """Heartbeats answered by somebody who has `key`."""

    def heartbeat(site_id: str, site_key: str, body: dict[str, Any]) -> dict[str, Any]:
        return {"lease": key.lease(**(plane.claims(body) | changes))}

    return heartbeat


def test_a_site_that_slept_while_all_its_keys_left_the_set_walks_to_the_present_one(
    agent: Agent, make_agent: MakeAgent, plane: ControlPlane, clock: SimulatedClock
) -> None:
    agent.close()
    for _ in range(5):
        clock.advance(100 * DAY)
        plane.unlisted.add(plane.key.kid)
        plane.rotate()
    woken = make_agent()
    assert woken.beat().stored
    woken.close()
    assert make_agent().verdict().state == "ok"


def test_a_leaked_key_that_left_the_set_signs_nothing_more_at_the_site(
    agent: Agent, make_agent: MakeAgent, plane: ControlPlane, clock: SimulatedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaked = replace_signing_key(plane)
    assert agent.beat().stored
    plane.unlisted.clear()  # the thief answers in the server's place, and lists the leaked key again
    monkeypatch.setattr(plane, "heartbeat", answers(plane, leaked, revision=9))
    clock.advance(DAY * 2)
    result = agent.beat()
    assert "unknown_key" in (result.reason or "")
    agent.close()
    assert "unknown_key" in (make_agent().beat().reason or "")


def test_a_leaked_key_endorses_nothing_more_at_the_site(
    agent: Agent, plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaked = replace_signing_key(plane)
    assert agent.beat().stored
    monkeypatch.setattr(plane, "heartbeat", answers(plane, FOREIGN))
    keys = [FOREIGN.jwk(endorsement=leaked.endorse(FOREIGN))]
    monkeypatch.setattr(plane, "key_set", lambda: {"keys": keys, "endorsements": [leaked.endorse(FOREIGN)]})
    assert "unknown_key" in (agent.beat().reason or "")


def test_a_key_of_the_first_days_is_a_stepping_stone_after_a_restart(
    agent: Agent, make_agent: MakeAgent, plane: ControlPlane, tmp_path: Path
) -> None:
    leaked = replace_signing_key(plane)
    agent.beat()
    agent.close()
    state = json.loads((tmp_path / "state/state.json").read_text())
    assert ([key["kid"] for key in state["pinned"]], state["set_aside"]) == ([leaked.kid], [leaked.kid])
    restarted = make_agent()
    assert restarted.verdict().revision == 1
    plane.rotate()
    assert restarted.beat().stored


def test_a_published_key_that_was_withdrawn_before_it_signed_signs_nothing_later(
    agent: Agent, plane: ControlPlane, clock: SimulatedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    withdrawn = plane.publish()
    clock.advance(2 * DAY)
    assert agent.beat().stored
    plane.published.clear()
    plane.chain.append(SigningKey.named("another key"))
    assert agent.beat().stored
    monkeypatch.setattr(plane, "heartbeat", answers(plane, withdrawn))
    assert "unknown_key" in (agent.beat().reason or "")


def hostile_sets(plane: ControlPlane, before: dict[str, Any]) -> dict[str, Any]:
    """Sets that somebody in the server's place may serve, who has no key that the site trusts."""
    own = FOREIGN.jwk(endorsement=FOREIGN.endorse(FOREIGN))
    return {
        "empty": {"keys": [], "endorsements": []},
        "nothing": {},
        "other types": {"keys": "none", "endorsements": {"a": 1}},
        "from before the rotation": before,
        "only a key of their own": {"keys": [own], "endorsements": [FOREIGN.endorse(FOREIGN)]},
        "only the key that signs": {"keys": [plane.key.jwk()], "endorsements": []},
        "only the key that signs, and theirs": {"keys": [plane.key.jwk(), own]},
        "an error": RequestFailed("The server answered 500."),
        "HTML": RequestFailed("The answer is not the control plane's: it is not a JSON object."),
    }


@pytest.mark.parametrize("name", list(hostile_sets(ControlPlane(), {})))
def test_a_hostile_key_set_takes_neither_the_lease_nor_the_way_to_later_keys(
    name: str,
    agent: Agent,
    make_agent: MakeAgent,
    plane: ControlPlane,
    clock: SimulatedClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = plane.key_set()
    plane.rotate()
    spare = plane.publish()
    assert agent.beat().stored

    def hostile() -> object:
        answer = hostile_sets(plane, before)[name]
        if isinstance(answer, RequestFailed):
            raise answer
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(plane, "key_set", hostile)
        for _ in range(3):
            clock.advance(2 * DAY)
            assert agent.beat().stored
            assert agent.verdict().notices == ()
        agent.close()
        agent = make_agent()
        assert agent.verdict().state == "ok"
        plane.rotate()  # the spare key signs: it was known before the attack began
        assert plane.key == spare
        assert agent.beat().stored
    for _ in range(3):
        plane.unlisted.add(plane.key.kid)
        plane.rotate()
        clock.advance(40 * DAY)
    assert agent.beat().stored


def test_the_set_is_read_again_when_the_copy_is_a_day_old(
    agent: Agent, make_agent: MakeAgent, plane: ControlPlane, clock: SimulatedClock
) -> None:
    spare = plane.publish()
    plane.fetched.clear()
    began = clock.now
    while clock.now < began + 10 * DAY:
        clock.advance(HOUR / 2)
        assert agent.beat().stored
    assert spare.kid in agent._keeper.keys
    gaps = [after - before for before, after in zip([began, *plane.fetched], plane.fetched)]
    assert min(gaps) >= DAY
    assert max(gaps) <= 1.25 * DAY + HOUR
    agent.close()
    make_agent().beat()
    assert len(plane.fetched) == len(gaps)


def test_a_process_each_minute_does_not_read_the_set_each_minute(
    agent: Agent, make_agent: MakeAgent, plane: ControlPlane, clock: SimulatedClock
) -> None:
    agent.close()
    plane.fetched.clear()
    for _ in range(60):
        clock.advance(60)
        short = make_agent()
        assert short.beat().stored
        short._keeper.folder.unlock()  # killed
    assert len(plane.fetched) <= 1


@pytest.mark.parametrize("key_set", [RequestFailed("The server answered 502."), {"keys": []}])
def test_a_failure_is_quiet_and_is_repeated_after_an_hour_at_the_earliest(
    key_set: Any, agent: Agent, plane: ControlPlane, clock: SimulatedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def answer() -> Any:
        asked.append(clock.now)
        if isinstance(key_set, Exception):
            raise key_set
        return key_set

    monkeypatch.setattr(plane, "key_set", answer)
    clock.advance(2 * DAY)
    for _ in range(120):
        clock.advance(60)
        assert agent.beat().stored
        assert (agent.verdict().state, agent.verdict().notices) == ("ok", ())
    assert len(asked) == 2
    assert asked[1] - asked[0] >= HOUR


def test_another_signing_key_is_a_reason_to_read_the_set_at_once(
    agent: Agent, plane: ControlPlane, clock: SimulatedClock
) -> None:
    plane.publish()
    clock.advance(2 * DAY)
    agent.beat()
    clock.advance(2 * HOUR)
    leaked = replace_signing_key(plane)
    assert agent.beat().stored
    assert agent._keeper.keys.set_aside == (leaked.kid,)


def test_a_new_key_is_not_fetched_after_a_heartbeat_that_failed(
    agent: Agent, plane: ControlPlane, clock: SimulatedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.advance(5 * DAY)
    plane.fetched.clear()
    monkeypatch.setattr(plane, "heartbeat", lambda *_: {"lease": None})
    agent.beat()
    assert plane.fetched == []


def test_enrolling_again_is_the_way_back_from_a_thief_who_signed_the_largest_revision_and_the_last_year(
    agent: Agent, make_agent: MakeAgent, plane: ControlPlane, clock: SimulatedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    thief = plane.key
    with monkeypatch.context() as patch:
        far = {"revision": 2**53 - 1, "iat": 253402300700, "exp": 253402300799, "locked": True}
        patch.setattr(plane, "heartbeat", answers(plane, thief, **far))
        assert agent.beat().stored
    replace_signing_key(plane)
    assert "lower_revision" in (agent.beat().reason or "")
    reader = make_agent()
    assert not reader.verdict().may_operate
    assert agent.enrol().stored
    clock.advance(10)
    agent.close()
    for other in (agent, reader, make_agent()):
        assert (other.verdict().state, other.verdict().revision) == ("ok", 1)

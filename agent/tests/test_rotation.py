"""Fifty sites live through two rotations of the signing key; ten of them hear of neither while it happens."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from portcullis_agent import Agent, KeyRing
from portcullis_agent.keys import read_key

from .control_plane import ControlPlane
from .simulated_clock import SimulatedClock

DAY = 86400


def test_sites_that_slept_through_two_rotations_verify_the_new_key(
    make_agent: Callable[..., Agent], plane: ControlPlane, clock: SimulatedClock, tmp_path: Path
) -> None:
    agents = [make_agent(state_dir=tmp_path / str(number)) for number in range(50)]
    awake = agents[10:]
    assert all(agent.beat().stored for agent in agents)
    for _ in range(2):
        clock.advance(10 * DAY)
        plane.rotate()
        assert all(agent.beat().stored for agent in awake)
    clock.advance(DAY)
    assert [agent.beat().reason for agent in agents] == [None] * 50
    assert {agent.pinned_kids for agent in agents} == {(plane.chain[0].kid,)}
    for agent in agents:
        agent.close()
    restarted = [make_agent(state_dir=tmp_path / str(number)) for number in range(50)]
    assert {agent.verdict().state for agent in restarted} == {"ok"}


def test_a_site_fetches_the_key_set_only_for_a_key_that_it_does_not_know(
    make_agent: Callable[..., Agent], plane: ControlPlane
) -> None:
    fetched = []
    key_set = plane.key_set
    plane.key_set = lambda: fetched.append(1) or key_set()  # type: ignore[method-assign, func-returns-value]
    agent = make_agent()
    for _ in range(3):
        assert agent.beat().stored
    assert len(fetched) == 1
    plane.rotate()
    assert agent.beat().stored
    assert agent.beat().stored
    assert len(fetched) == 2


def test_any_pinned_key_leads_to_each_later_one_and_to_no_earlier_one(plane: ControlPlane) -> None:
    for _ in range(4):
        plane.rotate()
    kids = [key.kid for key in plane.chain]
    for number, key in enumerate(plane.chain):
        ring = KeyRing((read_key(key.jwk()),))
        ring.extend(plane.key_set())
        assert {kid for kid in kids if kid in ring} == set(kids[number:])


def test_the_first_key_that_a_site_sees_is_pinned_for_good(
    make_agent: Callable[..., Agent], plane: ControlPlane, tmp_path: Path
) -> None:
    agent = make_agent()
    agent.beat()
    other = ControlPlane(plane.now)
    other.rotate()
    other.chain = other.chain[1:]  # a server with keys of its own
    agent.close()
    refused = make_agent(server=other).beat()
    assert refused.reason is not None
    assert "unknown_key" in refused.reason
    state = json.loads((tmp_path / "state/state.json").read_text())
    assert [key["kid"] for key in state["pinned"]] == [plane.chain[0].kid]


def test_a_pinned_key_is_the_only_one_that_a_first_contact_trusts(
    make_agent: Callable[..., Agent], plane: ControlPlane
) -> None:
    plane.rotate()
    agent = make_agent(pin=plane.chain[0].kid)
    assert agent.beat().stored
    assert agent.pinned_kids == (plane.chain[0].kid,)


def test_a_new_pin_of_a_key_that_is_known_keeps_the_lease(
    make_agent: Callable[..., Agent], plane: ControlPlane
) -> None:
    agent = make_agent()
    agent.beat()
    plane.rotate()
    agent.beat()
    agent.close()
    assert make_agent(pin=plane.key.kid).verdict().state == "ok"
    assert make_agent(pin="another").verdict().state == "lapsed"


def test_enrolling_again_pins_the_key_that_signs_now(make_agent: Callable[..., Agent], plane: ControlPlane) -> None:
    agent = make_agent()
    agent.beat()
    plane.rotate()
    assert agent.enrol().stored
    assert agent.pinned_kids == (plane.key.kid,)
    plane.chain = plane.chain[:1]  # the key before has leaked and signs again
    plane.change()
    assert not agent.beat().stored

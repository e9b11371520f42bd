"""After a restore of an old backup no lease that an agent would accept takes back what was decided since that backup."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from audit.actors import COMMAND
from conftest import Clock, RegisteredSite
from heartbeat.tests.agents import SimulatedAgent, lease_claims
from licensing.services import create_signing_key
from sites.models import Site, SitePulse
from sites.services import confirm_site, extend_license, lock_site, unlock_site


class LeasingAgent(SimulatedAgent):
    """It keeps the revision and the lock of the last lease that it did not refuse."""

    revision = 0
    locked = False

    def next_body(self) -> dict[str, Any]:
        return super().next_body() | {"lease_revision": self.revision}

    def send(self, body: dict[str, Any]) -> Any:
        reply = super().send(body)
        lease = lease_claims(reply["lease"])
        if lease["revision"] >= self.revision:
            self.revision, self.locked = lease["revision"], lease["locked"]
        return reply


class Backup:
    """The rows of the site and of its pulse, as they were."""

    def __init__(self) -> None:
        self.site, self.pulse = Site.objects.values().get(), SitePulse.objects.values().get()

    def restore(self) -> None:
        Site.objects.update(**self.site)
        SitePulse.objects.update(**self.pulse)


@pytest.fixture
def agent(roma: RegisteredSite, clock: Clock) -> LeasingAgent:
    create_signing_key(by=COMMAND, at=clock())
    agent = LeasingAgent(roma)
    agent.beat()
    return agent


def beat(agent: SimulatedAgent, clock: Clock) -> Any:
    clock.move(hours=6)
    return agent.beat()


def lock_lost_in_a_restore(agent: LeasingAgent, clock: Clock) -> None:
    """The agent knows that the site is locked, and the database does not know it any more."""
    backup = Backup()
    lock_site(agent.site.site_id, reason="unpaid", by=COMMAND, at=clock())
    beat(agent, clock)
    assert (agent.revision, agent.locked) == (2, True)
    backup.restore()


def newer(api: APIClient, agent: SimulatedAgent) -> bool:
    return bool(api.get(agent.site.path).json()["agent"]["holds_newer_decision"])


@pytest.mark.parametrize("changes_before_the_next_heartbeat", [0, 1, 2, 5])
def test_a_lost_lock_stays_until_a_person_decides(
    api: APIClient, agent: LeasingAgent, clock: Clock, changes_before_the_next_heartbeat: int
) -> None:
    lock_lost_in_a_restore(agent, clock)
    for _ in range(changes_before_the_next_heartbeat):
        extend_license(agent.site.site_id, days=1, by=COMMAND, at=clock())
    for _ in range(3):
        assert beat(agent, clock)["locked"] is False
        assert (agent.revision, agent.locked, newer(api, agent)) == (2, True, True)
    confirm_site(agent.site.site_id, by=COMMAND, at=clock())
    assert newer(api, agent) is False
    beat(agent, clock)
    assert (agent.revision, agent.locked) == (Site.objects.get().revision, False)
    assert newer(api, agent) is False


def test_a_change_after_the_heartbeat_decides(api: APIClient, agent: LeasingAgent, clock: Clock) -> None:
    lock_lost_in_a_restore(agent, clock)
    beat(agent, clock)
    lock_site(agent.site.site_id, reason="still unpaid", by=COMMAND, at=clock())
    assert newer(api, agent) is False
    assert beat(agent, clock)["lock_reason"] == "still unpaid"
    assert (agent.revision, agent.locked) == (3, True)
    unlock_site(agent.site.site_id, by=COMMAND, at=clock())
    beat(agent, clock)
    assert (agent.revision, agent.locked) == (4, False)


def test_a_second_installation_that_holds_an_older_one_does_not_decide(agent: LeasingAgent, clock: Clock) -> None:
    lock_lost_in_a_restore(agent, clock)
    extend_license(agent.site.site_id, days=1, by=COMMAND, at=clock())
    beat(agent, clock)
    other = LeasingAgent(agent.site)
    other.revision = 1
    beat(other, clock)
    beat(agent, clock)
    assert (agent.revision, agent.locked) == (2, True)


@pytest.mark.parametrize("report", [{}, {"nonce": "n" * 16, "lease_revision": 2}], ids=["old client", "doctor"])
def test_a_call_that_stores_no_lease_does_not_decide(agent: LeasingAgent, clock: Clock, report: dict[str, Any]) -> None:
    lock_lost_in_a_restore(agent, clock)
    extend_license(agent.site.site_id, days=1, by=COMMAND, at=clock())
    clock.move(hours=6)
    agent.site.call_home(**report)
    beat(agent, clock)
    assert (agent.revision, agent.locked) == (2, True)


def test_a_number_that_is_not_believed_does_not_hide_a_real_one(agent: LeasingAgent, clock: Clock) -> None:
    lock_lost_in_a_restore(agent, clock)
    extend_license(agent.site.site_id, days=1, by=COMMAND, at=clock())
    agent.site.call_home(nonce="n" * 16, lease_revision=10**9)
    beat(agent, clock)
    assert (agent.revision, agent.locked) == (2, True)


def test_answers_that_are_lost_are_no_newer_decision(api: APIClient, agent: LeasingAgent, clock: Clock) -> None:
    lock_site(agent.site.site_id, reason="unpaid", by=COMMAND, at=clock())
    for _ in range(3):
        SimulatedAgent.send(agent, agent.next_body())
        assert newer(api, agent) is False
        clock.move(hours=6)
    beat(agent, clock)
    assert (agent.revision, agent.locked, newer(api, agent)) == (2, True, False)


@pytest.mark.parametrize("moved", [{}, {"hours": -1}], ids=["repeated", "recorded late"])
def test_a_revision_that_any_answer_had_is_known(
    api: APIClient, agent: LeasingAgent, clock: Clock, moved: dict[str, int]
) -> None:
    body = agent.next_body()
    clock.move(hours=6)
    agent.send(body)
    lock_site(agent.site.site_id, reason="unpaid", by=COMMAND, at=clock())
    clock.move(**moved)
    agent.send(agent.next_body() if moved else body)
    assert agent.revision == 2
    clock.move(hours=7)
    assert lease_claims(agent.beat()["lease"])["revision"] == 2
    assert newer(api, agent) is False


def test_the_newest_lease_is_the_one_that_the_agent_asked_for(
    api: APIClient, agent: LeasingAgent, clock: Clock
) -> None:
    lock_site(agent.site.site_id, reason="unpaid", by=COMMAND, at=clock())
    agent.site.call_home()
    assert api.get(agent.site.path).json()["agent"]["lease_revision"] == 1
    beat(agent, clock)
    assert api.get(agent.site.path).json()["agent"]["lease_revision"] == 2

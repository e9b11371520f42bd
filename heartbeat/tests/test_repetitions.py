"""A heartbeat that an agent sends again is answered as of now, adds no history and moves nothing."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections
from django.utils import timezone
from rest_framework.test import APIClient

from audit.actors import COMMAND
from conftest import Register, RegisteredSite
from heartbeat.models import AgentRun, Heartbeat
from heartbeat.tests.agents import SimulatedAgent, lease_claims
from licensing.services import create_signing_key
from sites.models import SitePulse


@pytest.fixture
def agent(roma: RegisteredSite) -> SimulatedAgent:
    return SimulatedAgent(roma)


def stored() -> list[Any]:
    pulse = SitePulse.objects.values().get()
    del pulse["window_calls"]  # a repetition counts for the site's own limit
    return [pulse, list(AgentRun.objects.values()), list(Heartbeat.objects.values())]


@pytest.mark.parametrize("back", [0, 1, 2])
def test_a_number_that_is_not_higher_moves_nothing(agent: SimulatedAgent, back: int) -> None:
    for _ in range(3):
        agent.beat()
    before = stored()
    agent.sequence -= back + 1
    agent.beat()
    assert stored() == before


def test_it_is_answered_as_of_now_with_a_lease(api: APIClient, roma: RegisteredSite, agent: SimulatedAgent) -> None:
    create_signing_key(by=COMMAND, at=timezone.now())
    body = agent.next_body()
    agent.send(body)
    api.post(f"{roma.path}/lock", {"reason": "unpaid"})
    reply = agent.send(body)
    assert (reply["locked"], reply["lock_reason"]) == (True, "unpaid")
    lease = lease_claims(reply["lease"])
    assert (lease["locked"], lease["nonce"]) == (True, body["nonce"])


def test_repetitions_count_for_the_limit_of_the_site(settings: Any, agent: SimulatedAgent) -> None:
    settings.HEARTBEATS_PER_MINUTE = 3
    body = agent.next_body()
    for _ in range(3):
        agent.send(body)
    assert agent.site.call_home(**body).status_code == 429


@pytest.mark.postgresql
@pytest.mark.skipif(connection.vendor != "postgresql", reason="needs row locks")
def test_of_the_same_heartbeat_sent_four_times_at_once_one_is_stored(
    transactional_db: None, register: Register
) -> None:
    agent = SimulatedAgent(register())
    agent.beat()
    for _ in range(5):
        body = agent.next_body()

        def send(body: dict[str, Any] = body) -> Any:
            try:
                return agent.send(body)
            finally:
                connections.close_all()

        with ThreadPoolExecutor(4) as threads:
            for reply in [threads.submit(send) for _ in range(4)]:
                assert reply.result()["licensed"] is True
    assert Heartbeat.objects.count() == AgentRun.objects.get().heartbeats == 6

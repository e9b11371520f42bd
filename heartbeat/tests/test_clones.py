"""Two installations that use one key are found out, and nothing else looks like them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from audit.models import Event
from conftest import Register, RegisteredSite, SignIn
from heartbeat.models import AgentRun
from heartbeat.tests.agents import SimulatedAgent
from sites.models import Site, SitePulse


@pytest.fixture
def agent(roma: RegisteredSite) -> SimulatedAgent:
    return SimulatedAgent(roma)


def suspected(site: RegisteredSite) -> bool:
    return SitePulse.objects.get(pk=site.site_id).clone_suspected_at is not None


def events(action: str) -> list[Event]:
    return list(Event.objects.filter(action=f"site.{action}"))


# --- Clones ---


def test_a_second_installation_is_suspected_when_both_have_come_back(
    roma: RegisteredSite, agent: SimulatedAgent
) -> None:
    other = agent.reinstalled()
    agent.beat()
    other.beat()
    agent.beat()
    assert not suspected(roma)
    other.beat()
    assert suspected(roma)


def test_a_copied_disk_is_suspected_at_the_second_heartbeat_of_each(
    roma: RegisteredSite, agent: SimulatedAgent
) -> None:
    agent.beat()
    copy = agent.cloned()
    copy.beat()
    agent.beat()
    copy.beat()
    assert not suspected(roma)  # so far it may be a restart, and a late heartbeat from before
    agent.beat()
    assert suspected(roma)


def test_a_copied_disk_is_suspected_if_the_first_sends_two_heartbeats_in_a_row(
    roma: RegisteredSite, agent: SimulatedAgent
) -> None:
    agent.beat()
    copy = agent.cloned()
    copy.beat()
    agent.beat()
    agent.beat()
    assert not suspected(roma)
    copy.beat()
    assert suspected(roma)


def test_a_third_copy_does_not_hide_the_second_heartbeat_of_the_first(
    roma: RegisteredSite, agent: SimulatedAgent
) -> None:
    agent.beat()
    copy, third = agent.cloned(), agent.cloned()
    for branch in (copy, agent, third, agent):
        branch.beat()
    assert not suspected(roma)
    copy.beat()
    assert suspected(roma)


def test_the_event_has_both_branches_once(roma: RegisteredSite, agent: SimulatedAgent) -> None:
    other = agent.reinstalled()
    for _ in range(4):
        agent.beat()
        other.beat()
    (event,) = events("clone_suspected")
    assert (event.source, event.actor) == ("system", None)
    assert event.changes["boot_id"] == [str(agent.boot_id), str(other.boot_id)]
    assert event.changes["instance_id"] == [str(agent.instance_id), str(other.instance_id)]
    assert event.changes["sequence"] == [2, 2]


def test_nothing_is_locked_or_refused(api: APIClient, roma: RegisteredSite, agent: SimulatedAgent) -> None:
    other = agent.reinstalled()
    before = Site.objects.values().get()
    replies = [branch.beat() for _ in range(4) for branch in (agent, other)]
    assert suspected(roma)
    assert Site.objects.values().get() == before
    assert {(reply["licensed"], reply["locked"]) for reply in replies} == {(True, False)}


def test_three_clones_are_one_suspicion(roma: RegisteredSite, agent: SimulatedAgent) -> None:
    branches = [agent, agent.reinstalled(), agent.reinstalled()]
    for _ in range(5):
        for branch in branches:
            branch.beat()
    assert suspected(roma)
    assert len(events("clone_suspected")) == 1


# --- What is no clone ---


def restart(agent: SimulatedAgent) -> None:
    for _ in range(5):
        agent = agent.restarted()
        agent.beat()
        agent.beat()


def reinstallation(agent: SimulatedAgent) -> None:
    for _ in range(3):
        agent = agent.reinstalled()
        agent.beat()


def late_arrival(agent: SimulatedAgent) -> None:
    late = agent.next_body()
    new = agent.restarted()
    new.beat()
    agent.send(late)
    for _ in range(3):
        new.beat()


def late_arrivals_of_each_of_many_restarts(agent: SimulatedAgent) -> None:
    for _ in range(5):
        late = agent.next_body()
        new = agent.restarted()
        new.beat()
        agent.send(late)
        new.beat()
        agent = new


def late_arrivals_of_two_starts(agent: SimulatedAgent) -> None:
    """The second run ends before the second heartbeat that it sends has arrived."""
    new, newest = agent.restarted(), agent.restarted()
    for run in (new, agent, newest, new, newest, newest):
        run.beat()


def snapshot_from_before_a_reinstallation(agent: SimulatedAgent) -> None:
    """The late heartbeat is that of another run than the one that is put back."""
    other = agent.reinstalled()
    other.beat()
    late_arrival(other)
    agent.beat()
    agent.beat()


def repetitions(agent: SimulatedAgent) -> None:
    body = agent.next_body()
    new = agent.restarted()
    for _ in range(3):
        agent.send(body)
        new.beat()


def heartbeats_out_of_order(agent: SimulatedAgent) -> None:
    first, second = agent.next_body(), agent.next_body()
    agent.send(second)
    agent.send(first)
    agent.beat()


def snapshot_restored_with_its_memory(agent: SimulatedAgent) -> None:
    new = agent.restarted()
    new.beat()
    new.beat()
    for _ in range(4):
        agent.beat()


@pytest.mark.parametrize(
    "happens",
    [
        restart,
        reinstallation,
        late_arrival,
        late_arrivals_of_each_of_many_restarts,
        late_arrivals_of_two_starts,
        snapshot_from_before_a_reinstallation,
        repetitions,
        heartbeats_out_of_order,
        snapshot_restored_with_its_memory,
    ],
    ids=lambda happens: happens.__name__,
)
def test_this_is_no_clone(
    roma: RegisteredSite, agent: SimulatedAgent, happens: Callable[[SimulatedAgent], None]
) -> None:
    agent.beat()
    agent.beat()
    happens(agent)
    assert not suspected(roma)
    assert not events("clone_suspected")


def test_old_clients_are_never_suspected(roma: RegisteredSite, agent: SimulatedAgent) -> None:
    for _ in range(4):
        agent.beat()
        roma.call_home()
    assert not suspected(roma)


# --- Dismiss ---


@pytest.fixture(params=["reinstalled", "cloned"])
def branches(request: pytest.FixtureRequest, agent: SimulatedAgent) -> list[SimulatedAgent]:
    """Two installations of one site that have been found out; the last heartbeat was that of the second one."""
    agent.beat()
    other = getattr(agent, request.param)()
    for _ in range(3):
        agent.beat()
        other.beat()
    assert suspected(agent.site)
    return [agent, other]


def dismiss(api: APIClient, site: RegisteredSite, **body: Any) -> Any:
    return api.post(f"{site.path}/dismiss-clone", body)


def test_a_dismissal_is_noted_once(api: APIClient, roma: RegisteredSite, branches: list[SimulatedAgent]) -> None:
    since = api.get(roma.path).json()["clone_suspected_at"]
    revision = Site.objects.get().revision
    for _ in range(2):
        answer = dismiss(api, roma, note="They moved the server.")
        assert (answer.status_code, answer.json()["clone_suspected_at"]) == (200, None)
    (event,) = events("clone_dismissed")
    assert (event.reason, event.actor_name) == ("They moved the server.", "anna")
    assert event.changes == {"clone_suspected_at": [since, None]}
    assert Site.objects.get().revision == revision


def test_further_heartbeats_of_both_raise_it_again(
    api: APIClient, roma: RegisteredSite, branches: list[SimulatedAgent]
) -> None:
    dismiss(api, roma)
    branches[0].beat()
    assert not suspected(roma)
    branches[1].beat()
    assert suspected(roma)
    assert len(events("clone_suspected")) == 2


def test_the_one_that_called_last_goes_on_alone_after_a_dismissal(
    api: APIClient, roma: RegisteredSite, branches: list[SimulatedAgent]
) -> None:
    dismiss(api, roma)
    for _ in range(5):
        branches[1].beat()
    assert not suspected(roma)


@pytest.mark.parametrize(("role", "status"), [("anna", 200), ("ben", 200), ("vera", 403)])
def test_sysadmins_and_support_dismiss(
    request: pytest.FixtureRequest, signed_in: SignIn, roma: RegisteredSite, role: str, status: int
) -> None:
    assert dismiss(signed_in(request.getfixturevalue(role)), roma).status_code == status


def test_an_unknown_or_deregistered_site_is_a_404(api: APIClient, roma: RegisteredSite) -> None:
    api.delete(roma.path)
    for path in (roma.path, "/api/sites/x"):
        assert api.post(f"{path}/dismiss-clone").status_code == 404
        assert api.get(f"{path}/instances").status_code == 404


# --- Lists ---


def test_the_list_filters_by_suspicion(
    api: APIClient, register: Register, roma: RegisteredSite, branches: list[SimulatedAgent]
) -> None:
    oslo = register(name="Oslo")
    found = {
        wanted: [site["site_id"] for site in api.get("/api/sites", {"clone_suspected": wanted}).json()["results"]]
        for wanted in ("true", "false")
    }
    assert found == {"true": [roma.site_id], "false": [oslo.site_id]}


def test_the_instances_of_a_site_are_its_boots_newest_first(
    api: APIClient, roma: RegisteredSite, agent: SimulatedAgent
) -> None:
    agent.beat()
    agent.beat()
    newer = agent.restarted()
    newer.beat()
    first, second = api.get(f"{roma.path}/instances").json()["results"]
    assert list(first) == [
        "instance_id",
        "boot_id",
        "first_seen_at",
        "last_seen_at",
        "ip",
        "version",
        "sequence",
        "heartbeats",
    ]
    assert (first["boot_id"], first["sequence"], first["heartbeats"]) == (str(newer.boot_id), 1, 1)
    assert (second["boot_id"], second["sequence"], second["heartbeats"]) == (str(agent.boot_id), 2, 2)
    assert first["instance_id"] == second["instance_id"] == str(agent.instance_id)


def test_a_boot_is_kept_that_starts_after_the_server_s_clock_was_ahead(
    roma: RegisteredSite, agent: SimulatedAgent
) -> None:
    for _ in range(20):
        agent = agent.restarted()
        agent.beat()
    AgentRun.objects.update(last_seen_at=timezone.now() + timedelta(days=400))
    newest = agent.restarted()
    newest.beat()
    assert AgentRun.objects.filter(boot_id=newest.boot_id).exists()


def test_a_site_keeps_its_twenty_newest_boots(api: APIClient, roma: RegisteredSite, agent: SimulatedAgent) -> None:
    for _ in range(25):
        agent = agent.restarted()
        agent.beat()
    boots = api.get(f"{roma.path}/instances").json()["results"]
    assert len(boots) == 20
    assert boots[0]["boot_id"] == str(agent.boot_id)

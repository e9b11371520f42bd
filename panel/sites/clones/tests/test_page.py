"""The page of a site's installations: the two branches, the choices of each role, and all starts."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Admin
from audit.models import Event
from conftest import Clock, RegisteredSite
from heartbeat.models import AgentRun
from heartbeat.runs import MAX_RUNS
from heartbeat.tests.agents import SimulatedAgent
from panel.dashboard.tests.test_dashboard import text
from panel.tests.screen import Confirmation, browser_of
from sites.models import SitePulse

pytestmark = pytest.mark.any_database

QUERIES = 6  # session, admin, the mark in the header, the site, its runs, the event


@pytest.fixture
def one(roma: RegisteredSite) -> SimulatedAgent:
    return SimulatedAgent(roma)


def take_turns(one: SimulatedAgent, other: SimulatedAgent, clock: Clock, turns: int = 2, **facts: Any) -> None:
    for _ in range(turns):
        one.beat()
        clock.move(minutes=5)
        other.send({**other.next_body(), **facts})
        clock.move(minutes=5)


def suspected_at() -> Any:
    return SitePulse.objects.get().clone_suspected_at


def html_of(admin: Admin, site: RegisteredSite) -> str:
    answer = browser_of(admin).get(f"/admin/sites/site/{site.site_id}/clones/")
    assert answer.status_code == 200
    return answer.content.decode()


def table(html: str, name: str) -> dict[str, list[str]]:
    """By the first cell of each row the others."""
    body = html.partition(f'<table class="{name}">')[2].partition("<tbody>")[2].partition("</tbody>")[0]
    rows = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in body.split("</tr>")]
    return {text(row[0]): [text(cell) for cell in row[1:]] for row in rows if row}


def test_both_branches_stand_side_by_side(vera: Admin, roma: RegisteredSite, one: SimulatedAgent, clock: Clock) -> None:
    other = one.reinstalled()
    take_turns(one, other, clock, version="2.0.0")
    one.beat()
    html = html_of(vera, roma)
    assert table(html, "branches") == {
        "Installation (differs)": [str(one.instance_id), str(other.instance_id)],
        "Start (differs)": [str(one.boot_id), str(other.boot_id)],
        "Address": ["127.0.0.1", "127.0.0.1"],
        "Version (differs)": ["1.0.0", "2.0.0"],
        "First call": ["2026-06-01 12:00 UTC", "2026-06-01 12:05 UTC"],
        "Last call": ["2026-06-01 12:20 UTC", "2026-06-01 12:15 UTC"],
        "Sequence": ["3", "2"],
        "Heartbeats": ["3", "2"],
    }
    assert "First difference: the installation." in html
    assert "The second one called first at 2026-06-01 12:05 UTC ." in text(html)


def test_a_copied_disk_differs_first_in_its_start(
    vera: Admin, roma: RegisteredSite, one: SimulatedAgent, clock: Clock
) -> None:
    copy = one.cloned()
    take_turns(one, copy, clock, turns=3)
    html = html_of(vera, roma)
    assert "First difference: the start." in html
    branches = table(html, "branches")
    assert branches["Installation"] == [str(one.instance_id)] * 2
    assert branches["Start (differs)"] == [str(one.boot_id), str(copy.boot_id)], "the one that called first comes first"


def test_without_a_suspicion_the_starts_are_listed_alone(
    vera: Admin, roma: RegisteredSite, one: SimulatedAgent, clock: Clock
) -> None:
    assert "No agent of this site has said which installation it is." in html_of(vera, roma)
    one.beat()
    clock.move(hours=1)
    newer = one.restarted()
    newer.beat()
    html = html_of(vera, roma)
    assert "No clone is suspected." in html
    assert "What to do" not in html
    starts = table(html, "runs")
    assert list(starts) == ["2026-06-01 13:00 UTC", "2026-06-01 12:00 UTC"]
    assert starts["2026-06-01 12:00 UTC"][1:] == [
        "127.0.0.1",
        "1.0.0",
        "1",
        "1",
        str(one.instance_id),
        str(one.boot_id),
    ]


@pytest.mark.any_database
@pytest.mark.parametrize(
    ("name", "choices"),
    [("anna", ["rotate-key", "add", "operate"]), ("ben", ["operate"]), ("vera", [])],
)
def test_each_role_is_offered_what_it_may_do(
    name: str,
    choices: list[str],
    roma: RegisteredSite,
    one: SimulatedAgent,
    clock: Clock,
    request: pytest.FixtureRequest,
) -> None:
    take_turns(one, one.reinstalled(), clock)
    html = html_of(request.getfixturevalue(name), roma)
    section = html.partition('aria-labelledby="choices-heading"')[2].partition("</section>")[0]
    links = re.findall(r'href="([^"]+)"', section)
    assert len(links) == len(choices)
    for link, part in zip(links, choices, strict=True):
        assert f"/{part}/" in link
        assert roma.site_id in link
    assert ("Ask an admin" in section) is (not choices)


def test_a_dismissed_suspicion_is_gone_until_both_call_again(
    ben: Admin, roma: RegisteredSite, one: SimulatedAgent, clock: Clock
) -> None:
    other = one.reinstalled()
    take_turns(one, other, clock)
    confirmation = Confirmation(ben, "dismiss_clone", (roma,))
    for _ in range(2):
        confirmation.send(note="a test machine")
        assert "Trattoria Roma: Clone suspicion dismissed." in confirmation.messages
    assert suspected_at() is None
    (event,) = Event.objects.filter(action="site.clone_dismissed")
    assert (event.actor_name, event.source, event.reason) == ("ben", "admin", "a test machine")
    assert "No clone is suspected." in html_of(ben, roma)
    take_turns(one, other, clock, turns=1)
    assert suspected_at() is not None
    assert "Clone suspected" in html_of(ben, roma)


def test_a_suspicion_that_was_raised_again_since_is_not_dismissed(
    anna: Admin, ben: Admin, roma: RegisteredSite, one: SimulatedAgent, clock: Clock
) -> None:
    other = one.reinstalled()
    take_turns(one, other, clock)
    open_page = Confirmation(ben, "dismiss_clone", (roma,))
    Confirmation(anna, "dismiss_clone", (roma,)).send()
    take_turns(one, other, clock, turns=1)
    open_page.send()
    assert "Refused: Trattoria Roma was not dismissed." in open_page.messages
    assert "Clone suspected: 2026-06-01 12:15 UTC on your page" in open_page.messages
    assert suspected_at() is not None


@pytest.mark.any_database
def test_what_an_agent_sends_is_only_text(vera: Admin, roma: RegisteredSite, one: SimulatedAgent, clock: Clock) -> None:
    hostile = "<script>alert(1)</script>"
    take_turns(one, one.reinstalled(), clock, version=hostile)
    site_page = browser_of(vera).get(f"/admin/sites/site/{roma.site_id}/change/").content.decode()
    for html in (html_of(vera, roma), site_page):
        assert "<script>alert" not in html
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


def test_the_history_shows_a_pair_for_each_fact(
    vera: Admin, roma: RegisteredSite, one: SimulatedAgent, clock: Clock
) -> None:
    take_turns(one, one.reinstalled(), clock, version="2.0.0")
    html = browser_of(vera).get(f"/admin/sites/site/{roma.site_id}/change/").content.decode()
    history = text(html.partition('id="history-heading"')[2].partition("</section>")[0])
    assert "Two installations seem to use the key by the control plane itself" in history
    assert history.index("Installation") < history.index("Version") < history.index("Heartbeats"), "in a fixed order"
    assert "Version 1.0.0 and 2.0.0" in history
    assert "First call 2026-06-01 12:00 UTC and 2026-06-01 12:05 UTC" in history


def test_a_branch_whose_start_is_no_longer_kept_is_shown_as_the_event_has_it(
    vera: Admin, roma: RegisteredSite, one: SimulatedAgent, clock: Clock
) -> None:
    other = one.reinstalled()
    take_turns(one, other, clock)
    AgentRun.objects.filter(boot_id=one.boot_id).delete()
    assert table(html_of(vera, roma), "branches")["Last call"] == ["2026-06-01 12:10 UTC", "2026-06-01 12:15 UTC"]


def test_the_page_costs_the_same_for_many_starts(
    vera: Admin, roma: RegisteredSite, one: SimulatedAgent, clock: Clock
) -> None:
    take_turns(one, one.reinstalled(), clock)
    browser = browser_of(vera)

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert browser.get(f"/admin/sites/site/{roma.site_id}/clones/").status_code == 200
        return len(queries)

    assert cost() == QUERIES
    for _ in range(MAX_RUNS + 2):
        one = one.restarted()
        one.beat()
    assert cost() == QUERIES


@pytest.mark.any_database
def test_a_deregistered_site_leads_to_its_own_page(anna: Admin, api: Any, roma: RegisteredSite) -> None:
    api.delete(roma.path)
    answer: Any = browser_of(anna).get(f"/admin/sites/site/{roma.site_id}/clones/")
    assert (answer.status_code, answer.url) == (302, f"/admin/sites/site/{roma.site_id}/change/")

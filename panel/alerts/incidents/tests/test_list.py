"""The list of incidents: views with their numbers, filters, search."""

import re
import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Admin
from alerts.incidents.services import acknowledge_incident, resolve_incidents
from alerts.kinds import Kind
from conftest import Register, RegisteredSite
from panel.alerts.tests.cast import INCIDENTS, a_channel, a_common_cause, an_incident, by
from panel.tests.screen import browser_of

# Session, admin, the mark in the header, the number of incidents, the incidents, those of each state, the resolved ones; and
# for sysadmins whether there is a channel.
QUERIES = 8


@pytest.fixture
def browser(anna: Admin) -> Client:
    return browser_of(anna)


def titles(browser: Client, query: str = "") -> list[str]:
    answer = browser.get(f"{INCIDENTS}{query}")
    assert answer.status_code == 200
    return [incident.title for incident, _ in answer.context["rows"]]


def views(browser: Client) -> dict[str, str]:
    """The number beside each view; empty without one."""
    page = browser.get(INCIDENTS).content.decode().partition('aria-label="Views"')[2].partition("</nav>")[0]
    found = re.findall(r'">(\w+)(?: <span class="count">([\d,+]+)</span>)?</a>', page)
    return dict(found)


@pytest.fixture
def _one_of_each_state(anna: Admin) -> None:
    an_incident(title="An open one", subject="1")
    acknowledged = an_incident(title="An acknowledged one", subject="2")
    acknowledge_incident(acknowledged.id, by=by(anna), at=timezone.now())
    resolve_incidents([an_incident(title="A resolved one", subject="3").pk], at=timezone.now())


@pytest.mark.usefixtures("_one_of_each_state")
def test_each_state_is_a_view_and_the_list_begins_with_what_is_open(browser: Client) -> None:
    assert titles(browser) == titles(browser, "?view=open") == ["An open one"]
    assert titles(browser, "?view=acknowledged") == ["An acknowledged one"]
    assert titles(browser, "?view=resolved") == ["A resolved one"]
    assert titles(browser, "?view=all") == ["A resolved one", "An acknowledged one", "An open one"]
    assert titles(browser, "?view=nonsense") == []


@pytest.mark.usefixtures("_one_of_each_state")
def test_each_view_has_its_number(browser: Client) -> None:
    an_incident(title="Another open one", subject="4")
    assert views(browser) == {"Open": "2", "Acknowledged": "1", "Resolved": "1", "All": ""}


def test_a_view_without_incidents_says_so(browser: Client) -> None:
    assert views(browser) == {"Open": "", "Acknowledged": "", "Resolved": "", "All": ""}
    assert "No open incidents." in browser.get(INCIDENTS).content.decode()
    assert "No resolved incidents." in browser.get(f"{INCIDENTS}?view=resolved").content.decode()


def test_a_view_is_no_filter(browser: Client) -> None:
    an_incident()
    for query, is_filtered in (("?view=all", False), ("?view=all&kind=sign_in_attack", True), ("?q=passwords", True)):
        page = browser.get(f"{INCIDENTS}{query}").content.decode()
        assert ("1 found (" in page) is is_filtered, query
    assert "No incidents match." in browser.get(f"{INCIDENTS}?kind=license_ended").content.decode()


def test_it_is_filtered_by_kind_severity_time_and_words(browser: Client, roma: RegisteredSite) -> None:
    an_incident(title="An attack")
    an_incident(Kind.LICENSE_ENDED, "Roma's licence has ended", site=roma)
    yesterday = timezone.now() - timedelta(days=1, minutes=1)
    an_incident(Kind.CLONE_SUSPECTED, "Two of Roma", site=roma, at=yesterday)
    assert titles(browser) == ["Two of Roma", "Roma's licence has ended", "An attack"]
    assert titles(browser, "?kind=sign_in_attack") == titles(browser, "?severity=critical") == ["An attack"]
    assert titles(browser, "?severity=warning&kind=license_ended") == ["Roma's licence has ended"]
    assert titles(browser, "?severity=grave") == titles(browser, "?kind=nonsense") == []
    since = (timezone.now() - timedelta(hours=1)).isoformat().replace("+", "%2B")
    assert titles(browser, f"?from={since}") == ["Roma's licence has ended", "An attack"]
    assert titles(browser, "?q=roma") == ["Two of Roma", "Roma's licence has ended"]


def test_a_link_filters_by_a_site_also_as_part_of_a_common_cause(browser: Client, register: Register) -> None:
    roma, napoli = register(), register(name="Pizzeria Napoli")
    an_incident(Kind.LICENSE_ENDED, "Roma's licence has ended", site=roma)
    an_incident(Kind.LICENSE_ENDED, "Napoli's licence has ended", site=napoli)
    a_common_cause(roma)
    assert titles(browser, f"?site={roma.site_id}") == ["Sites went silent", "Roma's licence has ended"]
    assert titles(browser, f"?site={napoli.site_id}") == ["Napoli's licence has ended"]
    assert titles(browser, f"?site={uuid.uuid4()}") == titles(browser, "?site=nonsense") == []
    assert "By site" in browser.get(f"{INCIDENTS}?site={roma.site_id}").content.decode()
    assert "By site" not in browser.get(INCIDENTS).content.decode()


def test_it_costs_the_same_for_few_and_for_many(browser: Client, register: Register, anna: Admin) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert browser.get(f"{INCIDENTS}?view=all").status_code == 200
        return len(queries)

    def acknowledged(number: int) -> None:
        incident = an_incident(Kind.LICENSE_ENDED, site=register(name=f"Site {number}"))
        acknowledge_incident(incident.id, by=by(anna), at=timezone.now())

    acknowledged(0)
    few = cost()
    for number in range(1, 15):
        acknowledged(number)
    assert cost() == few == QUERIES


def test_a_viewer_selects_nothing(vera: Admin, browser: Client) -> None:
    an_incident()
    assert "Acknowledge…" not in browser_of(vera).get(INCIDENTS).content.decode()
    assert "Acknowledge…" in browser.get(INCIDENTS).content.decode()
    assert "Acknowledge…" not in browser.get(f"{INCIDENTS}?view=all").content.decode()


def test_a_sysadmin_is_told_that_there_is_no_channel(browser: Client, ben: Admin) -> None:
    assert "told nowhere yet" in browser.get(INCIDENTS).content.decode()
    assert "told nowhere yet" not in browser_of(ben).get(INCIDENTS).content.decode()
    a_channel()
    assert "told nowhere yet" not in browser.get(INCIDENTS).content.decode()


def test_a_resolved_incident_is_not_coloured(browser: Client) -> None:
    incident = an_incident()
    assert "state-bad" in browser.get(INCIDENTS).content.decode()
    resolve_incidents([incident.pk], at=timezone.now())
    page = browser.get(f"{INCIDENTS}?view=resolved").content.decode()
    assert "state-bad" not in page
    assert "critical" in page

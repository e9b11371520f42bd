"""The mark in the header of every page while something critical is open."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Admin
from alerts.incidents.services import acknowledge_incident
from alerts.kinds import Kind
from conftest import RegisteredSite
from panel.alerts.tests.cast import INCIDENTS, an_incident, by
from panel.tests.screen import browser_of

MARK = f"{INCIDENTS}critical/"
LINK = f'href="{INCIDENTS}?view=open&amp;severity=critical"'


@pytest.mark.parametrize("path", ["/admin/", "/admin/sites/site/", "/admin/account/", "/admin/channels/", MARK])
def test_every_page_has_it_while_something_critical_is_open(anna: Admin, roma: RegisteredSite, path: str) -> None:
    browser = browser_of(anna)
    an_incident(Kind.LICENSE_ENDED, site=roma)
    assert LINK not in browser.get(path).content.decode(), "a warning is not critical"
    incident = an_incident()
    page = browser.get(path).content.decode()
    assert LINK in page
    assert "1 critical" in page
    acknowledge_incident(incident.id, by=by(anna), at=timezone.now())
    assert LINK not in browser.get(path).content.decode()


def test_its_link_leads_to_what_it_counts(vera: Admin) -> None:
    for number in range(3):
        an_incident(title=f"Attack {number}", subject=str(number))
    browser = browser_of(vera)
    assert "3 critical" in browser.get("/admin/").content.decode()
    assert len(browser.get(f"{INCIDENTS}?view=open&severity=critical").context["rows"]) == 3


def test_asking_for_it_costs_one_query_besides_the_session_and_is_no_use_of_it(anna: Admin) -> None:
    browser = browser_of(anna)
    browser.get("/admin/account/")
    with CaptureQueriesContext(connection) as queries:
        answer = browser.get(MARK, headers={"Live-Refresh": "1"})
    assert answer.status_code == 200
    assert len(queries) == 3, [each["sql"][:90] for each in queries]
    assert all(each["sql"].startswith("SELECT") for each in queries)


def test_nobody_who_is_not_signed_in_learns_of_it(db: None) -> None:
    an_incident()
    assert Client().get(MARK).status_code == 302
    login = Client().get("/admin/login/").content.decode()
    assert "critical-mark" not in login
    assert "mark.js" not in login

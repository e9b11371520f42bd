"""The page of an incident: its facts, its sites, what was told, and the links that lead to it."""

from urllib.parse import urlsplit

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Admin
from alerts.channels.transports.outcome import Verdict
from alerts.incidents.services import acknowledge_incident, resolve_incidents
from alerts.kinds import Kind
from alerts.models import Delivery, IncidentSite
from alerts.outbox.delivery import panel_url
from conftest import Register, RegisteredSite
from panel.alerts.incidents import page as page_module
from panel.alerts.tests.cast import INCIDENTS, a_channel, a_common_cause, an_incident, answered, by
from panel.tests.screen import browser_of

# Session, admin, the incident with its site, the number of members, the members, what was told, the mark in the header.
QUERIES = 7


@pytest.fixture
def browser(anna: Admin) -> Client:
    return browser_of(anna)


def page_of(browser: Client, number: object) -> str:
    answer = browser.get(f"{INCIDENTS}{number}/change/")
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_it_says_what_has_happened_to_which_site_and_who_takes_care(
    browser: Client, anna: Admin, roma: RegisteredSite
) -> None:
    incident = an_incident(Kind.SITE_OFFLINE, "Trattoria Roma is offline", site=roma, detail="Last call at noon.")
    page = page_of(browser, incident.pk)
    assert "<strong>Open</strong>" in page
    assert "Last call at noon." in page
    assert f'<a href="/admin/sites/site/{roma.site_id}/change/">Trattoria Roma</a>' in page
    acknowledge_incident(incident.id, by=by(anna), at=timezone.now(), note="Their modem <b>again</b>")
    page = page_of(browser, incident.pk)
    assert "<strong>Acknowledged</strong>" in page
    assert "Their modem &lt;b&gt;again&lt;/b&gt;" in page
    resolve_incidents([incident.pk], at=timezone.now())
    page = page_of(browser, incident.pk)
    assert "<strong>Resolved</strong>" in page
    assert "<dt>Resolved</dt>" in page


def test_the_sites_of_a_common_cause_are_listed_those_that_are_silent_first(
    browser: Client, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    sites = [register(name=f"Site {number}") for number in range(3)]
    incident = a_common_cause(*sites)
    IncidentSite.objects.filter(site=sites[0].site_id).update(left_at=timezone.now())
    page = page_of(browser, incident.pk)
    places = [page.index(f"{site.site_id}/change/") for site in (sites[1], sites[2], sites[0])]
    assert places == sorted(places)
    monkeypatch.setattr(page_module, "SITES_ON_A_PAGE", 2)
    first, second = (browser.get(f"{INCIDENTS}{incident.pk}/change/?p={number}").content.decode() for number in "12")
    assert "Page 1 of 2" in first
    assert sites[0].site_id not in first
    assert sites[0].site_id in second
    assert browser.get(f"{INCIDENTS}{incident.pk}/change/?p=nonsense").status_code == 200


def test_it_says_what_was_told_on_which_channels(browser: Client, ben: Admin) -> None:
    pager, chat = a_channel("Pager", kind="pagerduty"), a_channel("Chat", kind="slack")
    incident = an_incident()
    answered(Delivery.objects.get(channel=pager), Verdict.DELIVERED, 202)
    answered(Delivery.objects.get(channel=chat), Verdict.FAILED, 404, "no_service")
    page = page_of(browser, incident.pk).partition('id="told-heading"')[2]
    assert "Pager</a>" in page
    assert page.count("opened") == 2
    newest_first = incident.deliveries.newest_first().values_list("state", flat=True)
    assert [page.index(state) for state in newest_first] == sorted(map(page.index, ("delivered", "failed")))
    assert f"/admin/channels/{pager.pk}/" in page
    for_support = page_of(browser_of(ben), incident.pk)
    assert "Pager" in for_support
    assert "/admin/channels/" not in for_support


def test_an_incident_that_no_channel_wanted_says_so(browser: Client) -> None:
    assert "Told on no channel." in page_of(browser, an_incident().pk)


def test_it_costs_the_same_for_few_and_for_many(browser: Client, register: Register) -> None:
    incident = a_common_cause(register())

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            page_of(browser, incident.pk)
        return len(queries)

    assert cost() == QUERIES
    at = timezone.now()
    for number in range(5):
        site = register(name=f"Site {number}")
        IncidentSite.objects.create(incident=incident, site_id=site.site_id, since=at, joined_at=at)
        Delivery.objects.create(
            channel=a_channel(f"Channel {number}"),
            incident=incident,
            type=Delivery.Type.OPENED,
            created_at=at,
            next_attempt_at=at,
            give_up_at=at,
        )
    assert cost() == QUERIES


def test_the_link_of_a_message_leads_to_the_page(browser: Client, settings: LazySettings) -> None:
    settings.PUBLIC_URL = "https://licenses.example.com"
    incident = an_incident()
    for number, words in ((incident.pk, "Somebody tries passwords"), (None, "Incidents")):
        link = urlsplit(str(panel_url(number)))
        assert link.netloc == "licenses.example.com"
        answer = browser.get(link.path)
        assert answer.status_code == 200
        assert f"<title>{words}" in answer.content.decode()


def test_the_events_lead_to_the_page_by_the_id(browser: Client, anna: Admin) -> None:
    incident = an_incident()
    acknowledge_incident(incident.id, by=by(anna), at=timezone.now())
    events = browser.get("/admin/audit/event/").content.decode()
    assert f'href="{INCIDENTS}{incident.id}/change/"' in events
    assert "Somebody tries passwords" in page_of(browser, incident.id)


@pytest.mark.parametrize("unknown", ["999", "x", "%00", "0b6f4c1e-6d0f-4f0e-9d53-3a3c1f5d2b11", "9" * 30])
def test_an_unknown_incident_leads_to_the_dashboard(browser: Client, unknown: str) -> None:
    answer = browser.get(f"{INCIDENTS}{unknown}/change/")
    assert (answer.status_code, answer.headers.get("Location")) == (302, "/admin/")

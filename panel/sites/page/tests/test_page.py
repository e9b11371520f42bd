"""The page of one site: what each role sees, its texts, and its number of queries and size."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Admin
from audit.models import Event
from conftest import Register, RegisteredSite
from heartbeat.models import Heartbeat
from panel.sites.page.tests.site_form import OpenPage, open_page
from sites.events import SITE
from sites.models import Site, SiteKey

pytestmark = pytest.mark.any_database

LIMIT_BYTES = 300_000


def buttons_on(page: OpenPage) -> list[str]:
    listed = page.html.partition('<ul class="site-buttons"')[2].partition("</ul>")[0]
    return re.findall(r">([^<>]+)</a>", listed)


def backdate(site: RegisteredSite, **facts: Any) -> None:
    """As if the site had been registered, and had sent heartbeats, long ago."""
    Site.objects.filter(pk=site.site_id).update(**facts)


def test_the_state_is_at_the_top_in_sentences(anna: Admin, roma: RegisteredSite, api: APIClient) -> None:
    roma.call_home()
    api.post(f"{roma.path}/lock", {"reason": "unpaid invoice 118"})
    text = open_page(anna, roma).text
    assert re.search(r"Locked at \d\d:\d\d UTC by anna over the API: unpaid invoice 118\.", text)
    assert re.search(
        r"not been told yet that it is locked; it will be told at its next heartbeat, by \d\d:\d\d UTC\.", text
    )
    assert re.search(r"Last seen at \d\d:\d\d UTC from 127\.0\.0\.1\. ", text), "the time of the next one is said once"


def test_a_site_that_was_never_seen_names_its_key(anna: Admin, roma: RegisteredSite) -> None:
    hint = SiteKey.objects.get().hint
    assert f"no heartbeats yet. Its key ends in {hint}." in open_page(anna, roma).text


LICENSED = {"license_expires_at": "2099-01-01T00:00:00Z"}
ENDED = {"license_expires_at": "2020-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("person", "facts", "first", "never"),
    [
        ("anna", LICENSED, ["Lock", "Extend licence"], "Unlock"),
        ("anna", ENDED, ["Extend licence", "Lock"], "Unlock"),
        ("ben", LICENSED, ["Lock", "Extend licence"], "Deregister"),
    ],
)
def test_the_most_likely_button_comes_first(
    request: pytest.FixtureRequest,
    register: Register,
    person: str,
    facts: dict[str, str],
    first: list[str],
    never: str,
) -> None:
    shown = buttons_on(open_page(request.getfixturevalue(person), register(**facts)))
    assert shown[:2] == first
    assert never not in shown


def test_a_locked_site_is_unlocked_first_and_deregistering_comes_last(
    anna: Admin, roma: RegisteredSite, api: APIClient
) -> None:
    api.post(f"{roma.path}/lock", {"reason": "unpaid"})
    page = open_page(anna, roma)
    shown = buttons_on(page)
    assert shown[:2] == ["Unlock", "Change lock reason"]
    assert shown[2:] == [
        "Extend licence",
        "Rotate key",
        "Share page",
        "Set expiry date",
        "Maintenance window",
        "Deactivate",
        "Deregister",
    ]
    menu = page.html.partition('<details class="more-menu">')[2].partition("</details>")[0]
    assert re.findall(r">([^<>]+)</a>", menu) == shown[4:]
    assert re.findall(r'class="destructive">([^<]*)<', page.html) == ["Deactivate", "Deregister"]


@pytest.mark.parametrize(
    ("person", "shown"), [("vera", ["Share page"]), ("ben", ["Lock", "Extend licence", "Share page"])]
)
def test_a_person_who_may_not_edit_sees_the_values_without_a_form(
    request: pytest.FixtureRequest, roma: RegisteredSite, person: str, shown: list[str]
) -> None:
    page = open_page(request.getfixturevalue(person), roma)
    assert buttons_on(page) == shown
    assert page.fields == {}
    assert 'id="site_form"' not in page.html
    assert "giulia@roma.example" in page.text


def test_a_deregistered_site_can_only_be_read_and_restored(anna: Admin, roma: RegisteredSite, api: APIClient) -> None:
    assert api.delete(roma.path).status_code == 204
    page = open_page(anna, roma)
    assert re.search(r"Deregistered at \d\d:\d\d UTC by anna over the API\. Its keys are refused\.", page.text)
    assert buttons_on(page) == ["Restore", "Erase personal data"]
    assert "more-menu" in page.html
    assert 'id="site_form"' not in page.html


def test_there_is_no_menu_without_an_entry(vera: Admin, roma: RegisteredSite, api: APIClient) -> None:
    assert "more-menu" in open_page(vera, roma).html
    api.delete(roma.path)
    page = open_page(vera, roma)
    assert buttons_on(page) == []
    assert "more-menu" not in page.html


def test_the_form_has_only_the_fields_that_an_admin_may_edit(anna: Admin, roma: RegisteredSite) -> None:
    names = set(open_page(anna, roma).fields) - {"csrfmiddlewaretoken", "revision"}
    assert names == {"name", "owner_name", "contact_email", "contact_phone", "timezone", "organization_id"}


def test_the_form_cannot_take_a_licence_away(anna: Admin, roma: RegisteredSite) -> None:
    """Only the operations can, which ask for a reason. The form says so."""
    page = open_page(anna, roma)
    assert "To change the licence or Active, use the buttons at the top of this page." in page.text
    before = Site.objects.get().license_expires_at
    page.type(name="Renamed", license_expires_at_0="2020-01-01", license_expires_at_1="00:00:00").save()
    stored = Site.objects.get()
    assert (stored.name, stored.license_expires_at, stored.is_active) == ("Renamed", before, True)


def test_the_history_says_who_did_what_where_and_what_changed(
    anna: Admin, roma: RegisteredSite, api: APIClient
) -> None:
    api.patch(roma.path, {"name": "Osteria", "license_expires_at": "2031-05-01T00:00:00Z", "is_active": False})
    api.post(f"{roma.path}/lock", {"reason": "<i>unpaid</i>"})
    page = open_page(anna, roma)
    text = page.text.partition("History")[2]
    assert "Name Trattoria Roma → became Osteria" in text
    assert "→ became 2031-05-01 00:00 UTC" in text
    assert "Active yes → became no" in text
    assert (
        text.index("Locked by anna (sysadmin) over the API")
        < text.index("Edited by anna")
        < text.index("Registered by")
    )
    assert "<i>unpaid" not in page.html
    assert "&lt;i&gt;unpaid" in page.html


def test_the_history_names_edits_of_one_field_and_the_reason_of_an_ended_lock(
    anna: Admin, roma: RegisteredSite, api: APIClient
) -> None:
    api.patch(roma.path, {"is_active": False})
    api.patch(roma.path, {"is_active": True})
    api.patch(roma.path, {"license_expires_at": "2031-05-01T00:00:00Z"})
    api.post(f"{roma.path}/lock", {"reason": "unpaid"})
    api.post(f"{roma.path}/unlock")
    text = open_page(anna, roma).text.partition("History")[2]
    assert re.search(
        r"Unlocked .* Lock reason unpaid → became – Locked .* Licence end set .* Activated .* Deactivated ", text
    )


def test_the_heartbeats_show_the_answer_to_the_site(anna: Admin, roma: RegisteredSite, api: APIClient) -> None:
    roma.call_home(version="1.2.3", uptime_seconds=2**53 - 1)
    api.post(f"{roma.path}/lock", {"reason": "unpaid"})
    roma.call_home(version="1.2.4", uptime_seconds=93_784)
    text = open_page(anna, roma).text.partition("Last heartbeats")[2]
    assert re.search(
        r"127\.0\.0\.1 1\.2\.4 1 day, 2 hours ● licensed ◆ locked .*1\.2\.3 104249991374 days, 7 hours", text
    )


def test_the_keys_are_shown_only_by_their_last_characters(anna: Admin, roma: RegisteredSite, api: APIClient) -> None:
    new = api.post(f"{roma.path}/rotate-key", {"overlap_hours": 24}).data["secret_key"]
    page = open_page(anna, roma)
    keys = page.text.partition("Keys")[2]
    assert re.search(r"● current, not used yet .* ▲ works until \d{4}-\d\d-\d\d", keys)
    for key in SiteKey.objects.all():
        assert key.hint in keys
        assert key.digest not in page.html
    assert new not in page.html
    assert roma.key not in page.html
    for _ in range(2):
        roma.call_home(key=new)
    assert "✕ retired" in open_page(anna, roma).text


def test_an_outage_is_shown_with_its_length_and_lowers_the_uptime(anna: Admin, roma: RegisteredSite) -> None:
    at = timezone.now().replace(microsecond=0)
    backdate(roma, created_at=at - timedelta(days=20))
    add_heartbeats(roma, at, [timedelta(hours=hours) for hours in range(72, 480, 6)])
    roma.call_home()
    page = open_page(anna, roma)
    text = page.text.partition("Last 90 days")[2]
    assert re.search(r"7 days \d\d\.\d\d % 30 days \d\d\.\d\d % 90 days \d\d\.\d\d %", text)
    assert re.search(r"Outages .* to .* \(2 days, 1[0-9] hours\)", text)
    links = [(unescape(url), words) for url, words in re.findall(r'<a href="([^"]+)" aria-label="([^"]+)"', page.html)]
    assert sum(int(re.findall(r" (\d+) days?: ", words)[0]) for _, words in links) == 90
    kinds = [words.partition(": ")[2] for _, words in links]
    assert kinds[0] == "nothing recorded"
    assert kinds[-3:-1] == ["heartbeats came when they were expected", "no heartbeat, although one was due"]
    listed = page.browser.get(links[-3][0]).content.decode()
    assert "Heartbeats of Trattoria Roma" in listed
    assert listed.count('class="field-shown_time') == 50, "a page of the list"


def add_heartbeats(site: RegisteredSite, at: Any, ages: list[timedelta]) -> None:
    rows = [
        Heartbeat(
            site_id=site.site_id, received_at=at - age, version="1.0.0", uptime_seconds=1, licensed=True, locked=False
        )
        for age in ages
    ]
    Heartbeat.objects.bulk_create(rows)


def add_events(site: RegisteredSite, number: int) -> None:
    first = Event.objects.of(SITE, site.site_id).newest_first().last()
    assert first is not None
    copied = {name: getattr(first, name) for name in ("at", "subject_type", "subject_id", "subject_name", "source")}
    Event.objects.bulk_create(
        [Event(action="site.updated", changes={"name": ["a", "b"]}, **copied) for _ in range(number)]
    )


# Session and admin; the mark in the header; the site; who locked it and why; heartbeats, events, incidents of it alone and
# with others, keys, notes, files, tags; slots, outages and figures; organizations for the form; its devices by status, and
# codes for more.
QUERIES = 20


@pytest.mark.parametrize("number", [1, 300])
def test_the_queries_and_size_of_the_page_do_not_grow_with_the_history(
    anna: Admin, roma: RegisteredSite, api: APIClient, number: int
) -> None:
    roma.call_home()
    api.post(f"{roma.path}/lock", {"reason": "unpaid"})
    add_heartbeats(roma, timezone.now(), [timedelta(hours=13 * each) for each in range(1, number)])
    add_events(roma, number)
    page = open_page(anna, roma)
    with CaptureQueriesContext(connection) as queries:
        page.take(page.browser.get(page.path))
    assert len(queries) == QUERIES, [each["sql"][:90] for each in queries]
    assert len(page.html) < LIMIT_BYTES
    events = page.html.partition('<ol class="timeline">')[2].partition("</ol>")[0]
    assert events.count("<li id=") == min(number + 2, 20)
    heartbeats = page.html.partition('class="heartbeats"')[2].partition("</table>")[0]
    assert heartbeats.count("<tr><td>") == min(number, 10)
    assert "style=" not in page.html
    assert not re.search(r"<script(?![^>]*src=)", page.html)


@pytest.mark.parametrize("site_id", ["x", "0b6f4c1e-6d0f-4f0e-9d53-3a3c1f5d2b11", "%00"])
def test_an_unknown_site_leads_to_the_dashboard(anna: Admin, roma: RegisteredSite, site_id: str) -> None:
    page = open_page(anna, roma)
    answer = page.browser.get(f"/admin/sites/site/{site_id}/change/")
    assert answer.status_code == 302

"""Registering a site and rotating a key: the key is shown once, with what a local backend needs."""

import json
import re
import uuid
from html import unescape
from typing import Any

import pytest
from django.test import Client

from accounts.models import Admin
from audit.models import Event
from conftest import RegisteredSite
from idempotency.models import IdempotentRequest
from panel.tests.screen import ADD, LIST, FormReader, browser_of
from sites.models import Site, SiteKey

pytestmark = pytest.mark.any_database

FACTS = {"name": "Once", "owner_name": "Giulia", "contact_email": "g@x.example", "timezone": "Europe/Rome"}


def filled(browser: Client, **facts: str) -> dict[str, Any]:
    """The hidden fields of the opened form, with typed values."""
    hidden = FormReader(browser.get(ADD).content.decode()).fields
    return {**hidden, **FACTS, **facts}


def shown(answer: Any, name: str) -> str:
    found = re.search(rf'id="{name}"[^>]*>([^<]*)<', answer.content.decode())
    assert found, answer.content.decode()
    return unescape(found[1])


def test_the_page_after_registering_shows_what_a_local_backend_needs(anna: Admin) -> None:
    answer = browser_of(anna).post(ADD, filled(browser_of(anna)))
    site = Site.objects.get()
    key = shown(answer, "secret-key")
    assert shown(answer, "site-id") == str(site.pk)
    assert shown(answer, "environment").splitlines() == [
        "PORTCULLIS_URL=http://testserver",
        f"PORTCULLIS_SITE_ID={site.pk}",
        f"PORTCULLIS_SITE_KEY={key}",
    ]
    assert "curl -sS http://testserver/api/heartbeat " in shown(answer, "first-heartbeat")
    assert RegisteredSite(str(site.pk), key).call_home().status_code == 200


def test_a_second_site_of_the_same_owner_begins_with_its_facts(anna: Admin, roma: RegisteredSite) -> None:
    page = browser_of(anna).get(f"{ADD}?like={roma.site_id}").content.decode()
    assert "Owner, e-mail, phone, time zone and organization are those of Trattoria Roma." in page
    assert 'value="giulia@roma.example"' in page
    assert 'value="Trattoria Roma"' not in page, "two sites of one name cannot be told apart"
    assert FormReader(page).fields["site_id"] != [roma.site_id], "the new site has an id of its own"


@pytest.mark.parametrize("like", ["nonsense", "", "b760e311-cadc-4b14-b5b4-7058bf9e7c98"])
def test_a_site_that_is_not_there_gives_no_facts(anna: Admin, like: str) -> None:
    page = browser_of(anna).get(f"{ADD}?like={like}").content.decode()
    assert "are those of" not in page


def test_a_form_sent_twice_registers_once_and_leads_to_the_site(anna: Admin) -> None:
    browser = browser_of(anna)
    form = filled(browser)
    first = browser.post(ADD, form)
    assert b"psk_" in first.content
    assert "no-store" in first.headers["Cache-Control"]
    second = browser.post(ADD, form, follow=True)
    assert b"psk_" not in second.content
    assert second.redirect_chain[-1][0] == f"{LIST}{Site.objects.get().pk}/change/"
    assert "registered already" in str(next(iter(second.context["messages"])))
    assert (Site.objects.count(), SiteKey.objects.count()) == (1, 1)
    assert Event.objects.filter(action="site.registered").count() == 1


def test_two_forms_register_two_sites(anna: Admin) -> None:
    browser = browser_of(anna)
    for form in (filled(browser), filled(browser)):
        browser.post(ADD, form)
    assert Site.objects.count() == 2


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "ev\x1b[2Jil"),
        ("contact_email", "nobody"),
        ("timezone", "Mars/Olympus"),
        ("owner_name", " "),
    ],
)
def test_a_wrong_entry_gets_an_error_beside_its_field_and_the_others_stay(anna: Admin, field: str, value: str) -> None:
    browser = browser_of(anna)
    answer = browser.post(ADD, filled(browser, **{field: value}))
    form = answer.context["form"]
    assert list(form.errors) == [field]
    kept = [text for name, text in FACTS.items() if name not in (field, "timezone")]
    assert all(f'value="{text}"' in answer.content.decode() for text in kept)
    assert not Site.objects.exists()


def test_a_form_whose_id_is_nonsense_registers_nothing(anna: Admin) -> None:
    browser = browser_of(anna)
    assert browser.post(ADD, filled(browser, site_id="nonsense")).status_code == 200
    assert not Site.objects.exists()


def test_the_zone_of_the_form_is_the_browsers(anna: Admin) -> None:
    browser = browser_of(anna)
    browser.cookies["zone"] = "Europe/Vienna"
    assert 'name="timezone" value="Europe/Vienna"' in browser.get(ADD).content.decode()


def test_a_rotation_that_is_sent_twice_makes_one_key(anna: Admin, roma: RegisteredSite) -> None:
    browser = browser_of(anna)
    path = f"{LIST}{roma.site_id}/rotate-key/"
    form = {**FormReader(browser.get(path).content.decode()).fields, "overlap_hours": "24"}
    first = browser.post(path, form)
    assert "no-store" in first.headers["Cache-Control"]
    assert RegisteredSite(roma.site_id, shown(first, "secret-key")).call_home().status_code == 200
    second = browser.post(path, form, follow=True)
    assert b"psk_" not in second.content
    assert "No key was made now" in str(next(iter(second.context["messages"])))
    assert SiteKey.objects.count() == 2


@pytest.mark.parametrize(
    ("entries", "wrong", "words"),
    [
        ({"overlap_hours": "0"}, "end_at_once", "Tick this box to end the old key at once."),
        ({"overlap_hours": "24", "end_at_once": "on"}, "overlap_hours", "Enter 0 to end the old key at once."),
    ],
)
def test_a_rotation_without_overlap_is_confirmed_a_second_time(
    entries: dict[str, str], wrong: str, words: str, anna: Admin, roma: RegisteredSite
) -> None:
    browser, path = browser_of(anna), f"{LIST}{roma.site_id}/rotate-key/"
    assert 'name="end_at_once"' in browser.get(path).content.decode()
    answer = browser.post(path, {**entries, "revision": "1"})
    assert answer.context["form"].errors == {wrong: [words]}
    assert roma.call_home().status_code == 200
    browser.post(path, {"overlap_hours": "0", "end_at_once": "on", "revision": "1"})
    assert roma.call_home().status_code == 401


@pytest.mark.parametrize(("hours", "words"), [("24", "or until the new key was used twice"), ("0", "ended at once")])
def test_the_page_with_a_new_key_says_how_long_the_old_one_works(
    hours: str, words: str, anna: Admin, roma: RegisteredSite
) -> None:
    path = f"{LIST}{roma.site_id}/rotate-key/"
    entries = {"overlap_hours": hours, "revision": "1"} | ({"end_at_once": "on"} if hours == "0" else {})
    page = browser_of(anna).post(path, entries).content.decode()
    assert words in page
    assert ("works until" in page) == (hours == "24")


def test_no_key_stays_in_the_session_the_events_or_the_stored_answers(anna: Admin, roma: RegisteredSite) -> None:
    browser = browser_of(anna)
    registered = browser.post(ADD, filled(browser))
    rotated = browser.post(f"{LIST}{roma.site_id}/rotate-key/", {"overlap_hours": "24", "revision": "1"})
    kept = json.dumps(
        [
            dict(browser.session.items()),
            list(Event.objects.values("reason", "changes", "subject_name")),
            list(IdempotentRequest.objects.values("path", "key", "headers", "body")),
            {name: cookie.value for name, cookie in browser.cookies.items()},
        ],
        default=str,
    )
    for answer in (registered, rotated):
        assert shown(answer, "secret-key") not in kept
    assert "psk_" not in kept


@pytest.mark.parametrize("name", ["ben", "vera"])
def test_only_a_sysadmin_gets_a_key(name: str, roma: RegisteredSite, request: pytest.FixtureRequest) -> None:
    browser = browser_of(request.getfixturevalue(name))
    forged = {**FACTS, "site_id": str(uuid.uuid4()), "overlap_hours": "0", "revision": "1"}
    for path in (ADD, f"{LIST}{roma.site_id}/rotate-key/"):
        assert browser.post(path, forged).status_code == 403
    assert (Site.objects.count(), SiteKey.objects.count()) == (1, 1)


def test_the_page_with_the_key_waits_for_the_first_heartbeat_with_it(anna: Admin) -> None:
    browser = browser_of(anna)
    answer = browser.post(ADD, filled(browser))
    site = RegisteredSite(shown(answer, "site-id"), shown(answer, "secret-key"))
    assert "Waiting for the first heartbeat" in answer.content.decode()
    url = answer.context["key_use_url"]
    site.call_home(key="psk_wrong")
    waiting = browser.get(url).content.decode()
    assert "Waiting for the first heartbeat" in waiting
    assert "data-live-done" not in waiting
    assert "psk_" not in waiting
    assert site.call_home().status_code == 200
    arrived = browser.get(url).content.decode()
    assert "The site has called with this key" in arrived
    assert "data-live-done" in arrived


def test_a_heartbeat_with_the_old_key_is_not_the_first_one_with_the_new_key(anna: Admin, roma: RegisteredSite) -> None:
    roma.call_home()
    browser = browser_of(anna)
    path = f"{LIST}{roma.site_id}/rotate-key/"
    answer = browser.post(path, FormReader(browser.get(path).content.decode()).fields | {"overlap_hours": "24"})
    url = answer.context["key_use_url"]
    roma.call_home()
    assert "Waiting for the first heartbeat" in browser.get(url).content.decode()
    RegisteredSite(roma.site_id, shown(answer, "secret-key")).call_home()
    assert "The site has called with this key" in browser.get(url).content.decode()


def test_a_key_that_was_rotated_is_not_waited_for(anna: Admin, roma: RegisteredSite) -> None:
    browser = browser_of(anna)
    path = f"{LIST}{roma.site_id}/rotate-key/"
    answers = [
        browser.post(path, FormReader(browser.get(path).content.decode()).fields | {"overlap_hours": "24"})
        for _ in range(2)
    ]
    assert "A newer key has taken the place" in browser.get(answers[0].context["key_use_url"]).content.decode()

"""The page of the notices to restaurants."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Admin
from alerts.customer_notices.words import DEFAULT_SUBJECT, DEFAULT_TEXT
from alerts.models import LicenseNotice, NoticeTemplate, Unsubscription
from audit.models import Event
from conftest import Register
from panel.tests.screen import browser_of
from sites.models import Site

PAGE = "/admin/customer-notices/"


@pytest.fixture(autouse=True)
def _mail_server(settings: Any) -> None:
    settings.EMAIL_HOST, settings.PUBLIC_URL = "mail.vendor.example", "https://licenses.vendor.example"


@pytest.fixture
def browser(anna: Admin) -> Client:
    return browser_of(anna)


def entries(browser: Client, **changed: Any) -> dict[str, Any]:
    """What the page shows, with changes."""
    form = browser.get(PAGE).context["form"]
    shown = {name: value for name, value in form.initial.items() if value is not False}
    filled = {**shown, "preview_stage": "7", "preview_site": "", **changed}
    return {name: value for name, value in filled.items() if value is not None}


def test_it_begins_with_default_words_turned_off(browser: Client) -> None:
    page = browser.get(PAGE)
    assert "The notices are <strong>off</strong>" in page.content.decode()
    assert page.context["form"].initial["subject"] == DEFAULT_SUBJECT
    assert "No notices yet" in page.content.decode()
    assert NoticeTemplate.objects.count() == 0


def test_saving_changes_the_words_and_turns_the_notices_on(browser: Client) -> None:
    sent = entries(browser, is_enabled="on", subject="Ends {ends_on}", text="Ciao {owner}!\r\n{days}")
    page = browser.post(PAGE, {**sent, "save": "Save"}, follow=True)
    assert "Saved. The notices are on." in page.content.decode()
    stored = NoticeTemplate.objects.get()
    assert (stored.subject, stored.text, stored.is_enabled) == ("Ends {ends_on}", "Ciao {owner}!\n{days}", True)
    event = Event.objects.get(action="customer_notices.changed")
    assert event.actor_name == "anna"
    assert event.changes["is_enabled"] == [False, True]
    assert event.changes["text"] == [DEFAULT_TEXT, stored.text]
    browser.post(PAGE, {**entries(browser), "save": "Save"})
    assert Event.objects.filter(action="customer_notices.changed").count() == 1, "nothing has changed"


def test_turning_it_off_is_possible_without_a_mail_server(browser: Client, settings: Any) -> None:
    browser.post(PAGE, {**entries(browser, is_enabled="on"), "save": "Save"})
    settings.EMAIL_HOST = ""
    browser.post(PAGE, {**entries(browser, is_enabled=None), "save": "Save"})
    assert NoticeTemplate.objects.get().is_enabled is False


@pytest.mark.parametrize("name", ["EMAIL_HOST", "PUBLIC_URL"])
def test_without_its_settings_it_says_so_and_cannot_be_turned_on(browser: Client, settings: Any, name: str) -> None:
    setattr(settings, name, "")
    page = browser.get(PAGE)
    assert "No notices can be sent" in page.content.decode()
    assert page.context["form"]["is_enabled"].field.disabled
    browser.post(PAGE, {**entries(browser, is_enabled="on", subject="Changed"), "save": "Save"})
    stored = NoticeTemplate.objects.get()
    assert (stored.subject, stored.is_enabled) == ("Changed", False)


def test_an_unknown_placeholder_is_refused_beside_its_field(browser: Client) -> None:
    page = browser.post(PAGE, {**entries(browser, text="Dear {name}"), "save": "Save"})
    assert page.context["form"].errors["text"][0].startswith("{name} is not known here.")
    assert "Not saved." in page.content.decode()
    assert NoticeTemplate.objects.count() == 0


def test_of_two_sysadmins_at_once_the_second_is_told(browser: Client) -> None:
    first, second = entries(browser, subject="First"), entries(browser, subject="Second")
    browser.post(PAGE, {**first, "save": "Save"})
    page = browser.post(PAGE, {**second, "save": "Save"})
    assert "Somebody else has changed the notices since you opened the page." in page.content.decode()
    assert NoticeTemplate.objects.get().subject == "First"


def test_a_preview_shows_a_real_site_and_saves_nothing(browser: Client, register: Register) -> None:
    soon = timezone.now() + timedelta(days=3)
    verdi = {"owner_name": "Marco", "contact_email": "verdi@bar.example"}
    register(name="Bar <Verdi>", license_expires_at=soon.isoformat(), **verdi)
    register(name="Trattoria Roma")
    sent = entries(browser, subject="{restaurant}: {days}", text="Ciao {owner}", preview_stage="14")
    page = browser.post(PAGE, {**sent, "preview": "Preview"}).content.decode()
    assert "Bar &lt;Verdi&gt;: 14" in page
    assert "Ciao Marco" in page
    named = browser.post(PAGE, {**sent, "preview_site": "roma", "preview": "Preview"}).content.decode()
    assert "Trattoria Roma: 14" in named
    assert "giulia@roma.example" in named
    none = browser.post(PAGE, {**sent, "preview_site": "nothing", "preview": "Preview"}).content.decode()
    assert "No site with a valid licence matches." in none
    assert NoticeTemplate.objects.count() == 0


def test_it_lists_the_newest_notices_without_a_query_for_each(browser: Client, register: Register) -> None:
    at = timezone.now()
    counts = []
    for number in (1, 10):
        for other in range(number):
            site = Site.objects.get(pk=register(name=f"Site {number} {other}").site_id)
            facts = {"license_expires_at": site.license_expires_at, "day": at.date(), "created_at": at}
            LicenseNotice.objects.create(
                site=site, stage=7, state="failed", ended_at=at, next_attempt_at=at, answer="No such mailbox.", **facts
            )
        with CaptureQueriesContext(connection) as queries:
            page = browser.get(PAGE).content.decode()
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert page.count("No such mailbox.") == 11
    Unsubscription.objects.create(site=site, address_digest="0", at=at)
    assert "have unsubscribed (1)" in browser.get(PAGE).content.decode()


def test_the_dashboard_links_to_it_for_sysadmins(browser: Client, ben: Admin) -> None:
    assert PAGE in browser.get("/admin/").content.decode()
    support = browser_of(ben)
    assert PAGE not in support.get("/admin/").content.decode()
    assert support.get(PAGE).status_code == support.post(PAGE, {}).status_code == 403

"""The pages use the same word for the same thing."""

import re
from html import unescape

import pytest
from django.test import Client

from accounts.models import Admin
from conftest import RegisteredSite
from panel.tests.screen import ADD, LIST, browser_of

pytestmark = pytest.mark.any_database

OTHER_WORDS = re.compile(
    r"\blog(?:ged)? (?:in|out)\b|\blicenses?\b|\bsite (?:created|added)\b|\badd site\b", re.IGNORECASE
)
PAGES = [
    "/admin/",
    LIST,
    ADD,
    "/admin/sites/site/import/",
    "/admin/sites/site/{id}/change/",
    "/admin/sites/site/{id}/rotate-key/",
    "/admin/sites/site/operate/extend/?site={id}",
    "/admin/sites/site/operate/set_expiry/?site={id}",
    "/admin/devices/device/",
    "/admin/devices/device/add-to/{id}/",
    "/admin/firmware/firmware/",
    "/admin/firmware/firmware/upload/",
    "/admin/rollouts/rollout/",
    "/admin/rollouts/rollout/add/",
    "/admin/rollouts/rollout/window/{id}/",
    "/admin/heartbeat/heartbeat/",
    "/admin/audit/event/",
    "/admin/accounts/admin/",
    "/admin/account/",
    "/admin/account/settings/",
]


def visible(html: str) -> str:
    return unescape(re.sub(r"<(script|style)\b.*?</\1>|<[^>]+>", " ", html, flags=re.DOTALL))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_says_licence_register_and_sign_in(page: str, anna: Admin, roma: RegisteredSite) -> None:
    answer = browser_of(anna).get(page.format(id=roma.site_id))
    assert answer.status_code == 200
    assert OTHER_WORDS.findall(visible(answer.content.decode())) == []


def test_the_page_after_signing_out_says_so_and_links_to_the_sign_in(anna: Admin) -> None:
    browser = browser_of(anna)
    text = visible(browser.post("/admin/logout/").content.decode())
    assert "Signed out" in text
    assert "Sign in again" in text
    assert OTHER_WORDS.findall(text) == []
    assert "Sign in" in visible(browser.get("/admin/login/").content.decode())


def test_the_number_found_is_shown_only_for_searches_and_filters(anna: Admin, roma: RegisteredSite) -> None:
    browser = browser_of(anna)
    assert " found (" not in visible(browser.get(LIST).content.decode())
    assert "1 found (" in visible(browser.get(f"{LIST}?q=Roma").content.decode())
    assert "1 found (" in visible(browser.get(f"{LIST}?status=never_seen").content.decode())


@pytest.mark.parametrize("entries", [{}, {"action": "lock"}, {"action": "", "_selected_action": "id"}], ids=str)
def test_continue_without_sites_or_an_action_asks_for_them(
    anna: Admin, roma: RegisteredSite, entries: dict[str, str]
) -> None:
    answer = browser_of(anna).post(f"{LIST}?q=Roma", {"index": "0", **entries}, follow=True)
    assert "Select sites and an action first." in visible(answer.content.decode())
    assert answer.request["QUERY_STRING"] == "q=Roma"
    assert 'aria-label="Select all sites on this page"' in answer.content.decode()
    assert ">Continue</button>" in answer.content.decode()


def test_a_wrong_password_is_reported_in_the_words_of_the_panel(anna: Admin) -> None:
    text = visible(Client().post("/admin/login/", {"username": "anna", "password": "wrong"}).content.decode())
    assert "The user name or the password is wrong" in text
    assert "staff" not in text


def test_the_form_for_a_new_admin_offers_only_existing_ways_to_sign_in(anna: Admin) -> None:
    text = visible(browser_of(anna).get("/admin/accounts/admin/add/").content.decode())
    assert "before their first sign-in" in text
    assert "Password" not in text
    assert "Single Sign-On" not in text


def test_a_page_without_permission_says_so_and_links_back(vera: Admin) -> None:
    answer = browser_of(vera).get(ADD)
    assert answer.status_code == 403
    assert "You don't have permission to do this" in visible(answer.content.decode())
    assert 'href="/admin/"' in answer.content.decode()


def test_a_count_that_was_cut_off_says_so(anna: Admin, roma: RegisteredSite, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        roma.call_home()
    found = "/admin/heartbeat/heartbeat/?answer=service"
    assert " 2 found (" in visible(browser_of(anna).get(found).content.decode())
    monkeypatch.setattr("common.admin.COUNTED_AT_MOST", 1)
    assert "at least 1 found (" in visible(browser_of(anna).get(found).content.decode())

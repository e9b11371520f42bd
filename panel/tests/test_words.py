"""The pages have one word for each thing."""

import re
from html import unescape

import pytest
from django.test import Client

from accounts.models import Admin
from conftest import RegisteredSite
from panel.tests.screen import ADD, LIST, at_the_screen

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
    "/admin/heartbeat/heartbeat/",
    "/admin/audit/event/",
    "/admin/accounts/admin/",
    "/admin/account/",
]


def visible(html: str) -> str:
    return unescape(re.sub(r"<(script|style)\b.*?</\1>|<[^>]+>", " ", html, flags=re.DOTALL))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_says_licence_register_and_sign_in(page: str, anna: Admin, roma: RegisteredSite) -> None:
    answer = at_the_screen(anna).get(page.format(id=roma.site_id))
    assert answer.status_code == 200
    assert OTHER_WORDS.findall(visible(answer.content.decode())) == []


def test_who_signs_out_is_told_so_and_can_sign_in_again(anna: Admin) -> None:
    browser = at_the_screen(anna)
    said = visible(browser.post("/admin/logout/").content.decode())
    assert "Signed out" in said
    assert "Sign in again" in said
    assert OTHER_WORDS.findall(said) == []
    assert "Sign in" in visible(browser.get("/admin/login/").content.decode())


def test_how_many_were_found_is_said_of_what_was_searched_for(anna: Admin, roma: RegisteredSite) -> None:
    browser = at_the_screen(anna)
    assert " found (" not in visible(browser.get(LIST).content.decode())
    assert "1 found (" in visible(browser.get(f"{LIST}?q=Roma").content.decode())
    assert "1 found (" in visible(browser.get(f"{LIST}?status=never_seen").content.decode())


def test_a_wrong_password_is_told_in_our_words(anna: Admin) -> None:
    said = visible(Client().post("/admin/login/", {"username": "anna", "password": "wrong"}).content.decode())
    assert "The user name or the password is wrong" in said
    assert "staff" not in said


def test_a_new_admin_is_asked_for_no_way_in_that_there_is_not(anna: Admin) -> None:
    said = visible(at_the_screen(anna).get("/admin/accounts/admin/add/").content.decode())
    assert "at first sign-in" in said
    assert "Single Sign-On" not in said


def test_who_may_not_is_told_so_and_led_back(vera: Admin) -> None:
    answer = at_the_screen(vera).get(ADD)
    assert answer.status_code == 403
    assert "Your role may not do this" in visible(answer.content.decode())
    assert 'href="/admin/"' in answer.content.decode()


def test_a_count_that_was_cut_off_says_so(anna: Admin, roma: RegisteredSite, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        roma.call_home()
    found = "/admin/heartbeat/heartbeat/?licensed__exact=1"
    assert " 2 found (" in visible(at_the_screen(anna).get(found).content.decode())
    monkeypatch.setattr("common.admin.COUNTED_AT_MOST", 1)
    assert "at least 1 found (" in visible(at_the_screen(anna).get(found).content.decode())

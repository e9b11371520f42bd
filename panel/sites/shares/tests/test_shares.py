"""Sharing the page of a site in the panel: a link is made, shown once, listed and revoked."""

import re
import uuid
from typing import Any

import pytest
from django.test import Client

from accounts.models import Admin
from audit.models import Event
from conftest import Clock, RegisteredSite
from documents.models import ShareLink
from panel.sites.page.tests.site_form import open_page
from panel.tests.screen import FormReader, browser_of

pytestmark = pytest.mark.any_database


def page_of(site: RegisteredSite) -> str:
    return f"/admin/sites/site/{site.site_id}/share/"


def make(admin: Admin, site: RegisteredSite, **facts: Any) -> Any:
    entries = {"link_id": str(uuid.uuid4()), "expires_in_days": "30", "note": "", **facts}
    return browser_of(admin).post(page_of(site), entries)


def link_in(answer: Any) -> str:
    [url] = re.findall(r"http://testserver(/s/psl_\w+)", answer.content.decode())
    return str(url)


@pytest.mark.parametrize("person", ["anna", "ben"])
def test_a_new_link_is_shown_once_and_opens_the_page(
    request: pytest.FixtureRequest, roma: RegisteredSite, person: str
) -> None:
    admin = request.getfixturevalue(person)
    assert f'href="{page_of(roma)}"' in open_page(admin, roma).html
    answer = make(admin, roma, note="for Giulia")
    assert answer.status_code == 200
    path = link_in(answer)
    assert "Trattoria Roma" in Client().get(path).content.decode()
    listed = browser_of(admin).get(page_of(roma)).content.decode()
    assert "for Giulia" in listed
    assert f"Made by {person}" in listed
    assert "psl_" not in listed


def test_a_form_that_is_sent_twice_makes_one_link(anna: Admin, roma: RegisteredSite) -> None:
    [link_id] = FormReader(browser_of(anna).get(page_of(roma)).content.decode()).fields["link_id"]
    make(anna, roma, link_id=link_id)
    again = make(anna, roma, link_id=link_id)
    assert (again.status_code, again.url) == (302, page_of(roma))
    assert ShareLink.objects.count() == 1


@pytest.mark.parametrize("days", ["0", "366", "x", ""])
def test_a_wrong_number_of_days_is_marked(days: str, anna: Admin, roma: RegisteredSite) -> None:
    answer = make(anna, roma, expires_in_days=days, note="kept")
    assert "No link was made" in answer.content.decode()
    assert 'value="kept"' in answer.content.decode()
    assert not ShareLink.objects.exists()


def test_a_revoked_link_is_listed_without_a_button(anna: Admin, roma: RegisteredSite) -> None:
    path = link_in(make(anna, roma))
    link = ShareLink.objects.get()
    browser = browser_of(anna)
    revoke = f"{page_of(roma)}{link.pk}/revoke/"
    assert revoke in browser.get(page_of(roma)).content.decode()
    answer = browser.post(revoke, follow=True)
    assert "Revoked: the link leads nowhere any more." in answer.content.decode()
    assert revoke not in answer.content.decode()
    assert Client().get(path).status_code == 404
    assert Event.objects.get(action="site.share_revoked").source == "admin"


def test_the_list_says_when_a_link_was_opened_and_what_has_expired(
    anna: Admin, roma: RegisteredSite, clock: Clock
) -> None:
    path = link_in(make(anna, roma, expires_in_days="1"))
    assert "Never opened." in browser_of(anna).get(page_of(roma)).content.decode()
    Client().get(path)
    assert "Last opened" in browser_of(anna).get(page_of(roma)).content.decode()
    clock.move(hours=25)
    listed = browser_of(anna).get(page_of(roma)).content.decode()
    assert "Expired" in listed
    assert "/revoke/" not in listed


def test_a_viewer_sees_the_links_and_makes_none(vera: Admin, anna: Admin, roma: RegisteredSite) -> None:
    make(anna, roma, note="for Giulia")
    listed = browser_of(vera).get(page_of(roma)).content.decode()
    assert "for Giulia" in listed
    assert "Make a link" not in listed
    assert "/revoke/" not in listed
    assert make(vera, roma).status_code == 403
    assert browser_of(vera).post(f"{page_of(roma)}{ShareLink.objects.get().pk}/revoke/").status_code == 403


def test_a_deregistered_site_has_no_such_page(anna: Admin, roma: RegisteredSite, api: Any) -> None:
    make(anna, roma)
    api.delete(roma.path)
    assert browser_of(anna).get(page_of(roma)).status_code == 404
    assert "Share page" not in open_page(anna, roma).html
    answer = browser_of(anna).post(f"{page_of(roma)}{ShareLink.objects.get().pk}/revoke/", follow=True)
    assert "Nothing was revoked" in answer.content.decode()

"""Where a sign-in leads."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import Admin, StartPage
from accounts.roles import Role
from accounts.services import change_preferences
from accounts.tests.factors import SECOND, app_of
from conftest import PASSWORD

pytestmark = pytest.mark.any_database

LIST = "/admin/sites/site/"
PAGES = {
    "dashboard": "/admin/",
    "sites": LIST,
    "devices": "/admin/devices/device/",
    "incidents": "/admin/alerts/incident/",
}


def sign_in(path: str) -> Any:
    browser = Client()
    where = browser.get(path, follow=True).redirect_chain[-1][0] if path != "/admin/login/" else path
    following = where.partition("next=")[2]
    return browser, browser.post(where, {"username": "ida", "password": PASSWORD, "next": following})


@pytest.mark.parametrize("role", Role.values)
@pytest.mark.parametrize("page", StartPage.values)
def test_after_the_sign_in_the_start_page_follows_for_each_role(db: None, role: str, page: str) -> None:
    ida = Admin.objects.create_user("ida", "ida@vendor.example", PASSWORD, role=role)
    change_preferences(ida.pk, {"start_page": page})
    for entrance in ("/admin/login/", "/admin/", "/"):
        browser, answer = sign_in(entrance)
        assert (answer.status_code, answer["Location"]) == (302, PAGES[page]), entrance
        assert browser.get(PAGES[page]).status_code == 200
        assert browser.get("/admin/").status_code == 200, "the dashboard stays where it is"


def test_a_page_that_was_asked_for_goes_before_the_start_page(db: None) -> None:
    ida = Admin.objects.create_user("ida", "ida@vendor.example", PASSWORD)
    change_preferences(ida.pk, {"start_page": "incidents"})
    assert sign_in("/admin/audit/event/")[1]["Location"] == "/admin/audit/event/"


def test_a_foreign_page_is_not_followed(db: None) -> None:
    ida = Admin.objects.create_user("ida", "ida@vendor.example", PASSWORD)
    change_preferences(ida.pk, {"start_page": "sites"})
    answer = Client().post("/admin/login/", {"username": "ida", "password": PASSWORD, "next": "https://evil.example/"})
    assert answer["Location"] == LIST


def test_after_a_second_factor_the_start_page_follows(db: None) -> None:
    ida = Admin.objects.create_user("ida", "ida@vendor.example", PASSWORD)
    change_preferences(ida.pk, {"start_page": "sites"})
    app = app_of(ida)
    browser, answer = sign_in("/admin/")
    assert answer["Location"] == SECOND
    assert browser.post(SECOND, {"code": app.fresh_code()})["Location"] == LIST

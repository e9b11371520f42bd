"""The list and the page of admins show second factors and sign-ins, no password hash; a sysadmin ends a sign-in."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Admin, PanelSession, TokenFamily
from accounts.tests.tokens import is_unauthenticated, login, me, pair
from audit.models import Event
from conftest import PASSWORD
from panel.people.tests.test_history import page_of, section
from panel.tests.screen import browser_of

pytestmark = pytest.mark.any_database

LIST = "/admin/accounts/admin/"


@pytest.fixture
def ben_browser(ben: Admin) -> Client:
    client = Client(REMOTE_ADDR="203.0.113.9", headers={"User-Agent": "Mozilla/5.0 (X11; Linux) Firefox/145.0"})
    assert client.post("/admin/login/", {"username": "ben", "password": PASSWORD}).status_code == 302
    return client


def row(html: str, name: str) -> str:
    (found,) = [each for each in re.findall(r"<tr>(.+?)</tr>", html, re.DOTALL) if f">{name}</a>" in each]
    return " ".join(re.sub(r"<[^>]+>", " ", found).split())


@pytest.mark.usefixtures("ben_browser")
def test_the_list_says_the_second_factor_and_where_each_admin_is_signed_in(anna: Admin, ben: Admin) -> None:
    login("ben")
    html = browser_of(anna).get(LIST).content.decode()
    assert "none" in row(html, "ben")
    assert "just now" in row(html, "ben")
    assert row(html, "ben").endswith("1 browser, 1 program")
    assert row(html, "anna").endswith("1 browser")


def test_the_list_costs_the_same_for_many_admins(anna: Admin) -> None:
    browser = browser_of(anna)

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert browser.get(LIST).status_code == 200
        return len(queries)

    few = cost()
    for number in range(20):
        Admin.objects.create_user(f"admin{number}", f"{number}@vendor.example", PASSWORD)
    assert cost() == few


def test_no_page_shows_the_hash_of_a_password(anna: Admin, ben: Admin, vera: Admin) -> None:
    algorithm, _, rest = ben.password.partition("$")
    for who in (anna, vera):
        html = page_of(ben, who)
        assert algorithm not in html
        assert not [part for part in rest.split("$") if len(part) > 8 and part[:6] in html]
        assert "salt" not in html.lower()


@pytest.mark.usefixtures("ben_browser")
def test_a_sysadmin_sees_the_factors_and_sign_ins_and_others_do_not(anna: Admin, ben: Admin, vera: Admin) -> None:
    html = page_of(ben, anna)
    assert "protected only by a password" in section(html, "factors-title")
    assert "Firefox on Linux from 203.0.113.9" in section(html, "browsers-title")
    assert "browsers-title" not in page_of(ben, vera)


def test_a_sysadmin_ends_the_session_of_a_browser(anna: Admin, ben: Admin, ben_browser: Client) -> None:
    session = PanelSession.objects.get(admin=ben)
    answer = browser_of(anna).post(f"{LIST}{ben.pk}/end-browser/", {"session": session.pk}, follow=True)
    assert "That browser is signed out." in answer.content.decode()
    assert ben_browser.get("/admin/").status_code == 302
    event = Event.objects.get(action="admin.browser_signed_out")
    assert (event.actor_name, event.subject_name) == ("anna", "ben")


def test_a_sysadmin_ends_a_sign_in_through_the_api(anna: Admin, ben: Admin) -> None:
    access = pair("ben")["access"]
    family = TokenFamily.objects.get(admin=ben)
    browser_of(anna).post(f"{LIST}{ben.pk}/end-api-sign-in/", {"family": family.pk})
    assert is_unauthenticated(me(access))
    family.refresh_from_db()
    assert family.end_reason == "ended by admin"
    assert Event.objects.get(action="admin.api_sign_in_ended").actor_name == "anna"


@pytest.mark.parametrize("what", ["end-browser", "end-api-sign-in"])
def test_support_ends_nothing_of_another_admin(what: str, anna: Admin, ben: Admin) -> None:
    browser_of(anna)
    answer: Any = browser_of(ben).post(
        f"{LIST}{anna.pk}/{what}/", {"session": PanelSession.objects.get(admin=anna).pk, "family": "x"}
    )
    assert answer.status_code == 403
    assert PanelSession.objects.filter(admin=anna).exists()


def test_a_session_of_somebody_else_is_not_ended_on_the_page_of_an_admin(
    anna: Admin, ben: Admin, vera: Admin, ben_browser: Client
) -> None:
    browser_of(anna).post(f"{LIST}{vera.pk}/end-browser/", {"session": PanelSession.objects.get(admin=ben).pk})
    assert ben_browser.get("/admin/").status_code == 200

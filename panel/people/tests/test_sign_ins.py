"""The list and the page of admins show second factors and sign-ins, no password hash; a sysadmin ends a sign-in."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Admin, PanelSession, SecurityKey, TokenFamily, TotpDevice
from accounts.tests.factors import app_of, signed_in
from accounts.tests.tokens import is_unauthenticated, login, me, pair
from audit.models import Event
from conftest import PASSWORD, Clock
from panel.people.tests.test_history import page_of, section
from panel.tests.screen import browser_of
from panel.tests.test_confirmation import confirm, is_asked

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
    # The session, the viewer, the mark in the header, the number of admins, and the admins with their factors and sign-ins.
    assert cost() == few == 5


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


def live_sign_ins(person: Admin) -> tuple[int, int]:
    """The number of browsers and of sign-ins through the API."""
    families = TokenFamily.objects.filter(admin=person, ended_at=None)
    return PanelSession.objects.filter(admin=person).count(), families.count()


def end_all(browser: Client, page_of_admin: Admin, owner: Admin) -> list[Any]:
    """Send the forms that end the owner's two sign-ins, from the page of an admin."""
    session, family = PanelSession.objects.get(admin=owner), TokenFamily.objects.get(admin=owner)
    page = f"{LIST}{page_of_admin.pk}/"
    return [
        browser.post(f"{page}end-browser/", {"session": session.pk}),
        browser.post(f"{page}end-api-sign-in/", {"family": family.pk}),
    ]


def test_support_ends_nothing_of_another_admin(anna: Admin, ben: Admin) -> None:
    login("anna")
    browser_of(anna)
    assert [answer.status_code for answer in end_all(browser_of(ben), anna, anna)] == [403, 403]
    assert live_sign_ins(anna) == (1, 1)


@pytest.mark.usefixtures("ben_browser")
def test_the_page_of_an_admin_ends_nothing_of_somebody_else(anna: Admin, ben: Admin, vera: Admin) -> None:
    login("ben")
    assert [answer.status_code for answer in end_all(browser_of(anna), vera, ben)] == [302, 302]
    assert live_sign_ins(ben) == (1, 1)
    end_all(browser_of(anna), ben, ben)
    assert live_sign_ins(ben) == (0, 0)


def test_a_sysadmin_confirms_before_a_sign_in_is_ended(anna: Admin, ben: Admin, clock: Clock) -> None:
    browser = signed_in()
    clock.move(minutes=11)
    login("ben")
    browser_of(ben)
    asked = end_all(browser, ben, ben)
    assert [is_asked(answer) for answer in asked] == [True, True]
    assert live_sign_ins(ben) == (1, 1)
    confirm(browser, asked[1])
    assert live_sign_ins(ben) == (1, 0)


@pytest.fixture
def ben_with_factors(ben: Admin) -> Admin:
    """An authenticator app and two security keys."""
    app_of(ben)
    for number in (1, 2):
        SecurityKey.objects.create(
            admin=ben,
            name=f"key {number}",
            host="panel.example",
            credential_id=bytes([number]),
            credential=b"",
            sign_count=0,
            created_at=timezone.now(),
        )
    return ben


def test_the_list_names_the_second_factors(anna: Admin, ben_with_factors: Admin) -> None:
    html = browser_of(anna).get(LIST).content.decode()
    assert "app, 2 keys" in row(html, "ben")
    assert "app" not in row(html, "anna")
    assert "key" not in row(html, "anna")


def test_the_page_names_the_second_factors(anna: Admin, ben_with_factors: Admin) -> None:
    factors = section(page_of(ben_with_factors, anna), "factors-title")
    assert "protected only by a password" not in factors
    assert all(words in factors for words in ("Authenticator app", "“key 1”", "“key 2”", "10 of 10 left"))
    TotpDevice.objects.all().delete()
    assert "Authenticator app" not in section(page_of(ben_with_factors, anna), "factors-title")


@pytest.mark.usefixtures("ben_browser")
def test_a_session_that_expired_or_a_sign_in_that_ended_is_not_shown(anna: Admin, ben: Admin) -> None:
    login("ben")
    browser_of(ben)  # idle for too long
    PanelSession.objects.filter(admin=ben, address=None).update(last_used_at=timezone.now() - timedelta(days=30))
    PanelSession.objects.filter(admin=ben).exclude(address=None).update(expire_date=timezone.now())
    TokenFamily.objects.filter(admin=ben).update(ended_at=timezone.now(), end_reason="signed out")
    assert row(browser_of(anna).get(LIST).content.decode(), "ben").endswith("–")
    sign_ins = section(page_of(ben, anna), "browsers-title")
    assert "Not signed in to the panel." in sign_ins
    assert "No program is signed in." in sign_ins


def test_the_list_shows_second_factors_and_sign_ins_to_sysadmins_alone(
    anna: Admin, ben_with_factors: Admin, vera: Admin
) -> None:
    browser_of(ben_with_factors)
    shown = browser_of(anna).get(LIST).content.decode()
    assert re.search(r"app, 2 keys .+ 1 browser$", row(shown, "ben"))
    for who in (vera, ben_with_factors):
        hidden = browser_of(who).get(f"{LIST}?o=6.7").content.decode()
        assert "just now" in row(hidden, "ben")
        assert not re.search("app|2 keys|none|browser", row(hidden, "ben"))

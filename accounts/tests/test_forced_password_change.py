"""A password that somebody else set is changed before anything else."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Admin
from accounts.services import reset_password
from accounts.tests.tokens import is_unauthenticated, login, pair, refresh
from audit.actors import COMMAND
from conftest import PASSWORD

pytestmark = pytest.mark.any_database

GIVEN, CHOSEN = "written on a slip 4711", "kept in my own head 12"
PAGE = "/admin/password_change/"


@pytest.fixture
def newcomer(anna: Admin) -> Admin:
    """Anna knows the password."""
    nora = Admin.objects.create_user("nora", "nora@vendor.example", role="support")
    reset_password(nora.pk, GIVEN, by=COMMAND, at=timezone.now())
    return nora


def browser_of(username: str, password: str) -> Client:
    browser = Client(REMOTE_ADDR="192.0.2.9")
    assert browser.post("/admin/login/", {"username": username, "password": password}).status_code == 302
    return browser


def change(browser: Client, old: str = GIVEN, new: str = CHOSEN) -> Any:
    return browser.post(PAGE, {"old_password": old, "new_password1": new, "new_password2": new})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/admin/"),
        ("get", "/admin/sites/site/"),
        ("get", "/admin/sites/site/operate/lock/"),
        ("post", "/admin/sites/site/operate/lock/"),
        ("post", "/admin/sites/site/"),
        ("get", "/admin/accounts/admin/1/change/"),
        ("get", "/admin/autocomplete/"),
        ("get", "/admin/no/such/page/"),
        ("get", "/admin/password_change/done/"),
    ],
)
def test_every_page_leads_a_newcomer_to_the_password(newcomer: Admin, method: str, path: str) -> None:
    browser = browser_of("nora", GIVEN)
    answer = getattr(browser, method)(path)
    assert (answer.status_code, answer["Location"]) == (302, PAGE)


def test_the_page_says_why_and_signing_out_stays_open(newcomer: Admin) -> None:
    browser = browser_of("nora", GIVEN)
    assert "Somebody else set your password" in browser.get(PAGE).content.decode()
    assert browser.post("/admin/logout/").status_code == 200
    assert browser.get(PAGE).status_code == 302


def test_after_the_change_the_panel_opens(newcomer: Admin) -> None:
    browser = browser_of("nora", GIVEN)
    assert change(browser).status_code == 302
    assert browser.get("/admin/").status_code == 200
    assert login("nora", CHOSEN).status_code == 200
    assert login("nora", GIVEN).status_code == 401


def test_the_old_password_again_is_no_change(newcomer: Admin) -> None:
    answer = change(browser_of("nora", GIVEN), new=GIVEN)
    assert "Choose another password than the old one" in answer.content.decode()
    assert browser_of("nora", GIVEN).get("/admin/").status_code == 302


def test_the_api_refuses_the_password_of_another(newcomer: Admin) -> None:
    answer = login("nora", GIVEN)
    assert (answer.status_code, answer.json()["code"]) == (403, "password_change_required")
    assert answer["Content-Type"] == "application/problem+json"
    assert login("nora", "wrong").status_code == 401


@pytest.mark.parametrize("spelling", ["{}", "0{}", "+{}", "%20{}"])
def test_ones_own_password_is_changed_where_the_old_one_is_asked_for(db: None, spelling: str) -> None:
    anna = Admin.objects.create_user("anna", "anna@vendor.example", PASSWORD, role="sysadmin", pk=7)
    browser = browser_of("anna", PASSWORD)
    page, new = (
        f"/admin/accounts/admin/{spelling.format(anna.pk)}/password/",
        {"password1": CHOSEN, "password2": CHOSEN},
    )
    for answer in (browser.get(page), browser.post(page, {"usable_password": "true", **new})):
        assert (answer.status_code, answer["Location"]) == (302, PAGE)
    assert login("anna").status_code == 200


def test_the_first_sysadmin_is_not_asked(anna: Admin) -> None:
    assert browser_of("anna", PASSWORD).get("/admin/").status_code == 200


def test_guesses_at_the_old_password_are_counted_like_guesses_at_the_login(anna: Admin) -> None:
    browser = browser_of("anna", PASSWORD)
    for _ in range(10):
        assert change(browser, old="wrong").status_code == 200
    answer = change(browser, old=PASSWORD)
    assert (answer.status_code, answer["Content-Type"].partition(";")[0]) == (429, "text/html")
    assert login("anna", address="192.0.2.9").status_code == 429
    assert login("anna", address="198.51.100.4").status_code == 200


def test_the_change_writes_the_password_alone_and_ends_other_sessions(anna: Admin) -> None:
    browser, other = browser_of("anna", PASSWORD), browser_of("anna", PASSWORD)
    with CaptureQueriesContext(connection) as queries:
        assert change(browser, old=PASSWORD).status_code == 302
    [update] = [query["sql"] for query in queries if query["sql"].startswith('UPDATE "accounts_admin"')]
    assert '"role"' not in update
    assert '"is_active"' not in update
    assert browser.get("/admin/").status_code == 200
    assert other.get("/admin/").status_code == 302


def test_a_refresh_token_does_not_lead_round_the_change(ben: Admin) -> None:
    tokens = pair("ben")
    Admin.objects.filter(pk=ben.pk).update(must_change_password=True)
    assert is_unauthenticated(refresh(tokens["refresh"]))


def test_an_admin_without_a_password_cannot_sign_in(anna: Admin, ben: Admin) -> None:
    reset_password(ben.pk, None, by=COMMAND, at=timezone.now())
    assert login("ben").status_code == 401

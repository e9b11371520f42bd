"""Linking a Google account in the panel, and what takes the place of a password."""

from typing import Any

import pyotp
import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Admin, GoogleAccount, TotpDevice
from accounts.tests.factors import APP_PAGE, SECOND, app_of, browser, is_in, signed_in
from accounts.tests.fake_google import FakeGoogle, Person
from accounts.tests.test_google_login import link
from audit.models import Event
from panel.account.tests.google_browser import (
    ACCOUNT,
    AGAIN,
    CONFIRM,
    LINK,
    UNKNOWN,
    UNLINK,
    at_google,
    query_of,
    said,
    sign_in,
    start,
)

pytestmark = [pytest.mark.any_database, pytest.mark.django_db]


# --- Linking ----------------------------------------------------------------------------------------------------------


def test_linking_asks_before_it_links(google: FakeGoogle, anna: Admin) -> None:
    client = signed_in()
    assert sign_in(client, LINK)["Location"] == CONFIRM
    assert not GoogleAccount.objects.exists()
    assert "anna@vendor.example" in client.get(CONFIRM).content.decode()
    client.post(CONFIRM)
    account = GoogleAccount.objects.get()
    assert (account.admin, account.subject) == (anna, Person().subject)
    assert client.get(CONFIRM)["Location"] == ACCOUNT
    client.post(CONFIRM)
    assert Event.objects.filter(action="admin.google_account_linked").count() == 1


def test_linking_needs_a_recent_confirmation(google: FakeGoogle, anna: Admin) -> None:
    client = signed_in()
    sign_in(client, LINK)
    client.post("/admin/account/end-confirmation/")
    answer = client.post(CONFIRM)
    assert answer.context["title"] == "Confirm that it is you"
    assert not GoogleAccount.objects.exists()
    client.post(CONFIRM, {"confirmation-password": "correct horse battery staple"})
    assert GoogleAccount.objects.exists()


def test_nothing_is_linked_without_a_way_back(google: FakeGoogle, anna: Admin) -> None:
    client = signed_in()
    assert client.post(CONFIRM)["Location"] == client.get(CONFIRM)["Location"] == ACCOUNT
    assert not GoogleAccount.objects.exists()


def test_a_victim_is_not_linked_to_the_attackers_account(google: FakeGoogle, anna: Admin, ben: Admin) -> None:
    attacker = signed_in("ben")
    way_back = at_google(start(attacker, LINK))
    victim = signed_in()
    assert victim.get(way_back)["Location"] == "/admin/login/"
    assert victim.get(CONFIRM)["Location"] == ACCOUNT
    assert not GoogleAccount.objects.exists()


def test_who_signed_in_on_the_way_is_not_linked(google: FakeGoogle, anna: Admin, ben: Admin) -> None:
    client = signed_in("ben")
    way_back = at_google(start(client, LINK))
    session = client.session
    session["_auth_user_id"], session["_auth_user_hash"] = str(anna.pk), anna.get_session_auth_hash()
    session.save()
    assert client.get(way_back)["Location"] == ACCOUNT
    assert client.get(CONFIRM)["Location"] == ACCOUNT


def test_a_way_back_from_signing_in_links_nothing(google: FakeGoogle, anna: Admin) -> None:
    client = signed_in()
    assert sign_in(client)["Location"] == UNKNOWN
    assert not GoogleAccount.objects.exists()


def test_an_account_of_another_admin_is_not_linked(google: FakeGoogle, anna: Admin, ben: Admin) -> None:
    link(ben)
    client = signed_in()
    sign_in(client, LINK)
    assert "belongs to another admin" in str(client.post(CONFIRM, follow=True).content)
    assert GoogleAccount.objects.get().admin == ben


def test_unlinking_signs_out_everywhere_else(google: FakeGoogle, anna: Admin) -> None:
    link(anna)
    elsewhere, client = browser(), signed_in()
    sign_in(elsewhere)
    assert is_in(elsewhere)
    assert client.get(UNLINK).status_code == 200
    assert client.post(UNLINK)["Location"] == ACCOUNT
    assert not GoogleAccount.objects.exists()
    assert is_in(client)
    assert not is_in(elsewhere)


def test_unlinking_needs_a_recent_confirmation(google: FakeGoogle, anna: Admin) -> None:
    link(anna)
    client = signed_in()
    client.post("/admin/account/end-confirmation/")
    assert client.post(UNLINK).context["title"] == "Confirm that it is you"
    assert GoogleAccount.objects.exists()


def test_pages_of_the_own_account_need_a_sign_in(google: FakeGoogle, db: None) -> None:
    for path in (LINK, CONFIRM, UNLINK):
        assert browser().get(path)["Location"].startswith("/admin/login/")
        assert browser().post(path).status_code in (302, 403)


# --- Admins without a password ----------------------------------------------------------------------------------------


@pytest.fixture
def without_password(google: FakeGoogle, anna: Admin) -> Client:
    """Anna's browser, signed in with Google; she has no password."""
    link(anna)
    Admin.objects.update(password="!")
    client = browser()
    sign_in(client)
    assert is_in(client)
    return client


def add_app(client: Client) -> Any:
    secret = client.get(APP_PAGE).context["secret"].replace(" ", "")
    return client.post(APP_PAGE, {"code": pyotp.TOTP(secret).at(timezone.now())})


def test_the_first_second_factor_needs_no_password(without_password: Client, settings: Any) -> None:
    settings.REQUIRE_TWO_FACTOR = True
    assert without_password.get("/admin/")["Location"] == APP_PAGE
    assert 'name="password"' not in without_password.get(APP_PAGE).content.decode()
    assert add_app(without_password).context["title"] == "Recovery codes"


def test_later_google_takes_the_place_of_the_password(without_password: Client, settings: Any, clock: Any) -> None:
    settings.REQUIRE_TWO_FACTOR = True
    sign_in(without_password)  # by this clock
    clock.move(minutes=10)
    answer = add_app(without_password)
    assert "Sign in with Google again" in answer.content.decode()
    assert not TotpDevice.objects.exists()
    assert sign_in(without_password, AGAIN)["Location"] == ACCOUNT
    assert "Recovery codes" in add_app(without_password).content.decode()


def test_only_the_linked_google_account_confirms(without_password: Client, google: FakeGoogle, clock: Any) -> None:
    sign_in(without_password)
    clock.move(minutes=10)
    google.person = Person("666", "anna@vendor.example", "Anna Example")
    sign_in(without_password, AGAIN)
    assert "Sign in with Google again" in add_app(without_password).content.decode()
    assert not TotpDevice.objects.exists()


@pytest.mark.parametrize(
    ("minutes_ago", "confirms"), [(None, True), (9, True), (12, False), (1_000_000, False)], ids=str
)
def test_google_confirms_only_if_the_person_has_just_signed_in_there(
    without_password: Client, google: FakeGoogle, clock: Any, minutes_ago: int | None, confirms: bool
) -> None:
    """As far as Google says when that was: it is asked, but does not promise to answer."""
    sign_in(without_password)
    clock.move(minutes=11)
    if minutes_ago is not None:
        google.claims = {"auth_time": int(timezone.now().timestamp()) - 60 * minutes_ago}
    url = start(without_password, AGAIN)
    assert query_of(url)["max_age"] == "600"
    without_password.get(at_google(url))
    assert ("Confirmed." if confirms else "did not ask for your password") in said(without_password, ACCOUNT)
    add_app(without_password)
    assert TotpDevice.objects.exists() == confirms


def test_a_confirmation_is_google_and_the_second_factor(without_password: Client, clock: Any) -> None:
    app = app_of(Admin.objects.get())
    client = browser()
    sign_in(client)
    client.post(SECOND, {"code": app.fresh_code()})
    clock.move(minutes=11)
    new = {"username": "nora", "email": "nora@vendor.example", "role": "viewer"}
    add = "/admin/accounts/admin/add/"
    page = client.post(add, new)
    assert (page.context["title"], page.context["form"].needs_google) == ("Confirm that it is you", True)
    code = {"confirmation-present_code": app.fresh_code(), "confirmation-answer": ""}
    client.post(add, new | code)
    sign_in(client, AGAIN)
    client.post(add, new)
    client.post(add, new | code | {"confirmation-present_code": app.wrong_code()})
    assert Admin.objects.count() == 1
    client.post(add, new | code)
    assert Admin.objects.count() == 2


def test_google_does_not_replace_a_password_that_is_there(google: FakeGoogle, anna: Admin) -> None:
    link(anna)
    client = browser()
    sign_in(client)
    sign_in(client, AGAIN)
    assert add_app(client).context["form"].errors["password"]
    client.post("/admin/account/end-confirmation/")
    assert client.post(UNLINK, {"confirmation-answer": ""}).context["title"] == "Confirm that it is you"
    assert GoogleAccount.objects.exists()


def test_the_only_way_to_sign_in_stays(without_password: Client) -> None:
    assert "You have no password" in str(without_password.post(UNLINK, follow=True).content)
    assert GoogleAccount.objects.exists()


def test_a_session_that_did_not_begin_at_google_confirms_nothing(google: FakeGoogle, anna: Admin) -> None:
    link(anna)
    Admin.objects.update(password="!")
    assert add_app(signed_in()).context["form"].needs_google
    assert not TotpDevice.objects.exists()


def test_the_page_that_changes_a_password_sends_back_who_has_none(google: FakeGoogle, anna: Admin) -> None:
    link(anna)
    Admin.objects.update(password="!")
    client = browser()
    sign_in(client)
    answer = client.get("/admin/password_change/")
    assert (answer.status_code, answer["Location"]) == (302, ACCOUNT)
    assert "You have no password to change." in said(client, ACCOUNT)

"""After a reset of the second factors a new one is set up within a day, or the password opens nothing."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import Admin, TotpDevice
from accounts.tests.factors import APP_PAGE, LOGIN, App, app_of, browser, is_in, signed_in
from accounts.tests.tokens import login
from conftest import PASSWORD, Clock

pytestmark = pytest.mark.any_database

ASK = "Ask a sysadmin to renew it."


@pytest.fixture(autouse=True)
def _required(settings: Any) -> None:
    settings.REQUIRE_TWO_FACTOR = True


@pytest.fixture
def sysadmin(anna: Admin) -> Client:
    app_of(anna)
    return signed_in()


@pytest.fixture
def bens(ben: Admin) -> App:
    return app_of(ben)


def reset(sysadmin: Client, ben: Admin) -> None:
    assert sysadmin.post(f"/admin/accounts/admin/{ben.pk}/reset-two-factor/").status_code == 302


def sign_in(username: str = "ben") -> tuple[Client, Any]:
    client = browser()
    return client, client.post(LOGIN, {"username": username, "password": PASSWORD})


def set_up(client: Client) -> None:
    secret = client.get(APP_PAGE).context["secret"].replace(" ", "")
    new = App(Admin.objects.get(username="ben"), secret, [])
    client.post(APP_PAGE, {"password": PASSWORD, "code": new.code()})
    assert TotpDevice.objects.filter(admin__username="ben").exists()


def test_within_the_time_the_password_leads_to_enrolment(clock: Clock, sysadmin: Client, bens: App) -> None:
    reset(sysadmin, bens.admin)
    clock.move(hours=23)
    client, answer = sign_in()
    assert answer.status_code == 302
    assert client.get("/admin/")["Location"] == APP_PAGE
    set_up(client)
    clock.move(minutes=30)
    assert is_in(client)


def test_after_the_time_the_sign_in_is_refused_and_says_why(clock: Clock, sysadmin: Client, bens: App) -> None:
    reset(sysadmin, bens.admin)
    clock.move(hours=24)
    client, answer = sign_in()
    assert answer.status_code == 200
    assert ASK in answer.content.decode()
    assert client.get("/admin/")["Location"].startswith(LOGIN)
    answer = login("ben")
    assert (answer.status_code, answer.json()["code"]) == (403, "enrolment_expired")
    assert login("ben", "wrong").status_code == 401


def test_a_session_from_before_the_end_is_signed_out(clock: Clock, sysadmin: Client, bens: App) -> None:
    reset(sysadmin, bens.admin)
    clock.move(hours=23, minutes=30)
    client, _ = sign_in()
    clock.move(minutes=30)
    answer = client.get(APP_PAGE, follow=True)
    assert answer.request["PATH_INFO"] == LOGIN
    assert ASK in answer.content.decode()


def test_a_sysadmin_renews_the_time(clock: Clock, sysadmin: Client, bens: App) -> None:
    reset(sysadmin, bens.admin)
    clock.move(hours=25)
    again = signed_in()
    page = again.get(f"/admin/accounts/admin/{bens.admin.pk}/change/").content.decode()
    assert "Renew the time for a second factor" in page
    reset(again, bens.admin)
    client, answer = sign_in()
    assert answer.status_code == 302
    set_up(client)
    page = again.get(f"/admin/accounts/admin/{bens.admin.pk}/change/").content.decode()
    assert "Renew the time for a second factor" not in page


def test_a_new_admin_who_never_had_one_is_not_limited(clock: Clock, sysadmin: Client, ben: Admin) -> None:
    clock.move(days=100)
    assert sign_in()[1].status_code == 302


def test_where_none_is_required_nothing_expires(clock: Clock, sysadmin: Client, bens: App, settings: Any) -> None:
    settings.REQUIRE_TWO_FACTOR = False
    reset(sysadmin, bens.admin)
    clock.move(days=2)
    assert login("ben").status_code == 200

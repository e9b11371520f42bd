"""Where a second factor is required, sysadmin and support set one up before anything else."""

from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Admin, TotpDevice
from accounts.services import change_admin
from accounts.tests.factors import APP_PAGE, KEY_PAGE, App, app_of, is_in, present_factor, signed_in
from accounts.tests.tokens import is_unauthenticated, login, me, pair, refresh
from audit.actors import COMMAND
from conftest import PASSWORD

pytestmark = pytest.mark.any_database

PAGES = [
    "/admin/",
    "/admin/sites/site/",
    "/admin/sites/site/export/",
    "/admin/sites/site/operate/lock/",
    "/admin/accounts/admin/",
    "/admin/audit/event/",
    "/admin/account/",
    "/admin/account/end-others/",
    "/admin/account/recovery-codes/",
    "/admin/no/such/page/",
]


@pytest.fixture(autouse=True)
def _required(settings: Any) -> None:
    settings.REQUIRE_TWO_FACTOR = True


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("name", ["anna", "ben"])
def test_every_page_leads_to_enrolment(request: pytest.FixtureRequest, name: str, method: str, path: str) -> None:
    request.getfixturevalue(name)
    answer = getattr(signed_in(name), method)(path)
    assert (answer.status_code, answer["Location"]) == (302, APP_PAGE)


@pytest.mark.parametrize("path", [APP_PAGE, KEY_PAGE, "/admin/password_change/", "/admin/jsi18n/"])
def test_what_leads_out_stays_open(anna: Admin, path: str) -> None:
    assert signed_in().get(path).status_code == 200


def test_the_page_says_why_and_shows_nothing_of_the_panel(anna: Admin) -> None:
    page = signed_in().get(APP_PAGE).content.decode()
    assert "Your role requires a second factor" in page
    assert "main-menu" not in page


def test_signing_out_stays_open(anna: Admin) -> None:
    client = signed_in()
    assert client.post("/admin/logout/").status_code == 200
    assert not is_in(client)


def test_a_viewer_may_do_without(anna: Admin, vera: Admin) -> None:
    assert signed_in("vera").get("/admin/").status_code == 200
    assert login("vera").status_code == 200


def test_an_admin_with_a_second_factor_is_let_through(anna: Admin) -> None:
    app_of(anna)
    assert signed_in().get("/admin/").status_code == 200


def test_the_password_comes_before_the_second_factor(anna: Admin) -> None:
    Admin.objects.update(must_change_password=True)
    client = signed_in()
    assert client.get(APP_PAGE)["Location"] == "/admin/password_change/"
    assert login().json()["code"] == "password_change_required"


def test_the_api_says_what_is_missing_after_a_right_password_alone(anna: Admin) -> None:
    answer = login()
    assert (answer.status_code, answer.json()["code"]) == (403, "two_factor_required")
    assert answer["Content-Type"] == "application/problem+json"
    assert login(password="wrong").status_code == 401
    app = app_of(anna)
    assert login().status_code == 401
    assert login(otp=app.fresh_code()).status_code == 200


def test_a_refresh_token_does_not_lead_round_enrolment(settings: Any, anna: Admin) -> None:
    settings.REQUIRE_TWO_FACTOR = False
    tokens = pair()
    settings.REQUIRE_TWO_FACTOR = True
    assert is_unauthenticated(refresh(tokens["refresh"]))


def test_removing_the_last_factor_leads_back_to_enrolment_and_ends_tokens(anna: Admin) -> None:
    app: App = app_of(anna)
    client, access = signed_in(), login(otp=app.fresh_code()).json()["access"]
    answer = client.post("/admin/account/authenticator-app/remove/", {"password": PASSWORD, **present_factor(client)})
    assert answer.status_code == 302
    assert not TotpDevice.objects.exists()
    assert client.get("/admin/")["Location"] == APP_PAGE
    assert is_unauthenticated(me(access))


def test_a_promotion_does_not_lead_an_access_token_round_enrolment(anna: Admin, vera: Admin) -> None:
    tokens = pair("vera")
    change_admin(vera.pk, {"role": "sysadmin"}, by=COMMAND, at=timezone.now())
    assert is_unauthenticated(me(tokens["access"]))
    assert is_unauthenticated(refresh(tokens["refresh"]))
    assert signed_in("vera").get("/admin/")["Location"] == APP_PAGE


def test_a_promotion_leaves_an_admin_with_a_second_factor_signed_in(anna: Admin, vera: Admin) -> None:
    access = login("vera", otp=app_of(vera).fresh_code()).json()["access"]
    change_admin(vera.pk, {"role": "support"}, by=COMMAND, at=timezone.now())
    assert me(access).json()["role"] == "support"

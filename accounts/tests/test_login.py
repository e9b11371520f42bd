"""Signing in: the exact shape of each answer, and one answer for all wrong credentials."""

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Admin, TokenFamily
from accounts.tests.tokens import claims_of, login, me
from conftest import PASSWORD

pytestmark = pytest.mark.any_database

REFUSED = {
    "type": "urn:portcullis:problem:invalid_credentials",
    "title": "These credentials are not valid",
    "status": 401,
    "detail": "These credentials are not valid",
    "code": "invalid_credentials",
}


def test_the_right_password_gets_a_pair_of_tokens(anna: Admin) -> None:
    answer = login()
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    pair = answer.json()
    assert list(pair) == ["access", "refresh", "token_type", "expires_in"]
    assert (pair["token_type"], pair["expires_in"]) == ("Bearer", 600)
    assert me(pair["access"]).json()["username"] == "anna"
    assert me(pair["refresh"]).status_code == 401


def test_access_tokens_live_ten_minutes_and_refresh_tokens_twelve_hours(anna: Admin) -> None:
    pair = login().json()
    lives = {kind: claims_of(pair[kind])["exp"] - claims_of(pair[kind])["iat"] for kind in ("access", "refresh")}
    assert lives == {"access": 600, "refresh": 12 * 3600}


def test_a_token_tells_nothing_of_the_password(anna: Admin) -> None:
    pair = login().json()
    for kind in ("access", "refresh"):
        assert anna.password not in str(claims_of(pair[kind]))


def test_the_user_name_is_read_in_any_case(anna: Admin) -> None:
    assert me(login("ANNA").json()["access"]).json()["username"] == "anna"


def test_an_otp_is_no_obstacle_to_an_admin_without_a_second_factor(anna: Admin) -> None:
    assert login(otp="000000").status_code == 200


@pytest.mark.parametrize(
    ("username", "password"),
    [("nobody", PASSWORD), ("anna", "wrong"), ("anna", ""), ("disabled", PASSWORD), ("passwordless", PASSWORD)],
)
@pytest.mark.parametrize("otp", [{}, {"otp": "123456"}], ids=["without otp", "with otp"])
def test_what_does_not_fit_gets_the_same_answer(anna: Admin, username: str, password: str, otp: dict[str, str]) -> None:
    Admin.objects.create_user("disabled", "d@vendor.example", PASSWORD, is_active=False)
    Admin.objects.create_user("passwordless", "p@vendor.example")
    answer = login(username, password or "x", **otp)
    assert (answer.status_code, answer.json()) == (401, REFUSED)
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert answer["Content-Type"] == "application/problem+json"
    assert not TokenFamily.objects.exists()


def test_the_password_is_taken_as_it_is(db: None) -> None:
    Admin.objects.create_user("ida", "ida@vendor.example", "  blanks around it  ")
    assert login("ida", "  blanks around it  ").status_code == 200
    assert login("ida", "blanks around it").status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"username": "anna"},
        {"password": PASSWORD},
        {"username": None, "password": PASSWORD},
        {"username": "anna", "password": None},
        {"username": "anna", "password": 5},
        {"username": ["anna"], "password": PASSWORD},
        {"username": "", "password": PASSWORD},
        {"username": "a" * 151, "password": PASSWORD},
        {"username": "anna", "password": "x" * 4097},
        {"username": "anna", "password": PASSWORD, "otp": 123456},
    ],
)
def test_unreadable_credentials_are_a_400(anna: Admin, body: dict[str, object]) -> None:
    answer = APIClient().post("/api/auth/login", body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert PASSWORD not in answer.content.decode()


def test_unknown_fields_are_ignored(anna: Admin) -> None:
    assert login(remember_me=True).status_code == 200


@pytest.mark.parametrize("name", ["login", "refresh", "logout"])
def test_only_post_is_allowed(db: None, name: str) -> None:
    for path in (f"/api/auth/{name}", f"/api/auth/{name}/", f"/api/v1/auth/{name}"):
        answer = APIClient().get(path)
        assert (answer.status_code, answer["Allow"]) == (405, "POST")


def test_a_stale_access_token_does_not_stop_a_login(anna: Admin) -> None:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION="Bearer stale")
    answer = client.post("/api/auth/login", {"username": "anna", "password": PASSWORD}, format="json")
    assert answer.status_code == 200


def test_the_family_is_kept_until_its_newest_token_expires(anna: Admin) -> None:
    login()
    family = TokenFamily.objects.get()
    assert 11.9 * 3600 < (family.expires_at - timezone.now()).total_seconds() <= 12 * 3600

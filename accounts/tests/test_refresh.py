"""Refresh tokens are traded, once; using one again ends the whole family."""

import pytest
from rest_framework.test import APIClient

from accounts.models import Admin, TokenFamily
from accounts.tests.tokens import is_unauthenticated, me, pair, refresh

pytestmark = pytest.mark.usefixtures("anna")


def test_a_refresh_token_is_traded_for_a_new_pair() -> None:
    old = pair()
    answer = refresh(old["refresh"])
    new = answer.json()
    assert (answer.status_code, list(new)) == (200, ["access", "refresh", "token_type", "expires_in"])
    assert (new["token_type"], new["expires_in"]) == ("Bearer", 600)
    assert new["refresh"] != old["refresh"]
    assert me(new["access"]).status_code == 200


def test_tokens_can_be_traded_again_and_again() -> None:
    token = pair()["refresh"]
    for _ in range(4):
        token = refresh(token).json()["refresh"]
    assert TokenFamily.objects.count() == 1


def test_an_old_refresh_token_is_dead_and_takes_the_newest_with_it() -> None:
    old = pair()["refresh"]
    newest = refresh(refresh(old).json()["refresh"]).json()["refresh"]
    answer = refresh(old)
    assert is_unauthenticated(answer)
    assert answer.json()["code"] == "invalid_refresh_token"
    assert refresh(newest).content == answer.content
    assert TokenFamily.objects.get().end_reason == "reused"


def test_the_family_of_another_login_lives_on() -> None:
    stolen, other = pair()["refresh"], pair()["refresh"]
    refresh(stolen)
    refresh(stolen)
    assert refresh(other).status_code == 200


def test_a_token_of_a_family_that_was_pruned_is_dead() -> None:
    token = pair()["refresh"]
    TokenFamily.objects.all().delete()
    assert is_unauthenticated(refresh(token))


def test_a_family_belongs_to_one_admin(ben: Admin) -> None:
    anna_token = pair()["refresh"]
    TokenFamily.objects.update(admin=ben)
    assert is_unauthenticated(refresh(anna_token))


def test_it_needs_no_access_token_and_minds_no_bad_one() -> None:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION="Bearer stale")
    answer = client.post("/api/auth/refresh", {"refresh": pair()["refresh"]}, format="json")
    assert answer.status_code == 200


@pytest.mark.parametrize("body", [{}, {"refresh": None}, {"refresh": 5}, {"refresh": ""}, {"refresh": ["x"]}])
@pytest.mark.parametrize("name", ["refresh", "logout"])
def test_an_unreadable_body_is_a_400(name: str, body: dict[str, object]) -> None:
    answer = APIClient().post(f"/api/auth/{name}", body, format="json")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/refresh")

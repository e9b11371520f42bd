"""Signing out ends the family of a refresh token."""

import pytest

from accounts.models import TokenFamily
from accounts.tests.tokens import is_unauthenticated, logout, pair, refresh

pytestmark = pytest.mark.usefixtures("anna")


def test_signing_out_ends_the_family() -> None:
    token = pair()["refresh"]
    answer = logout(token)
    assert (answer.status_code, answer.content) == (204, b"")
    assert is_unauthenticated(refresh(token))
    assert TokenFamily.objects.get().end_reason == "signed out"


def test_any_token_of_the_family_ends_all_of_it() -> None:
    old = pair()["refresh"]
    newest = refresh(old).json()["refresh"]
    assert logout(old).status_code == 204
    assert is_unauthenticated(refresh(newest))


def test_signing_out_twice_is_no_error() -> None:
    token = pair()["refresh"]
    assert [logout(token).status_code for _ in range(2)] == [204, 204]


def test_other_logins_stay() -> None:
    token, other = pair()["refresh"], pair()["refresh"]
    logout(token)
    assert refresh(other).status_code == 200


@pytest.mark.parametrize("kind", ["access", "junk"])
def test_what_is_no_refresh_token_is_a_401(kind: str) -> None:
    token = pair()["access"] if kind == "access" else "a.b.c"
    assert is_unauthenticated(logout(token))

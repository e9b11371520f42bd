"""An API sign-in ends with all its tokens, and 30 days after the login at the latest."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Admin, TokenFamily
from accounts.tests.tokens import claims_of, is_unauthenticated, logout, me, pair, refresh, signed

pytestmark = [pytest.mark.any_database, pytest.mark.usefixtures("anna")]


def age(**by: float) -> None:
    """Move the only login into the past."""
    family = TokenFamily.objects.get()
    TokenFamily.objects.update(created_at=family.created_at - timedelta(**by))


def test_signing_out_ends_the_access_token_too() -> None:
    tokens, other = pair(), pair()
    assert me(tokens["access"]).status_code == 200
    assert logout(tokens["refresh"]).status_code == 204
    assert is_unauthenticated(me(tokens["access"]))
    assert me(other["access"]).status_code == 200


def test_a_refresh_token_that_is_used_twice_ends_the_access_tokens_too() -> None:
    first = pair()
    second = refresh(first["refresh"]).json()
    assert me(second["access"]).status_code == 200
    assert is_unauthenticated(refresh(first["refresh"]))
    assert is_unauthenticated(me(first["access"]))
    assert is_unauthenticated(me(second["access"]))


def test_renewed_tokens_keep_working_until_thirty_days_after_the_login() -> None:
    tokens = pair()
    age(days=29, hours=23)
    tokens = refresh(tokens["refresh"]).json()
    assert me(tokens["access"]).status_code == 200
    assert TokenFamily.objects.get().expires_at <= timezone.now() + timedelta(hours=1)
    age(hours=1, seconds=1)
    assert is_unauthenticated(me(tokens["access"]))
    assert is_unauthenticated(refresh(tokens["refresh"]))


def test_the_end_is_a_setting(settings: Any) -> None:
    settings.TOKEN_FAMILY_LIFETIME = timedelta(days=2)
    tokens = pair()
    age(days=2, seconds=1)
    assert is_unauthenticated(me(tokens["access"]))
    assert is_unauthenticated(refresh(tokens["refresh"]))


@pytest.mark.parametrize("family", [None, "", "x", 7, "00000000-0000-0000-0000-000000000000"])
def test_an_access_token_without_a_sign_in_is_refused(family: Any) -> None:
    claims = claims_of(pair()["access"])
    assert me(signed(claims)).status_code == 200
    claims["fam"] = family
    assert is_unauthenticated(me(signed(claims)))
    del claims["fam"]
    assert is_unauthenticated(me(signed(claims)))


def test_an_access_token_with_the_sign_in_of_somebody_else_is_refused(ben: Admin) -> None:
    claims = claims_of(pair()["access"])
    assert is_unauthenticated(me(signed({**claims, "fam": claims_of(pair("ben")["access"])["fam"]})))


def test_a_token_is_checked_with_one_query() -> None:
    tokens = pair()
    with CaptureQueriesContext(connection) as queries:
        assert me(tokens["access"]).status_code == 200
    assert len(queries) == 1

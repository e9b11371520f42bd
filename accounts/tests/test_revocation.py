"""Who was disabled or changed the password is out at the next request, with every token."""

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from accounts.models import Admin
from accounts.services import change_admin
from accounts.tests.tokens import is_unauthenticated, me, pair, refresh
from audit.actors import COMMAND

Tokens = dict[str, str]


@pytest.fixture
def tokens(anna: Admin, ben: Admin) -> Tokens:
    """Ben's, and they work."""
    tokens = pair("ben")
    assert me(tokens["access"]).status_code == 200
    return tokens


def test_a_disabled_admins_tokens_stop_at_once(tokens: Tokens, ben: Admin) -> None:
    change_admin(ben.pk, {"is_active": False}, by=COMMAND, at=timezone.now())
    assert is_unauthenticated(me(tokens["access"]))
    assert is_unauthenticated(refresh(tokens["refresh"]))


def test_being_enabled_again_does_not_bring_back_a_refused_family(tokens: Tokens, ben: Admin) -> None:
    change_admin(ben.pk, {"is_active": False}, by=COMMAND, at=timezone.now())
    refresh(tokens["refresh"])
    change_admin(ben.pk, {"is_active": True}, by=COMMAND, at=timezone.now())
    assert is_unauthenticated(refresh(tokens["refresh"]))
    assert pair("ben")


def test_a_changed_password_ends_every_token(tokens: Tokens, ben: Admin) -> None:
    ben.set_password("another horse battery staple")
    ben.save(update_fields=["password"])
    assert is_unauthenticated(me(tokens["access"]))
    assert is_unauthenticated(refresh(tokens["refresh"]))
    assert me(pair("ben", "another horse battery staple")["access"]).status_code == 200


def test_a_deleted_admins_tokens_stop(tokens: Tokens, ben: Admin) -> None:
    ben.token_families.all().delete()
    get_user_model().objects.filter(pk=ben.pk).delete()
    assert is_unauthenticated(me(tokens["access"]))
    assert is_unauthenticated(refresh(tokens["refresh"]))


def test_a_new_role_counts_from_the_next_request_on(tokens: Tokens, ben: Admin) -> None:
    assert "sites.lock_site" in me(tokens["access"]).json()["permissions"]
    change_admin(ben.pk, {"role": "viewer"}, by=COMMAND, at=timezone.now())
    assert "sites.lock_site" not in me(tokens["access"]).json()["permissions"]

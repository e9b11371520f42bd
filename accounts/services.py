"""Changes of state around admins and their tokens. Each is one function."""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import RefreshToken
from rest_framework_simplejwt.utils import get_md5_hash_password

from accounts.client_info import NOBODY, Visitor
from accounts.errors import InvalidRefreshToken, LastSysadmin
from accounts.login_guard import LoginGuard
from accounts.models import Admin, PanelSession, TokenFamily
from accounts.required_steps import holdup_of
from accounts.roles import Role
from accounts.tokens import FAMILY_CLAIM, GENERATION_CLAIM, access_token, refresh_token

ENDED_BY_OWNER = "ended by owner"
CHANGEABLE = ("role", "is_active", "email")


@dataclass(frozen=True)
class TokenPair:
    access: str = field(repr=False)
    refresh: str = field(repr=False)


def start_token_family(admin: Admin, *, at: datetime, visitor: Visitor = NOBODY) -> TokenPair:
    """The tokens of a new login."""
    family_id = uuid.uuid4()
    token = refresh_token(admin, family_id)
    TokenFamily.objects.create(
        id=family_id,
        admin=admin,
        newest_token_id=token["jti"],
        created_at=at,
        expires_at=at + settings.REFRESH_TOKEN_LIFETIME,
        last_used_at=at,
        address=visitor.address,
        user_agent=visitor.user_agent,
    )
    return TokenPair(access_token(admin, family_id), str(token))


def renew_tokens(refresh: str, *, at: datetime, visitor: Visitor = NOBODY) -> TokenPair:
    """Trade a refresh token for a new pair; the given one is dead from then on.

    A token that was traded before is in two hands: its whole family ends, so that it is useless to both.
    Raises InvalidRefreshToken.
    """
    token = readable_refresh_token(refresh)
    family = TokenFamily.objects.select_related("admin").filter(pk=token[FAMILY_CLAIM]).first()
    if family is None or str(family.admin_id) != token.get("user_id"):
        raise InvalidRefreshToken
    admin = family.admin
    if not admin.is_active or not was_signed_for(token, admin) or holdup_of(admin):
        end_token_family(family.pk, reason="revoked", at=at)
        raise InvalidRefreshToken
    successor = refresh_token(admin, family.pk)
    # One conditional statement: of two uses of the same token at the same moment, one wins.
    traded = TokenFamily.objects.filter(pk=family.pk, ended_at=None, newest_token_id=token["jti"]).update(
        newest_token_id=successor["jti"],
        expires_at=at + settings.REFRESH_TOKEN_LIFETIME,
        last_used_at=at,
        address=visitor.address,
        user_agent=visitor.user_agent,
    )
    if not traded:
        end_token_family(family.pk, reason="reused", at=at)
        raise InvalidRefreshToken
    return TokenPair(access_token(admin, family.pk), str(successor))


def was_signed_for(token: RefreshToken, admin: Admin) -> bool:
    """Whether the admin has neither been disabled nor changed the password since."""
    same_password = token.get("pwd") == get_md5_hash_password(admin.password)
    return bool(same_password and token.get(GENERATION_CLAIM) == admin.token_generation)


def sign_out(refresh: str, *, at: datetime) -> None:
    """End the family of a refresh token. Signing out twice is no error. Raises InvalidRefreshToken."""
    token = readable_refresh_token(refresh)
    end_token_family(uuid.UUID(token[FAMILY_CLAIM]), reason="signed out", at=at)


def end_token_family(family_id: uuid.UUID, *, reason: str, at: datetime) -> None:
    TokenFamily.objects.filter(pk=family_id, ended_at=None).update(ended_at=at, end_reason=reason)


def end_panel_session(admin: Admin, digest: str) -> bool:
    """Sign one browser out at its next request; whether it was one of this admin's."""
    deleted, _ = PanelSession.objects.filter(admin=admin, pk=digest).delete()
    return bool(deleted)


def end_api_sign_in(admin: Admin, family_id: uuid.UUID, *, at: datetime) -> bool:
    """End one login's refresh tokens and, other than signing out does, its access token too; whether there was one."""
    families = TokenFamily.objects.filter(pk=family_id, admin=admin, ended_at=None)
    return bool(families.update(ended_at=at, end_reason=ENDED_BY_OWNER))


def end_everything_else(admin: Admin, *, but: str | None, at: datetime) -> None:
    """End all browser sessions of an admin but the one of that digest, and all API sign-ins."""
    PanelSession.objects.filter(admin=admin).exclude(pk=but).delete()
    TokenFamily.objects.filter(admin=admin, ended_at=None).update(ended_at=at, end_reason=ENDED_BY_OWNER)


def was_ended_by_owner(family_id: str) -> bool:
    """Whether the access tokens of that login are refused; so are those whose family's id is none."""
    try:
        return TokenFamily.objects.filter(pk=uuid.UUID(family_id), end_reason=ENDED_BY_OWNER).exists()
    except (ValueError, TypeError, AttributeError):
        return True


def readable_refresh_token(refresh: str) -> RefreshToken:
    """The token if we signed it, it has not expired and it belongs to a family. Raises InvalidRefreshToken."""
    try:
        token = RefreshToken(refresh)  # type: ignore[arg-type]
        uuid.UUID(token[FAMILY_CLAIM])
    except (TokenError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise InvalidRefreshToken from error
    return token


@transaction.atomic
def change_admin(admin_id: int, changes: Mapping[str, Any]) -> Admin:
    """Change what an admin is and may do, of CHANGEABLE what is named and nothing else.

    Whoever is disabled is signed out everywhere, for good; so is who gets a role that asks for more than they signed in
    with, such as a second factor. Raises LastSysadmin.
    """
    with never_without_a_sysadmin(admin_id) as admin:
        was_active, former_role = admin.is_active, admin.role
        for name in CHANGEABLE:
            setattr(admin, name, changes.get(name, getattr(admin, name)))
    if (was_active and not admin.is_active) or (admin.role != former_role and holdup_of(admin)):
        admin.token_generation += 1
        end_everything_else(admin, but=None, at=timezone.now())
    admin.save(update_fields=[*CHANGEABLE, "token_generation"])
    return admin


@contextmanager
def never_without_a_sysadmin(admin_id: int) -> Iterator[Admin]:
    """The admin, locked, to be changed in memory; the caller saves afterwards. Raises LastSysadmin."""
    # Every sysadmin's row, in one order: two who demote each other at once must not both succeed.
    sysadmins = Admin.objects.select_for_update(no_key=True).filter(role=Role.SYSADMIN, is_active=True).order_by("pk")
    others = [sysadmin for sysadmin in sysadmins if sysadmin.pk != admin_id and can_administer(sysadmin)]
    admin = Admin.objects.select_for_update(no_key=True).get(pk=admin_id)
    could = can_administer(admin)
    yield admin
    if could and not others and not can_administer(admin):
        raise LastSysadmin


def can_administer(admin: Admin) -> bool:
    """Whether they can sign in as a sysadmin: without a password nobody can."""
    return admin.is_superuser and admin.has_usable_password()


@transaction.atomic
def set_password_of(admin_id: int, password: str | None) -> Admin:
    """Set another admin's password, which they must change when they sign in; None leaves them without one.

    It ends their sessions and tokens. Raises LastSysadmin.
    """
    with never_without_a_sysadmin(admin_id) as admin:
        admin.set_password(password)
    admin.must_change_password = True
    admin.save(update_fields=["password", "must_change_password"])
    end_everything_else(admin, but=None, at=timezone.now())
    return admin


@transaction.atomic
def change_own_password(admin: Admin, password: str) -> None:
    """The password that the admin chose. It ends their sessions and tokens."""
    admin.set_password(password)
    admin.must_change_password = False
    admin.save(update_fields=["password", "must_change_password"])
    end_everything_else(admin, but=None, at=timezone.now())


def password_is_right(admin: Admin, password: str, *, address: str | None) -> bool:
    """Ask somebody who is signed in once more; guessing is counted as at the sign-in. Raises TooManyLoginAttempts."""
    guard = LoginGuard(admin.username, address)
    guard.refuse_if_exhausted()
    if not admin.check_password(password):
        guard.count_failure()
        return False
    guard.refuse_if_exhausted()
    return True

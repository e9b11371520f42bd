"""Changes of state around admins and their tokens. Each is one function."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings
from django.db import transaction
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import RefreshToken
from rest_framework_simplejwt.utils import get_md5_hash_password

from accounts.errors import InvalidRefreshToken, LastSysadmin
from accounts.models import Admin, TokenFamily
from accounts.roles import Role
from accounts.tokens import FAMILY_CLAIM, access_token, refresh_token


@dataclass(frozen=True)
class TokenPair:
    access: str = field(repr=False)
    refresh: str = field(repr=False)


def start_token_family(admin: Admin, *, at: datetime) -> TokenPair:
    """The tokens of a new login."""
    family_id = uuid.uuid4()
    token = refresh_token(admin, family_id)
    TokenFamily.objects.create(
        id=family_id,
        admin=admin,
        newest_token_id=token["jti"],
        created_at=at,
        expires_at=at + settings.REFRESH_TOKEN_LIFETIME,
    )
    return TokenPair(access_token(admin), str(token))


def renew_tokens(refresh: str, *, at: datetime) -> TokenPair:
    """Trade a refresh token for a new pair; the given one is dead from then on.

    A token that was traded before is in two hands: its whole family ends, so that it is useless to both.
    Raises InvalidRefreshToken.
    """
    token = readable_refresh_token(refresh)
    family = TokenFamily.objects.select_related("admin").filter(pk=token[FAMILY_CLAIM]).first()
    if family is None or str(family.admin_id) != token.get("user_id"):
        raise InvalidRefreshToken
    admin = family.admin
    if not admin.is_active or token.get("pwd") != get_md5_hash_password(admin.password):
        end_token_family(family.pk, reason="revoked", at=at)
        raise InvalidRefreshToken
    successor = refresh_token(admin, family.pk)
    # One conditional statement: of two uses of the same token at the same moment, one wins.
    traded = TokenFamily.objects.filter(pk=family.pk, ended_at=None, newest_token_id=token["jti"]).update(
        newest_token_id=successor["jti"], expires_at=at + settings.REFRESH_TOKEN_LIFETIME
    )
    if not traded:
        end_token_family(family.pk, reason="reused", at=at)
        raise InvalidRefreshToken
    return TokenPair(access_token(admin), str(successor))


def sign_out(refresh: str, *, at: datetime) -> None:
    """End the family of a refresh token. Signing out twice is no error. Raises InvalidRefreshToken."""
    token = readable_refresh_token(refresh)
    end_token_family(uuid.UUID(token[FAMILY_CLAIM]), reason="signed out", at=at)


def end_token_family(family_id: uuid.UUID, *, reason: str, at: datetime) -> None:
    TokenFamily.objects.filter(pk=family_id, ended_at=None).update(ended_at=at, end_reason=reason)


def readable_refresh_token(refresh: str) -> RefreshToken:
    """The token if we signed it, it has not expired and it belongs to a family. Raises InvalidRefreshToken."""
    try:
        token = RefreshToken(refresh)  # type: ignore[arg-type]
        uuid.UUID(token[FAMILY_CLAIM])
    except (TokenError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise InvalidRefreshToken from error
    return token


@transaction.atomic
def change_admin(admin: Admin, *, role: str, is_active: bool, email: str) -> Admin:
    """Change what an admin is and may do. Raises LastSysadmin."""
    others = Admin.objects.select_for_update().filter(role=Role.SYSADMIN, is_active=True).order_by("pk")
    stays_sysadmin = role == Role.SYSADMIN and is_active
    if not stays_sysadmin and not any(other.pk != admin.pk for other in others):
        raise LastSysadmin
    admin.role, admin.is_active, admin.email = role, is_active, email
    admin.save(update_fields=["role", "is_active", "email"])
    return admin


def prune_token_families(*, expired_before: datetime) -> int:
    """Delete families whose tokens have all expired; the number of them."""
    deleted, _ = TokenFamily.objects.filter(expires_at__lt=expired_before).delete()
    return deleted

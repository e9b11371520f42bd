"""Signing in and out: the tokens of the API and the browser sessions of the panel."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings
from django.db import transaction
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import RefreshToken, Token
from rest_framework_simplejwt.utils import get_md5_hash_password

from accounts.client_info import UNKNOWN_CLIENT, ClientInfo
from accounts.errors import InvalidRefreshToken
from accounts.events import AdminAction, record_admin_event
from accounts.models import Admin, PanelSession, PersonalToken, TokenFamily
from accounts.required_steps import required_step
from accounts.tokens import FAMILY_CLAIM, GENERATION_CLAIM, access_token, refresh_token
from audit.actors import Actor
from audit.services import Changes

ENDED_BY_OWNER, ENDED_BY_ADMIN = "ended by owner", "ended by admin"
# What ends all sign-ins, personal access tokens and links for a password in a restored database, for each table that is there:
# SQL, because the schema may be that of an older release. It records no event: it is part of a change that does.
END_ALL_SIGN_INS = {
    "accounts_panelsession": "DELETE FROM accounts_panelsession",
    "accounts_passwordlink": "DELETE FROM accounts_passwordlink",
    "accounts_tokenfamily": (
        "UPDATE accounts_tokenfamily SET ended_at = CURRENT_TIMESTAMP, end_reason = 'restored backup'"
        " WHERE ended_at IS NULL"
    ),
    "accounts_personaltoken": (
        "UPDATE accounts_personaltoken SET revoked_at = CURRENT_TIMESTAMP WHERE revoked_at IS NULL"
    ),
}


@dataclass(frozen=True)
class TokenPair:
    access: str = field(repr=False)
    refresh: str = field(repr=False)


def start_token_family(admin: Admin, *, at: datetime, client: ClientInfo = UNKNOWN_CLIENT) -> TokenPair:
    """The tokens of a new login."""
    family_id = uuid.uuid4()
    token = refresh_token(admin, family_id)
    TokenFamily.objects.create(
        id=family_id,
        admin=admin,
        newest_token_id=token["jti"],
        created_at=at,
        expires_at=at + min(settings.REFRESH_TOKEN_LIFETIME, settings.TOKEN_FAMILY_LIFETIME),
        last_used_at=at,
        address=client.address,
        user_agent=client.user_agent,
    )
    return TokenPair(access_token(admin, family_id), str(token))


def renew_tokens(refresh: str, *, at: datetime, client: ClientInfo = UNKNOWN_CLIENT) -> TokenPair:
    """Exchange a refresh token for a new pair; the old one no longer works. Raises InvalidRefreshToken.

    If a token is used a second time, somebody else may have it, so its whole family ends, access tokens included.
    A family ends TOKEN_FAMILY_LIFETIME after its login.
    """
    token = parse_refresh_token(refresh)
    family = find_family(token)
    if family is None or family.is_too_old(at=at):
        raise InvalidRefreshToken
    admin = family.admin
    if not admin.is_active or not is_current(token, admin) or required_step(admin, at=at):
        end_token_family(family.pk, reason="revoked", at=at)
        raise InvalidRefreshToken
    successor = refresh_token(admin, family.pk)
    # One conditional statement: of two uses of the same token at the same moment, one succeeds.
    exchanged = TokenFamily.objects.filter(pk=family.pk, ended_at=None, newest_token_id=token["jti"]).update(
        newest_token_id=successor["jti"],
        expires_at=min(at + settings.REFRESH_TOKEN_LIFETIME, family.ends_at),
        last_used_at=at,
        address=client.address,
        user_agent=client.user_agent,
    )
    if not exchanged:
        end_token_family(family.pk, reason="reused", at=at)
        raise InvalidRefreshToken
    return TokenPair(access_token(admin, family.pk), str(successor))


def admin_of_access_token(token: Token, *, at: datetime) -> Admin | None:
    """The admin if the token and its sign-in are still valid. One query finds the family and the admin."""
    family = find_family(token)
    if family is None or family.ended_at is not None or family.is_too_old(at=at):
        return None
    admin = family.admin
    return admin if admin.is_active and is_current(token, admin) else None


def find_family(token: Token) -> TokenFamily | None:
    """The family that a signed token names, with its admin."""
    try:
        family_id = uuid.UUID(token.get(FAMILY_CLAIM))
    except (ValueError, TypeError, AttributeError):
        return None
    family = TokenFamily.objects.select_related("admin").filter(pk=family_id).first()
    return family if family and str(family.admin_id) == token.get("user_id") else None


def is_current(token: Token, admin: Admin) -> bool:
    """Whether the admin was neither disabled nor given another password since the token was signed."""
    same_password = token.get("pwd") == get_md5_hash_password(admin.password)
    return bool(same_password and token.get(GENERATION_CLAIM) == admin.token_generation)


def parse_refresh_token(refresh: str) -> RefreshToken:
    """The token if we signed it, it has not expired and it belongs to a family. Raises InvalidRefreshToken."""
    try:
        token = RefreshToken(refresh)  # type: ignore[arg-type]
        uuid.UUID(token[FAMILY_CLAIM])
    except (TokenError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise InvalidRefreshToken from error
    return token


def sign_out(refresh: str, *, at: datetime) -> None:
    """End the family of a refresh token. Signing out twice is no error. Raises InvalidRefreshToken."""
    token = parse_refresh_token(refresh)
    end_token_family(uuid.UUID(token[FAMILY_CLAIM]), reason="signed out", at=at)


def end_token_family(family_id: uuid.UUID, *, reason: str, at: datetime) -> None:
    TokenFamily.objects.filter(pk=family_id, ended_at=None).update(ended_at=at, end_reason=reason)


@transaction.atomic
def end_browser_session(admin: Admin, digest: str, *, by: Actor, at: datetime) -> bool:
    """Sign one browser out at its next request; False if the admin has no such session."""
    session = PanelSession.objects.select_for_update().filter(admin=admin, pk=digest).first()
    if session is None:
        return False
    session.delete()
    changes: Changes = {"browser": (session.client_words(), None)}
    record_admin_event(AdminAction.BROWSER_SIGNED_OUT, admin, by=by, at=at, changes=changes)
    return True


@transaction.atomic
def end_api_sign_in(admin: Admin, family_id: uuid.UUID, *, by: Actor, at: datetime) -> bool:
    """End one login; False if there is none that is live."""
    family = TokenFamily.objects.select_for_update().filter(pk=family_id, admin=admin, ended_at=None).first()
    if family is None:
        return False
    is_own = by.admin is not None and by.admin.pk == admin.pk
    end_token_family(family.pk, reason=ENDED_BY_OWNER if is_own else ENDED_BY_ADMIN, at=at)
    changes: Changes = {"program": (family.client_words(), None)}
    record_admin_event(AdminAction.API_SIGN_IN_ENDED, admin, by=by, at=at, changes=changes)
    return True


@transaction.atomic
def end_other_sign_ins(admin: Admin, *, keep_session: str, by: Actor, at: datetime) -> None:
    """Sign an admin out everywhere but in the browser session of that digest."""
    browsers, api_sign_ins = end_all_sign_ins(admin, keep_session=keep_session, at=at)
    if browsers or api_sign_ins:
        changes: Changes = {"browsers": (browsers, 0), "api_sign_ins": (api_sign_ins, 0)}
        record_admin_event(AdminAction.SIGNED_OUT_ELSEWHERE, admin, by=by, at=at, changes=changes)


def end_all_sign_ins(admin: Admin, *, at: datetime, keep_session: str | None = None) -> tuple[int, int]:
    """End an admin's browser sessions, except the one of that digest, and API sign-ins; how many of each.

    It records no event: it is part of a change that does.
    """
    browsers, _ = PanelSession.objects.filter(admin=admin).exclude(pk=keep_session).delete()
    families = TokenFamily.objects.filter(admin=admin, ended_at=None)
    return browsers, families.update(ended_at=at, end_reason=ENDED_BY_OWNER)


def revoke_all_personal_tokens(admin: Admin, *, at: datetime) -> Changes:
    """Revoke an admin's personal access tokens, because another person may hold the account from now on.

    What an event says of it; the event is that of the change that it belongs to.
    """
    number = PersonalToken.objects.live(at=at).filter(admin=admin).update(revoked_at=at)
    return {"personal_tokens": (number, 0)} if number else {}

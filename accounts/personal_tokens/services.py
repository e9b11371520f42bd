"""Making and revoking personal access tokens."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.errors import AdminNotFound, PersonalTokenNotFound, PersonRequired, TooManyPersonalTokens
from accounts.events import AdminAction, record_admin_event
from accounts.models import Admin, PersonalToken
from accounts.personal_tokens.keys import generate_token, token_digest
from accounts.services import lock_admin
from audit.actors import Actor
from audit.services import Changes
from common.errors import InvalidInput
from common.instants import format_instant
from common.keys import key_hint
from common.values import clean_text

MAX_NAME_LENGTH = 100
# Of one admin; those that have expired or were revoked do not count.
MAX_LIVE = 50
# With those that have expired, which are listed until they are revoked or pruned.
MAX_LISTED = 200


@dataclass(frozen=True)
class NewPersonalToken:
    """`secret` can be shown only now: the table holds its digest."""

    token: PersonalToken
    secret: str = field(repr=False)


@transaction.atomic
def create_personal_token(
    owner_id: int,
    *,
    name: str,
    permissions: Collection[str],
    by: Actor,
    at: datetime,
    expires_at: datetime | None = None,
) -> NewPersonalToken:
    """A token with a part of its owner's permissions; without `expires_at` it works until it is revoked.

    Two tokens may have one name: the new one and the one that it replaces. Events distinguish them by their hints.
    Raises InvalidInput, TooManyPersonalTokens, AdminNotFound, SignInEnded, and PersonRequired for a caller with a token.
    """
    refuse_scripts(by)
    # Locked, so that the count is exact, and so that an account that is being disabled or reset gets no token any more.
    owner = lock_admin(owner_id, by=by)
    if not owner.is_active:
        raise AdminNotFound
    secret = generate_token()
    token = PersonalToken(
        admin=owner,
        name=checked_name(name),
        digest=token_digest(secret),
        hint=key_hint(secret),
        permissions=checked_permissions(permissions, owner),
        created_at=at,
        expires_at=checked_end(expires_at, at=at),
    )
    refuse_too_many(owner, at=at)
    token.save(force_insert=True)
    changes: Changes = {
        "personal_token": (None, token.label),
        "permissions": (None, token.permissions),
        "expires_at": (None, format_instant(token.expires_at) if token.expires_at else None),
    }
    record_admin_event(AdminAction.TOKEN_CREATED, owner, by=by, at=at, changes=changes)
    return NewPersonalToken(token, secret)


@transaction.atomic
def revoke_personal_token(token_id: uuid.UUID, *, owner_id: int, by: Actor, at: datetime) -> PersonalToken:
    """From its next request on the token is refused. Raises PersonalTokenNotFound, also if it is revoked already.

    Raises PersonRequired for a caller with a token.
    """
    refuse_scripts(by)
    tokens = PersonalToken.objects.select_for_update().filter(pk=token_id, admin=owner_id, revoked_at=None)
    token = tokens.first()
    if token is None:
        raise PersonalTokenNotFound
    token.revoked_at = at
    token.save(update_fields=["revoked_at"])
    changes: Changes = {"personal_token": (token.label, None)}
    record_admin_event(AdminAction.TOKEN_REVOKED, Admin.objects.get(pk=owner_id), by=by, at=at, changes=changes)
    return token


def refuse_scripts(by: Actor) -> None:
    """Whatever a view forgets: a stolen token makes no other one."""
    if by.token_name is not None:
        raise PersonRequired


def refuse_too_many(owner: Admin, *, at: datetime) -> None:
    """The owner must be locked. Raises TooManyPersonalTokens if there is no place for another token."""
    listed = PersonalToken.objects.filter(admin=owner, revoked_at=None)
    if listed.live(at=at).count() >= MAX_LIVE or listed.count() >= MAX_LISTED:
        raise TooManyPersonalTokens


def checked_name(name: str) -> str:
    try:
        return clean_text(name, max_length=MAX_NAME_LENGTH)
    except ValidationError as error:
        raise InvalidInput(" ".join(error.messages), field="name") from error


def checked_permissions(permissions: Collection[str], owner: Admin) -> list[str]:
    """Sorted, each once. Raises InvalidInput for none, and for one that the owner does not have."""
    if not permissions:
        raise InvalidInput("Name at least one permission.", field="permissions")
    if lacking := sorted(set(permissions) - owner.permissions):
        raise InvalidInput(f"You do not have these permissions: {', '.join(lacking)}.", field="permissions")
    return sorted(set(permissions))


def checked_end(expires_at: datetime | None, *, at: datetime) -> datetime | None:
    if expires_at is not None and expires_at <= at:
        raise InvalidInput("Must be in the future.", field="expires_at")
    return expires_at

"""Links to the page of a site: make one, revoke one."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from audit.actors import Actor
from audit.services import record_event
from common.instants import format_instant
from common.values import clean_integer, clean_text
from documents.models import ShareLink
from documents.shares.errors import ShareLinkExists, ShareLinkInvalid, ShareLinkNotFound, TooManyShareLinks
from documents.shares.events import ShareAction
from documents.shares.limits import DEFAULT_DAYS, MAX_DAYS, MAX_NOTE_LENGTH, MAX_OPEN_LINKS
from documents.shares.tokens import generate_token, token_digest
from sites.events import site_subject
from sites.services import site_for_update

RULES: Mapping[str, Callable[[Any], Any]] = {
    "expires_in_days": partial(clean_integer, minimum=1, maximum=MAX_DAYS),
    "note": partial(clean_text, max_length=MAX_NOTE_LENGTH, blank=True),
}


@dataclass(frozen=True)
class NewShareLink:
    """A new link, whose token cannot be read anywhere else or later."""

    token: str = field(repr=False)
    row: ShareLink


@transaction.atomic
def create_share_link(
    site_id: uuid.UUID,
    *,
    by: Actor,
    at: datetime,
    expires_in_days: int = DEFAULT_DAYS,
    note: str = "",
    link_id: uuid.UUID | None = None,
    token: str | None = None,
) -> NewShareLink:
    """Let everybody who has the link read a site's state. With a `link_id`, a form that is sent twice makes one link.

    A caller that has sent the link already passes its token.
    Raises ShareLinkInvalid, SiteNotFound, ShareLinkExists, TooManyShareLinks.
    """
    expires_in_days, note = checked("expires_in_days", expires_in_days), checked("note", note)
    site = site_for_update(site_id)  # of two at once, the second counts the first
    if link_id is not None and ShareLink.objects.filter(pk=link_id).exists():
        raise ShareLinkExists
    # The control plane makes four at most for one end of a licence, in mails that are sent already.
    if by.admin is not None and ShareLink.objects.usable(at=at).filter(site=site).count() >= MAX_OPEN_LINKS:
        raise TooManyShareLinks
    token = token or generate_token()
    row = ShareLink.objects.create(
        id=link_id or uuid.uuid4(),
        site=site,
        digest=token_digest(token),
        note=note,
        created_at=at,
        created_by_id=by.admin.pk if by.admin else None,
        expires_at=at + timedelta(days=expires_in_days),
    )
    changes = {name: (None, value) for name, value in facts_of(row).items()}
    record_event(ShareAction.CREATED, subject=site_subject(site.pk, site.name), by=by, at=at, changes=changes)
    return NewShareLink(token, row)


@transaction.atomic
def revoke_share_link(site_id: uuid.UUID, link_id: uuid.UUID, *, by: Actor, at: datetime) -> ShareLink:
    """From now on the link leads nowhere. One that has expired or was revoked stays as it is.

    Raises SiteNotFound, ShareLinkNotFound.
    """
    site = site_for_update(site_id)
    row: ShareLink | None = ShareLink.objects.filter(pk=link_id, site=site).first()
    if row is None:
        raise ShareLinkNotFound
    if not ShareLink.objects.usable(at=at).filter(pk=link_id).update(revoked_at=at):
        return row
    row.revoked_at = at
    changes = {name: (value, None) for name, value in facts_of(row).items()}
    record_event(ShareAction.REVOKED, subject=site_subject(site.pk, site.name), by=by, at=at, changes=changes)
    return row


def facts_of(row: ShareLink) -> dict[str, str]:
    """By which an event names a link. Not the token, of which nothing is known later."""
    return {"expires_at": format_instant(row.expires_at), **({"note": row.note} if row.note else {})}


def checked(name: str, value: Any) -> Any:
    try:
        return RULES[name](value)
    except ValidationError as error:
        raise ShareLinkInvalid(" ".join(error.messages), field=name) from error

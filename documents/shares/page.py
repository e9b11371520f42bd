"""What the page behind a link says of a site."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Q

from documents.models import ShareLink
from documents.shares.errors import ShareLinkNotFound
from documents.shares.tokens import could_be_token, token_digest
from sites.models import Site

# So often at most is written when a link was opened last.
OPENED_WRITTEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class SharedSite:
    """All that a visitor may learn. `licensed` is that of a heartbeat's reply."""

    name: str
    licensed: bool
    license_expires_at: datetime
    is_active: bool
    is_locked: bool
    lock_reason: str | None
    last_seen_at: datetime | None
    timezone: str


def open_share_page(token: str, *, at: datetime, is_visit: bool = True) -> SharedSite:
    """Reads the site in one query, and writes at most once a minute when the link was opened. Raises ShareLinkNotFound."""
    row = find_site(token, at=at) if could_be_token(token) else None
    if row is None:
        raise ShareLinkNotFound
    if is_visit:
        note_visit(row.link_id, last_opened_at=row.last_opened_at, at=at)
    return SharedSite(
        name=row.name,
        licensed=row.licensed,
        license_expires_at=row.license_expires_at,
        is_active=row.is_active,
        is_locked=row.is_locked,
        lock_reason=row.lock_reason,
        last_seen_at=row.pulse.last_seen_at,
        timezone=row.timezone,
    )


def find_site(token: str, *, at: datetime) -> Any:
    """The site of a usable link, with `link_id` and `last_opened_at`; None without one."""
    usable = Q(share_links__digest=token_digest(token), share_links__revoked_at=None, share_links__expires_at__gt=at)
    sites = Site.objects.live().with_licensed(at=at).select_related("pulse").filter(usable)
    return sites.annotate(link_id=F("share_links__id"), last_opened_at=F("share_links__last_opened_at")).first()


def note_visit(link_id: uuid.UUID, *, last_opened_at: datetime | None, at: datetime) -> None:
    since = at - OPENED_WRITTEN_EVERY
    if last_opened_at is not None and last_opened_at > since:
        return
    # Of several visits at once, one writes.
    never_or_before = Q(last_opened_at=None) | Q(last_opened_at__lte=since)
    ShareLink.objects.filter(never_or_before, pk=link_id).update(last_opened_at=at)

"""What all changes of a site share: lock its row, compare it, write the changed columns, record the event."""

import uuid
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import connection

from audit.actors import Actor
from audit.services import Changes, record_event
from common.instants import format_instant
from sites.errors import SiteChanged, SiteNotFound
from sites.events import SiteAction, site_subject
from sites.models import Site

CHANNEL = "portcullis_site_changed"
# What the caller read, {field: value}. The change is refused if a value differs now, unless there is nothing to change.
Expected = Mapping[str, Any]
# How many changes of one site a restore of an old backup may undo. The column is too small for many more of such jumps.
MAX_LOST_REVISIONS = 10_000


def site_for_update(site_id: uuid.UUID, *, expected_revisions: Collection[int] | None = None) -> Site:
    return row_for_update(Site.objects.live(), site_id, expected_revisions=expected_revisions)


def row_for_update(sites: Any, site_id: uuid.UUID, *, expected_revisions: Collection[int] | None = None) -> Site:
    # no_key is the lock that an UPDATE takes; inserts of rows that refer to the site do not wait for it.
    site: Site | None = sites.select_for_update(no_key=True).filter(pk=site_id).first()
    if site is None:
        raise SiteNotFound
    if expected_revisions is not None and site.revision not in expected_revisions:
        raise SiteChanged
    return site


def refuse_if_changed(site: Site, expected: Expected | None) -> None:
    """Raise SiteChanged if a value differs from `expected`: the person decided on the values that the page showed."""
    found = {name: (then, getattr(site, name)) for name, then in (expected or {}).items()}
    if differences := {name: pair for name, pair in found.items() if pair[0] != pair[1]}:
        raise SiteChanged(differences=differences)


def save_fields(site: Site, fields: Iterable[str], *, at: datetime) -> None:
    """Write the named columns and raise the revision. No other column is written.

    If the agent holds a newer decision, the revision goes above that, and the present state holds from then on: an agent
    refuses a lease of a lower revision than it holds.
    """
    changed = [*fields, "updated_at", "revision"]
    newer = newer_revision(site)
    if newer is not None:
        site.overruled_revision = newer
        changed.append("overruled_revision")
    site.updated_at = at
    site.revision = max(site.revision, newer or 0) + 1
    site.save(update_fields=changed)
    announce(site)


def announce(site: Site) -> None:
    """On PostgreSQL, tell the doorbells at the commit that the site has a new revision; see the app `doorbell`."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, f"{site.pk}:{site.revision}"])


def newer_revision(site: Site) -> int | None:
    """The revision of the decision that the site's agent holds and this database does not know; null without one.

    What the agent says is believed within bounds, so that one that says anything cannot exhaust the numbers.
    """
    held = site.pulse.held_revision
    is_believed = site.holds_newer_decision and held is not None and held <= highest_believed_revision(site)
    return held if is_believed else None


def highest_believed_revision(site: Site) -> int:
    return site.revision + MAX_LOST_REVISIONS


def record(
    action: SiteAction,
    site: Site,
    *,
    by: Actor,
    at: datetime,
    reason: str | None = None,
    changes: Changes | None = None,
) -> None:
    site.just_changed = changes or {}
    record_event(action, subject=site_subject(site.pk, site.name), by=by, at=at, reason=reason, changes=changes)


def printable(value: Any) -> Any:
    """A field's value as it is stored in the JSON of an event."""
    return format_instant(value) if isinstance(value, datetime) else value

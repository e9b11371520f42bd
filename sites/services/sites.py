"""The life of a site, from its registration to its end."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from audit.actors import Actor
from audit.services import Changes
from common.instants import format_instant
from sites.errors import (
    InvalidExtension,
    SiteAlreadyRegistered,
    SiteErased,
    SiteNotDeregistered,
)
from sites.events import SiteAction
from sites.limits import DEFAULT_LICENSE_DAYS
from sites.models import Site, SitePulse
from sites.querysets import folded
from sites.services.keys import add_key
from sites.services.organizations import organization_slugs
from sites.services.rows import (
    Expected,
    newer_revision,
    printable,
    record,
    refuse_if_changed,
    row_for_update,
    save_fields,
    site_for_update,
)
from sites.validation import checked, checked_note, checked_value

DEFAULT_LICENSE = timedelta(days=DEFAULT_LICENSE_DAYS)
EDITABLE = (
    "name",
    "owner_name",
    "contact_email",
    "contact_phone",
    "timezone",
    "license_expires_at",
    "is_active",
    "organization_id",
)


@dataclass(frozen=True)
class Registration:
    """A new site and its key, which cannot be read anywhere else or later."""

    site: Site
    secret_key: str = field(repr=False)


@transaction.atomic
def register_site(
    *,
    name: str,
    owner_name: str,
    contact_email: str,
    by: Actor,
    at: datetime,
    license_expires_at: datetime | None = None,
    contact_phone: str = "",
    timezone: str = "UTC",
    organization_id: uuid.UUID | None = None,
    site_id: uuid.UUID | None = None,
    reason: str | None = None,
) -> Registration:
    """Register a restaurant and make its first key. By default the licence ends in a year.

    A caller that may send the same form twice passes the `site_id`. Raises InvalidInput, SiteAlreadyRegistered.
    """
    values = {
        "name": name,
        "owner_name": owner_name,
        "contact_email": contact_email,
        "contact_phone": contact_phone,
        "timezone": timezone,
        "license_expires_at": license_expires_at or at + DEFAULT_LICENSE,
        "organization_id": organization_id,
    }
    reason = checked_note(reason, field="reason")
    site = Site(site_id=site_id or uuid.uuid4(), **checked(values), created_at=at, updated_at=at)
    new = {field: (None, value) for field in EDITABLE if (value := getattr(site, field)) not in ("", None)}
    recorded = recordable(new)
    site.search_text = searchable(site)
    try:
        with transaction.atomic():
            site.save(force_insert=True)
    except IntegrityError as error:
        if Site.objects.filter(pk=site.pk).exists():
            raise SiteAlreadyRegistered from error
        raise
    SitePulse.objects.create(site=site)
    secret_key = add_key(site, at=at).secret
    record(SiteAction.REGISTERED, site, by=by, at=at, reason=reason or None, changes=recorded)
    return Registration(site, secret_key)


@transaction.atomic
def update_site(
    site_id: uuid.UUID,
    changes: Mapping[str, Any],
    *,
    by: Actor,
    at: datetime,
    reason: str | None = None,
    expected_revisions: Collection[int] | None = None,
    expected: Expected | None = None,
) -> Site:
    """Change fields of EDITABLE; a value that is equal already is not a change.

    With `expected_revisions` the change is refused unless the site has one of these revisions.
    Raises InvalidInput, SiteNotFound, SiteChanged.
    """
    values = checked({field: changes[field] for field in EDITABLE if field in changes})
    reason = checked_note(reason, field="reason")
    site = site_for_update(site_id, expected_revisions=expected_revisions)
    changed = {field: value for field, value in values.items() if value != getattr(site, field)}
    if not changed:
        return site
    refuse_if_changed(site, expected)
    recorded = recordable({field: (getattr(site, field), value) for field, value in changed.items()})
    for name, value in changed.items():
        setattr(site, name, value)
    site.search_text = searchable(site)
    save_fields(site, [*changed, "search_text"], at=at)
    record(SiteAction.UPDATED, site, by=by, at=at, reason=reason or None, changes=recorded)
    return site


def set_license_expiry(site_id: uuid.UUID, *, license_expires_at: datetime, **how: Any) -> Site:
    """Let a licence end at exactly that moment, past or future. The other arguments are those of `update_site`."""
    return update_site(site_id, {"license_expires_at": license_expires_at}, **how)


def deactivate_site(site_id: uuid.UUID, **how: Any) -> Site:
    """End a site's licence regardless of its date. The other arguments are those of `update_site`."""
    return update_site(site_id, {"is_active": False}, **how)


def activate_site(site_id: uuid.UUID, **how: Any) -> Site:
    return update_site(site_id, {"is_active": True}, **how)


@transaction.atomic
def lock_site(
    site_id: uuid.UUID,
    *,
    reason: str,
    by: Actor,
    at: datetime,
    note: str | None = None,
    expected_revisions: Collection[int] | None = None,
) -> Site:
    """Lock a site: from its next heartbeat it is refused service, until it is unlocked.

    If it is locked for the same reason already, nothing changes; for another reason, the reason changes. The event has the
    lock's reason, or the `note`. Raises InvalidInput, SiteNotFound; with `expected_revisions` also SiteChanged.
    """
    reason, note = checked_value("reason", reason), checked_note(note, field="note")
    site = site_for_update(site_id, expected_revisions=expected_revisions)
    if site.is_locked and site.lock_reason == reason:
        return site
    action = SiteAction.LOCK_REASON_CHANGED if site.is_locked else SiteAction.LOCKED
    recorded: dict[str, tuple[Any, Any]] = {"lock_reason": (site.lock_reason, reason)}
    if not site.is_locked:
        recorded |= {"is_locked": (False, True)}
        site.is_locked, site.locked_at = True, at
    site.lock_reason = reason
    save_fields(site, ["is_locked", "lock_reason", "locked_at"], at=at)
    record(action, site, by=by, at=at, reason=note or reason, changes=recorded)
    return site


@transaction.atomic
def unlock_site(
    site_id: uuid.UUID,
    *,
    by: Actor,
    at: datetime,
    note: str | None = None,
    expected: Expected | None = None,
    expected_revisions: Collection[int] | None = None,
) -> Site:
    """Unlock a site: from its next heartbeat it has service again. If it is not locked, nothing changes.

    Raises InvalidInput, SiteNotFound, SiteChanged.
    """
    note = checked_note(note, field="note")
    site = site_for_update(site_id, expected_revisions=expected_revisions)
    if not site.is_locked:
        return site
    refuse_if_changed(site, expected)
    recorded = {"is_locked": (True, False), "lock_reason": (site.lock_reason, None)}
    site.is_locked, site.lock_reason, site.locked_at = False, None, None
    save_fields(site, ["is_locked", "lock_reason", "locked_at"], at=at)
    record(SiteAction.UNLOCKED, site, by=by, at=at, reason=note or None, changes=recorded)
    return site


@transaction.atomic
def extend_license(
    site_id: uuid.UUID,
    *,
    by: Actor,
    at: datetime,
    days: int | None = None,
    until: datetime | None = None,
    note: str | None = None,
    expected: Expected | None = None,
) -> Site:
    """Extend a licence: by `days` from its current end, or from now if that has passed; or to `until`.

    Raises InvalidInput, SiteNotFound, SiteChanged, InvalidExtension.
    """
    given = {"days": days, "until": until}
    checked({field: value for field, value in given.items() if value is not None})
    note = checked_note(note, field="note")
    site = site_for_update(site_id)
    refuse_if_changed(site, expected)
    before = site.license_expires_at
    site.license_expires_at = extended_end(before, at=at, days=days, until=until)
    save_fields(site, ["license_expires_at"], at=at)
    recorded = {"license_expires_at": (printable(before), printable(site.license_expires_at))}
    record(SiteAction.EXTENDED, site, by=by, at=at, reason=note or None, changes=recorded)
    return site


def extended_end(current: datetime, *, at: datetime, days: int | None, until: datetime | None) -> datetime:
    """The end of a licence after an extension by `days` or to `until`. Raises InvalidExtension."""
    if (days is None) == (until is None):
        raise InvalidExtension("Give either days or until.")
    if until is not None:
        if until <= current:
            raise InvalidExtension(f"Must be later than the current end, {format_instant(current)}.", field="until")
        return until
    assert days is not None
    try:
        return max(at, current) + timedelta(days=days)
    except OverflowError as error:
        raise InvalidExtension("The licence would end after the year 9999.", field="days") from error


@transaction.atomic
def confirm_site(
    site_id: uuid.UUID, *, by: Actor, at: datetime, note: str | None = None, expected: Expected | None = None
) -> Site:
    """Let the site's present state hold for an agent that holds a newer decision, as after a restore of an old backup.

    The revision becomes higher than the one that the agent holds. If it holds none, nothing changes.
    Raises InvalidInput, SiteNotFound, SiteChanged.
    """
    note = checked_note(note, field="note")
    site = site_for_update(site_id)
    if newer_revision(site) is None:
        return site
    refuse_if_changed(site, expected)
    before = site.revision
    save_fields(site, [], at=at)
    record(SiteAction.CONFIRMED, site, by=by, at=at, reason=note or None, changes={"revision": (before, site.revision)})
    return site


@transaction.atomic
def deregister_site(
    site_id: uuid.UUID,
    *,
    by: Actor,
    at: datetime,
    reason: str | None = None,
    expected: Expected | None = None,
    expected_revisions: Collection[int] | None = None,
) -> Site:
    """Deregister a site: the API no longer knows it and its keys are refused. Its history is kept.

    Raises InvalidInput, SiteNotFound, SiteChanged.
    """
    reason = checked_note(reason, field="reason")
    site = site_for_update(site_id, expected_revisions=expected_revisions)
    refuse_if_changed(site, expected)
    site.deregistered_at = at
    save_fields(site, ["deregistered_at"], at=at)
    recorded = {"deregistered_at": (None, printable(at))}
    record(SiteAction.DEREGISTERED, site, by=by, at=at, reason=reason or None, changes=recorded)
    return site


@transaction.atomic
def restore_site(
    site_id: uuid.UUID,
    *,
    by: Actor,
    at: datetime,
    reason: str | None = None,
    expected: Expected | None = None,
    expected_revisions: Collection[int] | None = None,
) -> Site:
    """Restore a deregistered site as it was, with its keys.

    Raises InvalidInput, SiteNotFound, SiteNotDeregistered, SiteErased, SiteChanged.
    """
    reason = checked_note(reason, field="reason")
    site = row_for_update(Site.objects.all(), site_id, expected_revisions=expected_revisions)
    if site.deregistered_at is None:
        raise SiteNotDeregistered
    if site.erased_at is not None:
        raise SiteErased
    refuse_if_changed(site, expected)
    recorded = {"deregistered_at": (printable(site.deregistered_at), None)}
    site.deregistered_at = None
    save_fields(site, ["deregistered_at"], at=at)
    record(SiteAction.RESTORED, site, by=by, at=at, reason=reason or None, changes=recorded)
    return site


def recordable(changes: Changes) -> Changes:
    """As they are stored in an event, which names organizations by their slugs. Raises InvalidInput for an unknown one."""
    recorded = {field: (printable(before), printable(after)) for field, (before, after) in changes.items()}
    if "organization_id" in recorded:
        recorded["organization"] = organization_slugs(*recorded.pop("organization_id"))
    return recorded


def searchable(site: Site) -> str:
    # One line for each, so that a term does not match across two of them.
    texts = [site.name, site.owner_name, site.contact_email, str(site.pk)]
    # A number is found as it is written, and by its digits alone.
    return folded("\n".join([*texts, *filter(None, (site.contact_phone, digits_of(site.contact_phone)))]))


def digits_of(phone: str) -> str:
    return "".join(character for character in phone if character.isdigit())

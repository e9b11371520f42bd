"""The keys of a site: rotate them, retire the older ones."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction

from audit.actors import Actor, acting_system
from audit.services import record_event
from common.keys import current_pepper, generate_key, key_digest, key_hint, pepper_id
from sites.events import SiteAction, site_subject
from sites.limits import DEFAULT_OVERLAP_HOURS
from sites.models import Site, SiteKey
from sites.services.rows import (
    record,
    save_fields,
    site_for_update,
)
from sites.validation import checked_overlap

DEFAULT_OVERLAP = timedelta(hours=DEFAULT_OVERLAP_HOURS)


@dataclass(frozen=True)
class Rotation:
    """The new key, which cannot be read anywhere else or later, and when the previous one ends."""

    site: Site
    secret_key: str = field(repr=False)
    previous_key_expires_at: datetime


@transaction.atomic
def rotate_key(
    site_id: uuid.UUID,
    *,
    by: Actor,
    at: datetime,
    overlap: timedelta = DEFAULT_OVERLAP,
    expected_revisions: Collection[int] | None = None,
) -> Rotation:
    """Make a new key. The older ones work until `at + overlap`, or until the new one was used twice.

    A second rotation during an overlap never makes a key end later. It makes one end earlier only if its own overlap is
    shorter: with an overlap of zero every older key ends at once.
    Raises InvalidInput, SiteNotFound, SiteChanged.
    """
    checked_overlap(overlap)
    site = site_for_update(site_id, expected_revisions=expected_revisions)
    ends_at = at + overlap
    # Locked in the order of their ids, as in retire_older_keys, so that the two cannot deadlock.
    keys = list(SiteKey.objects.select_for_update().filter(site=site, revoked_at=None).order_by("id"))
    previous = keys[-1]
    ending = [key.pk for key in keys if key.expires_at is None or key.expires_at > ends_at]
    # Keys that end at once are also revoked: an end alone would lie ahead again if the clock is set back.
    SiteKey.objects.filter(pk__in=ending).update(expires_at=ends_at, revoked_at=None if overlap else at)
    new = add_key(site, at=at)
    save_fields(site, [], at=at)
    record(SiteAction.KEY_ROTATED, site, by=by, at=at, changes={"key_hint": (previous.hint, new.hint)})
    return Rotation(site, new.secret, ends_at)


@transaction.atomic
def retire_older_keys(newest: SiteKey, *, site_name: str, ip: str | None, at: datetime) -> None:
    """Revoke the keys older than `newest`, because the site has used `newest` twice, the second time from `ip`.

    The site's row and its revision do not change, because no admin changed the site.
    """
    # Older by id: a rotation at the same moment may already have given `newest` an end.
    older = SiteKey.objects.filter(site=newest.site_id, id__lt=newest.pk, revoked_at=None)
    hints = [key.hint for key in older.select_for_update().order_by("id").live(at=at)]
    if not hints:
        return
    older.update(revoked_at=at)
    record_event(
        SiteAction.KEY_RETIRED,
        subject=site_subject(newest.site_id, site_name),
        by=acting_system(ip),
        at=at,
        changes={"live_keys": (hints, [])},
    )


def move_to_current_pepper(key: SiteKey, *, secret: str) -> None:
    """Store the digest of a key under the current pepper.

    It records no event: the key and what it may do stay the same.
    """
    SiteKey.objects.filter(pk=key.pk).update(**digest_fields(secret))


@dataclass(frozen=True)
class NewKey:
    secret: str = field(repr=False)
    hint: str


def add_key(site: Site, *, at: datetime) -> NewKey:
    secret = generate_key()
    key = SiteKey.objects.create(site=site, **digest_fields(secret), hint=key_hint(secret), created_at=at)
    return NewKey(secret, key.hint)


def digest_fields(secret: str) -> dict[str, str]:
    return {"digest": key_digest(secret), "pepper": pepper_id(current_pepper())}

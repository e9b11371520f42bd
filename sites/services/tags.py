"""The tags of a site. They are for admins only: the site's revision, which its lease and its ETag carry, stays as it is."""

import uuid
from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from audit.actors import Actor
from sites.errors import TooManyTags
from sites.events import SiteAction
from sites.limits import MAX_TAGS
from sites.models import Site, SiteTag
from sites.services.rows import record, site_for_update
from sites.tags import checked_tags


@transaction.atomic
def add_tags(site_id: uuid.UUID, *, tags: Collection[str], by: Actor, at: datetime) -> Site:
    """Add those that the site does not have. Raises InvalidInput, SiteNotFound, TooManyTags."""
    names = checked_tags(tags)
    site = site_for_update(site_id)
    before = tags_of(site)
    new = [name for name in names if name not in before]
    if not new:
        return site
    if len(before) + len(new) > MAX_TAGS:
        raise TooManyTags
    SiteTag.objects.bulk_create(SiteTag(site=site, name=name) for name in new)
    return record_tags(site, before, by=by, at=at)


@transaction.atomic
def remove_tags(site_id: uuid.UUID, *, tags: Collection[str], by: Actor, at: datetime) -> Site:
    """Remove those that the site has. Raises InvalidInput, SiteNotFound."""
    names = checked_tags(tags)
    site = site_for_update(site_id)
    before = tags_of(site)
    deleted, _ = SiteTag.objects.filter(site=site, name__in=names).delete()
    return record_tags(site, before, by=by, at=at) if deleted else site


def tags_of(site: Site) -> list[str]:
    return sorted(SiteTag.objects.filter(site=site).values_list("name", flat=True))


def record_tags(site: Site, before: list[str], *, by: Actor, at: datetime) -> Site:
    record(SiteAction.TAGS_CHANGED, site, by=by, at=at, changes={"tags": (before, tags_of(site))})
    return site

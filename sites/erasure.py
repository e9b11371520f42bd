"""The part of an erasure for sites, their keys, notes, tags and pulses, and imports."""

from collections.abc import Callable, Collection
from datetime import datetime

from sites.models import Site, SiteImport, SiteKey, SiteNote, SitePulse, SiteTag
from sites.services import save_fields, searchable


def erase_site_values(site: Site, *, value: str, at: datetime) -> None:
    """Put `value` in place of what names the customer; delete keys, notes and tags. The caller has locked the row."""
    site.name = site.owner_name = site.contact_email = value
    site.contact_phone = ""
    site.lock_reason = value if site.is_locked else None
    site.search_text = searchable(site)
    site.erased_at = at
    erased = ["name", "owner_name", "contact_email", "contact_phone", "lock_reason", "search_text", "erased_at"]
    save_fields(site, erased, at=at)
    SiteKey.objects.filter(site=site).delete()
    SiteNote.objects.filter(site=site).delete()
    SiteTag.objects.filter(site=site).delete()
    SitePulse.objects.filter(site=site).update(
        last_seen_ip=None, newest_key_id=None, last_refused_at=None, last_refused_ip=None, refused_since=None
    )


def imports_of(mentions: Callable[[object], bool], *, reasons: Collection[str]) -> list[SiteImport]:
    """Files whose name or preview mentions the customer, and files that changed the site, by the reasons of its events.

    Those that were applied have no preview any more.
    """
    return [
        each
        for each in SiteImport.objects.all()
        if mentions(each.file_name)
        or mentions(each.rows)
        or any(reason.startswith(f"import {each.file_name}") for reason in reasons)
    ]

"""The state of the selected sites as badges: of each, and how many there are of each kind."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

from panel.widgets.badges import badge
from panel.widgets.times import in_zone

KINDS = ("online", "late", "offline", "never_seen", "locked", "expired", "inactive", "deregistered")
# Made once: a page may have four hundred sites.
BADGES = {kind: badge(kind) for kind in KINDS}


def state_badges(site: Any, at: datetime) -> SafeString:
    badges = SafeString(" ".join(BADGES[kind] for kind in badge_kinds(site, at)))
    if not site.is_locked:
        return badges
    return format_html('{} <span class="quiet">since {}: {}</span>', badges, in_zone(site.locked_at), site.lock_reason)


def badge_kinds(site: Any, at: datetime) -> list[str]:
    """A deregistered site counts as nothing else."""
    if site.deregistered_at is not None:
        return ["deregistered"]
    kinds = [str(site.status)]
    if site.is_locked:
        kinds.append("locked")
    if site.license_expires_at <= at:
        kinds.append("expired")
    if not site.is_active:
        kinds.append("inactive")
    return kinds


def count_badges(sites: Sequence[Any], at: datetime) -> list[SafeString]:
    """The kinds that matter most are shown even if no site is of them."""
    numbers = Counter(kind for site in sites for kind in badge_kinds(site, at))
    always = ("online", "locked", "expired") if any(site.deregistered_at is None for site in sites) else ()
    words = {"online": "online now", "never_seen": "never seen", "locked": "locked already"}
    return [
        badge(kind if numbers[kind] else "none", f"{numbers[kind]} {words.get(kind, kind)}", shape_of=kind)
        for kind in KINDS
        if kind in always or numbers[kind]
    ]

"""What will come of a site when an operation is confirmed, and what came of it: in words, for the one who decides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from common.instants import parse_instant
from panel.events.timeline import label_of
from panel.widgets.times import in_zone
from sites.models import Site

NAMED_AT_MOST = 10
WILL, UNCHANGED, REFUSED = "will", "unchanged", "refused"


@dataclass(frozen=True)
class Fate:
    """`kind` is WILL, UNCHANGED or REFUSED."""

    kind: str
    words: str


def is_live(site: Site) -> bool:
    return site.deregistered_at is None


def of_lock(site: Site, at: datetime) -> Fate:
    if site.is_locked:
        return Fate(WILL, "Locked already: your reason replaces the present one")
    return Fate(WILL, "Will be locked")


def of_unlock(site: Site, at: datetime) -> Fate:
    if not site.is_locked:
        return Fate(UNCHANGED, "Not locked: nothing to do")
    if not site.is_active or site.license_expires_at <= at:
        return Fate(WILL, "Will be unlocked, but has no licence, so that it stays without service")
    return Fate(WILL, "Will be unlocked")


def of_extend(site: Site, at: datetime) -> Fate:
    if site.license_expires_at <= at:
        return Fate(WILL, f"Ended {in_zone(site.license_expires_at)}: days count from now{unless_active(site)}")
    return Fate(WILL, f"Ends {in_zone(site.license_expires_at)}: days count from there{unless_active(site)}")


def of_set_expiry(site: Site, at: datetime) -> Fate:
    verb = "Ended" if site.license_expires_at <= at else "Ends"
    return Fate(WILL, f"{verb} {in_zone(site.license_expires_at)}{unless_active(site)}")


def unless_active(site: Site) -> str:
    return "" if site.is_active else ". Inactive: stays without a licence"


def of_deactivate(site: Site, at: datetime) -> Fate:
    return Fate(WILL, "Will be inactive") if site.is_active else Fate(UNCHANGED, "Inactive already: nothing to do")


def of_activate(site: Site, at: datetime) -> Fate:
    if site.is_active:
        return Fate(UNCHANGED, "Active already: nothing to do")
    if site.license_expires_at <= at:
        return Fate(WILL, f"Will be active, but its licence ended {in_zone(site.license_expires_at)}")
    return Fate(WILL, "Will be active")


def of_deregister(site: Site, at: datetime) -> Fate:
    return Fate(WILL, "Will be deregistered") if is_live(site) else Fate(UNCHANGED, "Deregistered already")


def of_restore(site: Site, at: datetime) -> Fate:
    return Fate(UNCHANGED, "Registered: nothing to do") if is_live(site) else Fate(WILL, "Will be restored")


def after_lock(site: Site) -> str:
    replaced = site.just_changed["lock_reason"][0]
    return f"Locked; your reason replaces “{replaced}”" if replaced else "Locked"


def after_expiry(site: Site) -> str:
    before, after = (in_zone(parse_instant(value)) for value in site.just_changed["license_expires_at"])
    return f"Licence ends {after}; before, {before}"


def what_changed(differences: Mapping[str, tuple[Any, Any]]) -> str:
    """For a refusal: each value as the page showed it, and as it is."""
    told = "; ".join(
        f"{label_of(name)}: {in_words(then)} on your page, {in_words(now)} now"
        for name, (then, now) in differences.items()
    )
    return f"Changed while you had the page open, so that nothing was done. {told}"


def named(names: Sequence[str]) -> str:
    """As in "Roma, Milano and 3 more"."""
    more = f" and {len(names) - NAMED_AT_MOST:,} more" if len(names) > NAMED_AT_MOST else ""
    return ", ".join(names[:NAMED_AT_MOST]) + more


def in_words(value: Any) -> str:
    if isinstance(value, datetime):
        return in_zone(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else f"“{value}”"

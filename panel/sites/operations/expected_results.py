"""What an operation will do to a site, in words: the preview on the page that confirms it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from panel.widgets.times import in_zone
from sites.models import Site
from sites.services import newer_revision


class ResultKind(StrEnum):
    """Of what is expected (WILL_CHANGE) and of what was done (DONE), in the order of the pages: exceptions first."""

    REFUSED = "refused"
    UNCHANGED = "unchanged"
    WILL_CHANGE = "will_change"
    DONE = "done"

    @property
    def position(self) -> int:
        return list(ResultKind).index(self)


@dataclass(frozen=True)
class ExpectedResult:
    kind: ResultKind
    words: str


def will_change(words: str) -> ExpectedResult:
    return ExpectedResult(ResultKind.WILL_CHANGE, words)


def unchanged(words: str) -> ExpectedResult:
    return ExpectedResult(ResultKind.UNCHANGED, words)


def refused(words: str) -> ExpectedResult:
    return ExpectedResult(ResultKind.REFUSED, words)


def is_registered(site: Site) -> bool:
    return site.deregistered_at is None


def expect_lock(site: Site, at: datetime) -> ExpectedResult:
    if site.is_locked:
        return will_change("Already locked: your reason replaces the current one")
    return will_change("Will be locked")


def expect_unlock(site: Site, at: datetime) -> ExpectedResult:
    if not site.is_locked:
        return unchanged("Not locked: nothing to do")
    if not site.is_active or site.license_expires_at <= at:
        return will_change("Will be unlocked, but stays without service: it has no licence")
    return will_change("Will be unlocked")


def expect_new_expiry(site: Site, at: datetime, new_end: str = "new date") -> ExpectedResult:
    """For extending a licence and for setting its end. `new_end` is known once the form has been sent."""
    expired = "Expired " if site.license_expires_at <= at else ""
    inactive = "" if site.is_active else ". Inactive: stays without a licence"
    return will_change(f"{expired}{in_zone(site.license_expires_at)} → {new_end}{inactive}")


def expect_deactivate(site: Site, at: datetime) -> ExpectedResult:
    return will_change("Will be inactive") if site.is_active else unchanged("Already inactive: nothing to do")


def expect_activate(site: Site, at: datetime) -> ExpectedResult:
    if site.is_active:
        return unchanged("Already active: nothing to do")
    if site.license_expires_at <= at:
        return will_change(f"Will be active, but its licence expired {in_zone(site.license_expires_at)}")
    return will_change("Will be active")


def expect_deregister(site: Site, at: datetime) -> ExpectedResult:
    if not is_registered(site):
        return unchanged("Already deregistered")
    lease_ends = site.pulse.lease_expires_at
    if lease_ends is None:
        return will_change("Will be deregistered; it has no lease")
    return will_change(
        f"Will be deregistered; its last lease {'ends' if lease_ends > at else 'ended'} {in_zone(lease_ends)}"
    )


def expect_restore(site: Site, at: datetime) -> ExpectedResult:
    if site.erased_at:
        return refused("Its personal data was erased")
    return unchanged("Not deregistered: nothing to do") if is_registered(site) else will_change("Will be restored")


def expect_confirm(site: Site, at: datetime) -> ExpectedResult:
    if newer_revision(site) is None:
        return unchanged("Knows no newer decision: nothing to do")
    locked = "locked" if site.is_locked else "not locked"
    licensed = "licensed" if site.is_active and site.license_expires_at > at else "without a licence"
    return will_change(f"Will hold as it is here: {locked}, {licensed}")


def expect_dismiss_clone(site: Site, at: datetime) -> ExpectedResult:
    if site.clone_suspected_at is None:
        return unchanged("No clone suspected: nothing to do")
    return will_change(f"Suspected {in_zone(site.clone_suspected_at)}: will be dismissed")


def expect_add_tags(site: Site, at: datetime) -> ExpectedResult:
    return will_change(f"Has {tag_list(site)}" if site.tags.all() else "Has no tags")


def expect_remove_tags(site: Site, at: datetime) -> ExpectedResult:
    return will_change(f"Has {tag_list(site)}") if site.tags.all() else unchanged("Has no tags: nothing to do")


def tag_list(site: Site) -> str:
    """Of a site whose tags are prefetched: a page may have four hundred sites."""
    return ", ".join(tag.name for tag in site.tags.all())

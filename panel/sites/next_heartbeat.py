"""When a restaurant is told of a change: with the answer to its next heartbeat."""

from collections.abc import Sequence
from datetime import datetime

from panel.widgets.times import in_zone_near
from sites.models import Site


def told_at(site: Site, *, at: datetime) -> str:
    """As in "at its next heartbeat, by 02:10 CET"."""
    due_at = site.pulse.due_at
    if due_at is None:
        return "at its first heartbeat"
    if due_at < at:
        return f"at its next heartbeat, which was due by {in_zone_near(due_at, now=at)}"
    return f"at its next heartbeat, by {in_zone_near(due_at, now=at)}"


def told_shortly(site: Site, *, at: datetime) -> str:
    """For a row of many sites."""
    due_at = site.pulse.due_at
    if due_at is None or due_at < at:
        return "told when it calls"
    return f"told by {in_zone_near(due_at, now=at)}"


def told_words(sites: Sequence[Site], *, stops: bool, at: datetime) -> str:
    """A sentence about the sites that an operation is about to change; `stops` tells whether it takes service away."""
    until_then = until_then_words(sites, at=at) if stops else "nothing changes there"
    if len(sites) == 1:
        return f"The restaurant is told {told_at(sites[0], at=at)}; until then {until_then}."
    due = [site.pulse.due_at for site in sites if site.pulse.due_at and site.pulse.due_at >= at]
    number = len(sites) - len(due)
    when = f"at their next heartbeats, the last one by {in_zone_near(max(due), now=at)}" if due else ""
    if not number:
        return f"The restaurants are told {when}; until then {until_then}."
    called = f"{len(due)} of the {len(sites)} restaurants are told {when}. " if due else ""
    who = f"The other {number}" if due else f"All {number}"
    others = f"{who} are overdue or have never called, and are told when they call."
    if number == 1:
        others = "The other one is overdue or has never called, and is told when it calls."
    return f"{called}{others} Until then {until_then}."


def until_then_words(sites: Sequence[Site], *, at: datetime) -> str:
    is_in_service = all(
        site.deregistered_at is None and not site.is_locked and site.is_active and site.license_expires_at > at
        for site in sites
    )
    if not is_in_service:
        return "nothing changes there"
    return "it goes on" if len(sites) == 1 else "they go on"

"""When a restaurant is told of a change: with the answer to its next heartbeat."""

from datetime import datetime

from panel.widgets.times import in_zone_near
from sites.models import Site


def told_at(site: Site, *, at: datetime) -> str:
    """As in "at its next heartbeat, by 02:10 CET"."""
    due_at = site.pulse.due_at
    if due_at is None:
        return "at its first heartbeat"
    if site.deregistered_at:  # its calls have been refused, so that the time when it was due says nothing
        return "at its next heartbeat"
    if due_at < at:
        return "at its next heartbeat, which is overdue"
    return f"at its next heartbeat, by {in_zone_near(due_at, now=at)}"


def is_silent(site: Site, *, at: datetime) -> bool:
    """Whether its heartbeat is overdue. Unless it has applied the newest decision, its state since then is not known."""
    due_at = site.pulse.due_at
    return due_at is not None and due_at < at


def is_serving_until_told(site: Site, *, at: datetime) -> bool:
    """Whether the last answer lets the restaurant work until its next heartbeat, and it is not overdue."""
    pulse = site.pulse
    is_allowed = pulse.reply_licensed and not pulse.reply_locked
    return bool(is_allowed and pulse.due_at and at <= pulse.due_at < site.license_expires_at)

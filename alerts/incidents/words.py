"""What incidents say, in plain text. Times are in UTC, because several people in several places read them."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from alerts.kinds import Kind
from sites.status import offline_before

INACTIVE = "Over: the site was deactivated."


def moment(instant: datetime) -> str:
    """As in "2026-11-29 19:02 UTC"."""
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def between(first: datetime, last: datetime) -> str:
    """As in "between 19:02 and 19:09 UTC"; with the days if they are not the same."""
    first, last = first.astimezone(UTC), last.astimezone(UTC)
    if first.date() != last.date():
        return f"between {moment(first)} and {moment(last)}"
    if f"{first:%H:%M}" == f"{last:%H:%M}":
        return f"at {first:%H:%M} UTC"
    return f"between {first:%H:%M} and {last:%H:%M} UTC"


def length(duration: timedelta) -> str:
    """As in "2 days", "6 hours" or "90 minutes", rounded down; "less than a minute"."""
    for unit, word in ((timedelta(days=1), "days"), (timedelta(hours=1), "hours"), (timedelta(minutes=1), "minutes")):
        if duration >= 2 * unit:
            return f"{duration // unit} {word}"
    return "1 minute" if duration >= timedelta(minutes=1) else "less than a minute"


def days_words(days: int) -> str:
    return "1 day" if days == 1 else f"{days} days"


def site_title(kind: Kind, site: Any, *, stage: int | None = None) -> str:
    name = site.name
    titles = {
        Kind.SITE_OFFLINE: f"{name} is offline",
        Kind.LOCK_NOT_TAKEN_UP: f"{name} has not taken up its lock",
        Kind.CALLS_WITHOUT_LICENSE: f"{name} still calls, though its licence has ended",
        Kind.LICENSE_ENDING: f"The licence of {name} ends within {days_words(stage or 0)}",
        Kind.LICENSE_ENDED: f"The licence of {name} has ended",
        Kind.CLONE_SUSPECTED: f"Two installations seem to use the key of {name}",
    }
    return titles[kind]


def site_detail(kind: Kind, site: Any) -> str:
    pulse = site.pulse
    if kind == Kind.SITE_OFFLINE:
        return (
            f"The last heartbeat came at {moment(pulse.last_seen_at)}, from {pulse.last_seen_ip or 'an unknown address'};"
            f" the next one was due at {moment(pulse.due_at)}."
        )
    if kind == Kind.LOCK_NOT_TAKEN_UP:
        locked = f"It was locked at {moment(site.locked_at)}."
        if pulse.reply_locked:
            return f"{locked} It was told at {moment(pulse.reply_locked_since)}, but has not applied that."
        return f"{locked} Its heartbeat was due at {moment(pulse.due_at)}, and it has not called since."
    if kind == Kind.CALLS_WITHOUT_LICENSE:
        return (
            f"The licence ended at {moment(site.license_expires_at)}."
            f" The last heartbeat came at {moment(pulse.last_seen_at)}."
        )
    if kind == Kind.LICENSE_ENDING:
        return f"It ends at {moment(site.license_expires_at)}."
    if kind == Kind.LICENSE_ENDED:
        return f"It ended at {moment(site.license_expires_at)}."
    assert kind == Kind.CLONE_SUSPECTED
    return f"Heartbeats of two installations have come in turns since {moment(pulse.clone_suspected_at)}."


def resolution(kind: Kind, site: Any, *, at: datetime) -> str:
    """Why an incident about a site is over, as a sentence for its detail."""
    pulse = site.pulse
    if site.deregistered_at:
        return "Over: the site was deregistered."
    if kind == Kind.LICENSE_ENDING:
        if site.license_expires_at <= at:
            return "Over: the licence has ended."
        return f"Over: the licence ends at {moment(site.license_expires_at)} now." if site.is_active else INACTIVE
    if kind in (Kind.LICENSE_ENDED, Kind.CALLS_WITHOUT_LICENSE) and site.license_expires_at > at:
        return f"Over: the licence ends at {moment(site.license_expires_at)} now."
    if kind == Kind.CLONE_SUSPECTED:
        return "Over: one installation alone has called since, or the suspicion was dismissed."
    if kind == Kind.LOCK_NOT_TAKEN_UP and not site.is_locked:
        return "Over: the site was unlocked."
    if kind == Kind.SITE_OFFLINE and pulse.due_at and pulse.due_at >= offline_before(at):
        return f"Over: a heartbeat came at {moment(pulse.last_seen_at)}."
    if site.is_locked and kind != Kind.LOCK_NOT_TAKEN_UP:
        return f"Over: the site was locked at {moment(site.locked_at)}."
    if not site.is_active:
        return INACTIVE
    if kind == Kind.SITE_OFFLINE:
        return "Over: the licence has ended."
    if kind == Kind.LOCK_NOT_TAKEN_UP:
        return "Over: the site has taken up its lock."
    return "Over: the site does not call any more."


class Shared(NamedTuple):
    """What sites have in common: a network, or an organization by its name, or neither."""

    network: str = ""
    organization: str = ""


def together_title(shared: Shared, count: int, first: datetime, last: datetime) -> str:
    """`first` and `last` are when the first and the last of them became silent."""
    common = f" behind {shared.network}" if shared.network else ""
    if shared.organization:
        common = f" of {shared.organization}"
    return f"{count} sites{common} went silent {between(first, last)}"


def together_detail(shared: Shared, names: list[str], count: int, *, back: int = 0) -> str:
    """`names` are some of the `count` sites that are silent now; `back` others have called again."""
    cause = "They are at least a fifth of those that should have called."
    if shared.network or shared.organization:
        cause = "They share a network." if shared.network else "They belong to one organization."
    more = f" and {count - len(names)} more" if count > len(names) else ""
    returned = f" {back} of them {'has' if back == 1 else 'have'} called again." if back else ""
    return f"{cause}{returned} Silent: {', '.join(names) or 'none'}{more}."

"""The state of a site in sentences, what matters most first. A part that has nothing to say is empty."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from audit.models import Event
from panel.widgets.badges import badge
from panel.widgets.times import duration, larger_unit, moment, moment_near
from sites.events import SITE, SiteAction
from sites.models import Site, SiteStatus
from sites.querysets import ENDING_SOON

NOTHING = SafeString("")


class KeyEvents(NamedTuple):
    """The newest events that tell who brought the site into its state; None where there is none, or none is needed."""

    locked: Event | None = None
    reason_changed: Event | None = None
    deregistered: Event | None = None


def key_events(site: Site) -> KeyEvents:
    def newest(action: SiteAction) -> Event | None:
        return Event.objects.of(SITE, site.pk).filter(action=action).newest_first().first()

    return KeyEvents(
        locked=newest(SiteAction.LOCKED) if site.is_locked else None,
        reason_changed=newest(SiteAction.LOCK_REASON_CHANGED) if site.is_locked else None,
        deregistered=newest(SiteAction.DEREGISTERED) if site.deregistered_at else None,
    )


def state_of(site: Any, events: KeyEvents, *, at: datetime) -> SafeString:
    """`site` with its status, `licensed` and key hint (see `SiteQuerySet.with_state`)."""
    is_worse_than_silence = not site.licensed
    parts = [
        deregistration(site, events.deregistered, at=at),
        lock(site, events, at=at),
        knowledge(site),
        licence(site, at=at) if is_worse_than_silence else NOTHING,
        contact(site, at=at),
        NOTHING if is_worse_than_silence else licence(site, at=at),
    ]
    worst, *others = filter(None, parts)
    return format_html("<strong>{}</strong>{}", worst, format_html_join("", " {}", ((part,) for part in others)))


def deregistration(site: Site, event: Event | None, *, at: datetime) -> SafeString:
    if site.deregistered_at is None:
        return NOTHING
    by = format_html(" {}", doer(event)) if event else NOTHING
    why = f": {with_stop(event.reason)}" if event and event.reason else "."
    since = moment_near(site.deregistered_at, now=at)
    return format_html("Deregistered since {}{}{} Its keys are refused.", since, by, why)


def lock(site: Site, events: KeyEvents, *, at: datetime) -> SafeString:
    if not site.is_locked or site.locked_at is None:
        return NOTHING
    locked, changed = events.locked, events.reason_changed
    by = format_html(" {}", doer(locked)) if locked else NOTHING
    since, reason = moment_near(site.locked_at, now=at), with_stop(site.lock_reason or "")
    if changed is None or (locked is not None and changed.sequence < locked.sequence):
        return format_html("Locked since {}{}: {}", since, by, reason)
    changed_at = moment_near(changed.at, now=at)
    return format_html(
        "Locked since {}{}, for another reason since {} {}: {}", since, by, changed_at, doer(changed), reason
    )


def doer(event: Event) -> str:
    """Who did it and through which door, to stand behind a verb."""
    if event.actor_name is None:
        return {Event.Source.COMMAND: "by a command", Event.Source.SYSTEM: "by the control plane itself"}.get(
            Event.Source(event.source), f"by nobody known ({event.source})"
        )
    return f"by {event.actor_name}" + (" over the API" if event.source == Event.Source.API else "")


def with_stop(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def knowledge(site: Any) -> SafeString:
    """What the site's server was told last, where it is no longer so. One that never called was told nothing.

    When the next heartbeat is due is said by `contact`.
    """
    if site.deregistered_at or site.pulse.last_seen_at is None:
        return NOTHING
    wrong = " and ".join(part for part in (told_of_lock(site), told_of_licence(site)) if part)
    if not wrong:
        return NOTHING
    return format_html("The site {}: it will learn at its next heartbeat.", wrong)


def told_of_lock(site: Site) -> str:
    told = bool(site.pulse.reply_locked)
    if site.is_locked == told:
        return ""
    return "still thinks that it is locked" if told else "has not been told of the lock yet"


def told_of_licence(site: Any) -> str:
    """Of an end that came as announced the site knew beforehand."""
    pulse = site.pulse
    if site.licensed:
        return "still thinks that it has no licence" if pulse.reply_licensed is False else ""
    came_as_announced = site.is_active and site.license_expires_at > pulse.last_seen_at
    return "still thinks that it has a licence" if pulse.reply_licensed and not came_as_announced else ""


def licence(site: Site, *, at: datetime) -> SafeString:
    ends = site.license_expires_at
    inactive = "" if site.is_active else "Inactive: it has no licence until somebody activates it. "
    if ends <= at:
        return format_html("{}Licence expired since {}.", inactive, moment_near(ends, now=at))
    if ends - at <= ENDING_SOON:
        return format_html("{}Licence ends in {}, at {}.", inactive, time_left(site, at=at), moment(ends))
    return format_html("{}Licence ends at {}.", inactive, moment(ends))


def time_left(site: Site, *, at: datetime) -> str:
    return larger_unit(duration(int((site.license_expires_at - at).total_seconds())))


def contact(site: Any, *, at: datetime) -> SafeString:
    pulse = site.pulse
    if pulse.last_seen_at is None:
        return never_heard(site, at=at)
    source = f" from {pulse.last_seen_ip}" if pulse.last_seen_ip else ""
    heard = format_html("heard {}{}", moment_near(pulse.last_seen_at, now=at), source)
    if site.deregistered_at:
        return format_html("Last {}.", heard)
    due = moment_near(pulse.due_at, now=at)
    if site.status == SiteStatus.ONLINE:
        return format_html("Last {}, expected by {}.", heard, due)
    if site.status == SiteStatus.LATE:
        return format_html("Late: last {}, was expected by {}.", heard, due)
    since = moment_near(pulse.due_at + settings.HEARTBEAT_GRACE, now=at)
    return format_html("Offline since {}: last {}, was expected by {}.", since, heard, due)


def never_heard(site: Any, *, at: datetime) -> SafeString:
    registered = moment_near(site.created_at, now=at)
    if site.deregistered_at:
        return format_html("Registered {}, never heard.", registered)
    html = "Registered {}, never heard: the key that ends in {} waits for its first heartbeat."
    return format_html(html, registered, site.key_hint)


def badges_of(site: Any, *, at: datetime) -> list[SafeString]:
    """The same as shapes and words, for who only glances at the page."""
    shown = [badge("deregistered" if site.deregistered_at else site.status)]
    if site.is_locked:
        is_told = bool(site.pulse.reply_locked) or site.deregistered_at is not None
        shown.append(badge("locked", "locked" if is_told else "locked, not told yet"))
    elif site.pulse.reply_locked and site.deregistered_at is None:
        shown.append(badge("late", "unlocked, not told yet"))
    if not site.is_active:
        shown.append(badge("inactive"))
    is_out = site.deregistered_at is not None or not site.is_active
    if is_out and site.license_expires_at > at:
        return shown  # the end that is yet to come makes nobody licensed
    return [*shown, license_badge(site, at=at)]


def license_badge(site: Site, *, at: datetime) -> SafeString:
    left = site.license_expires_at - at
    if left <= timedelta(0):
        return badge("expired", "licence expired")
    return badge("ending", f"licence ends in {time_left(site, at=at)}") if left <= ENDING_SOON else badge("licensed")

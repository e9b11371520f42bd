"""The state of a site as badges and in sentences, the most urgent first."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from audit.models import Event
from panel.sites.next_heartbeat import told_at
from panel.widgets.badges import badge
from panel.widgets.times import at_moment, moment, moment_near, time_between
from sites.call_rate import calls_too_often, expected_calls_a_day
from sites.events import SITE, SiteAction
from sites.models import Site, SitePulse
from sites.querysets import ENDING_SOON
from sites.status import SiteStatus

EMPTY = SafeString("")


class KeyEvents(NamedTuple):
    """The newest events that explain the site's state; None if there is none or it is not needed."""

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


# --- Badges --------------------------------------------------------------------------------------------------------


def site_badges(site: Any, *, at: datetime) -> list[SafeString]:
    badges = [badge("deregistered" if site.deregistered_at else site.status)]
    if site.is_locked:
        is_received = bool(site.pulse.reply_locked) or site.deregistered_at is not None
        badges.append(badge("locked", "locked" if is_received else "locked, not told yet"))
    elif site.pulse.reply_locked and site.deregistered_at is None:
        badges.append(badge("late", "unlocked, not told yet"))
    if not site.is_active:
        badges.append(badge("inactive"))
    if site.clone_suspected_at and site.deregistered_at is None:
        badges.append(badge("warn", "clone suspected"))
    if site.refused_since and site.status != SiteStatus.ONLINE:
        badges.append(badge("warn", "wrong key"))
    if calls_too_often(site.pulse, at=at):
        badges.append(badge("warn", "calls too often"))
    has_no_license = site.deregistered_at is not None or not site.is_active
    if has_no_license and site.license_expires_at > at:
        return badges  # a licence end in the future would suggest that the site is licensed
    return [*badges, license_badge(site, at=at)]


def license_badge(site: Site, *, at: datetime) -> SafeString:
    left = site.license_expires_at - at
    if left <= timedelta(0):
        return badge("expired", "licence expired")
    return badge("ending", f"licence ends in {time_left(site, at=at)}") if left <= ENDING_SOON else badge("licensed")


# --- Sentences: each is empty if there is nothing to say -----------------------------------------------------------


def state_text(site: Any, events: KeyEvents, *, at: datetime) -> SafeString:
    """`site` as `SiteQuerySet.with_state` returns it."""
    license_sentence = license_state(site, at=at)
    not_received = changes_not_received(site, at=at)
    sentences = [
        deregistration(site, events.deregistered, at=at),
        lock_state(site, events, at=at),
        lock_known(site, at=at),
        not_received,
        *([] if site.licensed else [license_sentence]),
        wrong_key(site, at=at),
        last_heartbeat(site, at=at, names_next=not not_received),
        calls_a_day_text(site.pulse) if calls_too_often(site.pulse, at=at) else "",
        *([license_sentence] if site.licensed else []),
    ]
    first, *others = filter(None, sentences)
    return format_html("<strong>{}</strong>{}", first, format_html_join("", " {}", ((text,) for text in others)))


def deregistration(site: Site, event: Event | None, *, at: datetime) -> SafeString:
    if site.deregistered_at is None:
        return EMPTY
    by = format_html(" {}", by_actor(event)) if event else EMPTY
    reason = f": {with_full_stop(event.reason)}" if event and event.reason else "."
    since = at_moment(site.deregistered_at, now=at)
    if site.erased_at:
        return format_html(
            "Deregistered {}{}. Its personal data was erased {}.", since, by, at_moment(site.erased_at, now=at)
        )
    return format_html("Deregistered {}{}{} Its keys are refused.", since, by, reason)


def lock_state(site: Site, events: KeyEvents, *, at: datetime) -> SafeString:
    if not site.is_locked or site.locked_at is None:
        return EMPTY
    locked, changed = events.locked, events.reason_changed
    by = format_html(" {}", by_actor(locked)) if locked else EMPTY
    since, reason = at_moment(site.locked_at, now=at), with_full_stop(site.lock_reason or "")
    if changed is None or (locked is not None and changed.sequence < locked.sequence):
        return format_html("Locked {}{}: {}", since, by, reason)
    changed_at = at_moment(changed.at, now=at)
    return format_html("Locked {}{}; reason changed {} {}: {}", since, by, changed_at, by_actor(changed), reason)


def wrong_key(site: Any, *, at: datetime) -> SafeString:
    since = site.refused_since
    if since is None or site.deregistered_at:
        return EMPTY
    address = site.pulse.last_refused_ip or "an unknown address"
    if site.status == SiteStatus.ONLINE:
        # No alarm: anybody who knows the site's id can send a wrong key for it.
        refused_at = at_moment(site.pulse.last_refused_at, now=at)
        return format_html(
            "Since its last heartbeat a call with another key was refused, {} from {}.", refused_at, address
        )
    return format_html("It calls with a wrong key since {}, from {}.", moment_near(since, now=at), address)


def lock_known(site: Site, *, at: datetime) -> SafeString:
    """Since when the site knows of its lock; `changes_not_received` says if it does not yet."""
    since = site.lock_known_since
    if since is None or site.deregistered_at:
        return EMPTY
    return format_html("The site has known of the lock since {}.", moment_near(since, now=at))


def changes_not_received(site: Any, *, at: datetime) -> SafeString:
    """How the answer to the last heartbeat differs from the state now, and when the site will be told."""
    pulse = site.pulse
    if site.deregistered_at:
        return EMPTY
    if pulse.last_seen_at is None:
        return SafeString("The site will be told at its first heartbeat.") if site.is_locked else EMPTY
    news = []
    if site.is_locked != bool(pulse.reply_locked):
        news.append("that it is locked" if site.is_locked else "that it is unlocked")
    # Each answer names the licence end, so that an end that was not changed is no news.
    ended_as_announced = site.is_active and site.license_expires_at > pulse.last_seen_at
    if site.licensed and pulse.reply_licensed is False:
        news.append("that it has a licence")
    elif not site.licensed and pulse.reply_licensed and not ended_as_announced:
        news.append("that it has no licence")
    if not news:
        return EMPTY
    return format_html(
        "The site has not been told yet {}; it will be told {}.", " and ".join(news), told_at(site, at=at)
    )


def license_state(site: Site, *, at: datetime) -> SafeString:
    ends = site.license_expires_at
    inactive = "" if site.is_active else "Inactive: no licence until it is activated. "
    if ends <= at:
        return format_html("{}Licence expired {}.", inactive, at_moment(ends, now=at))
    return format_html("{}Licence ends in {}, on {}.", inactive, time_left(site, at=at), moment(ends))


def last_heartbeat(site: Any, *, at: datetime, names_next: bool = True) -> SafeString:
    """`names_next`: unless another sentence has said when the next heartbeat is due."""
    pulse = site.pulse
    if pulse.last_seen_at is None:
        return no_heartbeat(site, at=at)
    source = f" from {pulse.last_seen_ip}" if pulse.last_seen_ip else ""
    seen = format_html("seen {}{}", at_moment(pulse.last_seen_at, now=at), source)
    if site.deregistered_at:
        return format_html("Last {}.", seen)
    due = moment_near(pulse.due_at, now=at)
    if site.status == SiteStatus.ONLINE:
        next_due = format_html("; next heartbeat due by {}", due) if names_next else EMPTY
        return format_html("Last {}{}.", seen, next_due)
    if site.status == SiteStatus.LATE:
        return format_html("Late: last {}; heartbeat was due by {}.", seen, due)
    since = moment_near(pulse.due_at + settings.HEARTBEAT_GRACE, now=at)
    return format_html("Offline since {}: last {}; heartbeat was due by {}.", since, seen, due)


def calls_a_day_text(pulse: SitePulse) -> SafeString:
    expected = f"{max(1, round(expected_calls_a_day())):,}"
    return format_html(
        "About {} calls in the last day, where {} are expected.", f"{round(pulse.recent_calls or 0):,}", expected
    )


def no_heartbeat(site: Any, *, at: datetime) -> SafeString:
    registered = at_moment(site.created_at, now=at)
    if site.deregistered_at:
        return format_html("Registered {}; it never sent a heartbeat.", registered)
    return format_html("Registered {}; no heartbeats yet. Its key ends in {}.", registered, site.key_hint)


# --- Parts of sentences --------------------------------------------------------------------------------------------


def by_actor(event: Event) -> str:
    """As in "by anna" or "by anna over the API"."""
    if event.actor_name is None:
        return {Event.Source.COMMAND: "by a command", Event.Source.SYSTEM: "by the control plane"}.get(
            Event.Source(event.source), f"by an unknown actor ({event.source})"
        )
    return f"by {event.actor_name}" + (" over the API" if event.source == Event.Source.API else "")


def with_full_stop(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def time_left(site: Site, *, at: datetime) -> str:
    return time_between(at, site.license_expires_at) or "less than a minute"

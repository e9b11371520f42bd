"""What the page says to a restaurant's owner, in the time zone of the site."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.utils.html import avoid_wrapping
from django.utils.timesince import timesince

from documents.shares.page import SharedSite
from sites.calendar import last_day
from sites.querysets import ENDING_SOON

GOOD, SOON, BAD = "good", "soon", "bad"


@dataclass(frozen=True)
class PageWords:
    """`tone` is GOOD, SOON or BAD; the page marks it with a colour and a sign. `license` and `last_heard` are short answers."""

    tone: str
    headline: str
    explanation: str
    license: str
    last_heard: str
    now: str
    zone: str


def page_words(site: SharedSite, *, at: datetime) -> PageWords:
    zone = zone_of(site)
    tone, headline, explanation = state_words(site, zone, at=at)
    return PageWords(
        tone=tone,
        headline=headline,
        explanation=explanation,
        license=license_words(site, zone),
        last_heard=heard_words(site.last_seen_at, zone, at=at),
        now=moment(at, zone),
        zone=str(zone),
    )


def state_words(site: SharedSite, zone: tzinfo, *, at: datetime) -> tuple[str, str, str]:
    if site.is_locked:
        return BAD, "Locked", f"Reason: {site.lock_reason}"
    licensed = license_words(site, zone)
    if not site.licensed:
        return BAD, f"Licence {licensed}", "The software does not work without a licence."
    left = site.license_expires_at - at
    if left <= ENDING_SOON:
        return SOON, f"Licensed {licensed}", "Less than a day is left." if left.days < 1 else days_left(left.days)
    return GOOD, f"Licensed {licensed}", days_left(left.days)


def license_words(site: SharedSite, zone: tzinfo) -> str:
    """As in "until 3 March 2027" or "ended on 3 March 2026", with the time of day unless that is midnight."""
    if not site.is_active:
        return "ended"
    end = local(site.license_expires_at, zone)
    is_midnight = end.time() == time(0)
    try:
        day = day_words(last_day(site.license_expires_at, str(zone))) if is_midnight else moment(end, zone)
    except OverflowError:
        day = day_words(end.date())
    return f"until {day}" if site.licensed else f"ended on {day}"


def heard_words(last_seen_at: datetime | None, zone: tzinfo, *, at: datetime) -> str:
    if last_seen_at is None:
        return "Not yet"
    elapsed = timesince(last_seen_at, at, depth=1)
    words = "Just now" if elapsed.startswith("0") else f"{elapsed} ago"
    return f"{words} ({moment(last_seen_at, zone)})"


def days_left(days: int) -> str:
    return f"{days} day{'' if days == 1 else 's'} left."


def zone_of(site: SharedSite) -> tzinfo:
    """UTC for a zone that this machine does not know, such as after a move to another one."""
    try:
        return ZoneInfo(site.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def local(at: datetime, zone: tzinfo) -> datetime:
    """In UTC if the local time would be outside the years 1 to 9999, as some licence ends are."""
    try:
        return at.astimezone(zone)
    except OverflowError:
        return at.astimezone(UTC)


def moment(at: datetime, zone: tzinfo) -> str:
    """As in "3 March 2027, 22:00"."""
    shown = local(at, zone)
    return f"{day_words(shown.date())}, {shown:%H:%M}"


def day_words(day: date) -> str:
    return avoid_wrapping(f"{day.day} {day:%B} {day.year}")

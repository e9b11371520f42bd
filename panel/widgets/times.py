"""Times and durations as text and HTML, in the viewer's time zone (see `panel.viewer_zone`), which is always named.

Functions named `moment…` return a `<time>` element whose title is the exact time.
"""

from datetime import UTC, datetime, timedelta

from django.utils import timezone
from django.utils.html import avoid_wrapping, format_html
from django.utils.safestring import SafeString

# Longer ones are in months and years.
MAX_IN_DAYS = timedelta(days=100)
HOUR = timedelta(hours=1)
# The mean lengths in the calendar.
MONTH = timedelta(days=365.2425 / 12)
YEAR = 12 * MONTH
TO_THE_SECOND = "%Y-%m-%d %H:%M:%S %Z"


def local(at: datetime) -> datetime:
    """In the viewer's zone, or in UTC if the local time would be outside the years 1 to 9999, as some licence ends are."""
    try:
        return timezone.localtime(at)
    except OverflowError:
        return at.astimezone(UTC)


def in_zone(at: datetime) -> str:
    """As in "2026-11-22 14:02 CET"."""
    return f"{local(at):%Y-%m-%d %H:%M %Z}"


def in_zone_near(at: datetime, *, now: datetime) -> str:
    """Like `in_zone`, without the date if no other day can be meant: as in "14:02 CET"."""
    return f"{local(at):%H:%M %Z}" if is_near(at, now) else in_zone(at)


def exact(at: datetime) -> str:
    """As in "2026-11-22 14:02:31 CET (Europe/Berlin)"."""
    shown = local(at)
    return f"{shown:{TO_THE_SECOND}} ({shown.tzinfo})"


def ago(at: datetime) -> str:
    """As in "3 hours ago" or "just now"."""
    elapsed = in_one_unit(timezone.now() - at)
    return f"{elapsed} ago" if elapsed else "just now"


def until(at: datetime) -> str:
    """As in "in 12 days" or "now"."""
    left = time_between(timezone.now(), at)
    return f"in {left}" if left else "now"


def time_between(begin: datetime, end: datetime) -> str:
    """Rounded, so that a licence for 365 days that began a second ago ends in 1 year. Empty for less than a minute."""
    length = end - begin
    if length < HOUR:
        return in_one_unit(length)
    if length <= MAX_IN_DAYS:
        return in_one_unit(round(length / HOUR) * HOUR)
    return in_months(round(length / MONTH) if length < 2 * YEAR else 12 * round(length / YEAR))


def in_one_unit(length: timedelta) -> str:
    """As in "3 hours", "12 days", "6 months" or "1 year", rounded down; empty for less than a minute."""
    if length < timedelta(minutes=1):
        return ""
    if length <= MAX_IN_DAYS:
        return avoid_wrapping(larger_unit(duration(int(length.total_seconds()))))
    return in_months(length // MONTH)


def in_months(months: int) -> str:
    """As in "6 months", "1 year" or "2 years"."""
    years = months // 12
    return avoid_wrapping(plural(years, "year") if months == 12 or years >= 2 else plural(months, "month"))


def larger_unit(words: str) -> str:
    """The first unit of a duration: "12 days" of "12 days, 3 hours"."""
    return words.partition(",")[0]


def duration(seconds: int) -> str:
    """As in "12 days, 3 hours", "4 minutes" or "7 seconds". Unlike a timedelta, it may be longer than 999,999,999 days."""
    units = [(seconds // 86_400, "day"), (seconds // 3_600 % 24, "hour"), (seconds // 60 % 60, "minute")]
    first = next((number for number, (count, _) in enumerate(units) if count), None)
    if first is None:
        return plural(seconds, "second")
    return ", ".join(plural(count, unit) for count, unit in units[first : first + 2] if count)


def plural(count: int, unit: str) -> str:
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def moment(at: datetime) -> SafeString:
    """As in "2026-11-22 14:02 CET"."""
    return time_element(at, "%Y-%m-%d %H:%M %Z")


def moment_to_the_second(at: datetime) -> SafeString:
    return time_element(at, TO_THE_SECOND)


def moment_near(at: datetime, *, now: datetime) -> SafeString:
    """Only the time of day, as in "14:02 CET", if `at` is less than 12 hours from `now`; else with the date."""
    return time_element(at, "%H:%M %Z") if is_near(at, now) else moment(at)


def second_near(at: datetime, *, now: datetime) -> SafeString:
    """Like `moment_near`, to the second: as in "14:02:31 CET"."""
    return time_element(at, "%H:%M:%S %Z") if is_near(at, now) else moment_to_the_second(at)


def time_element(at: datetime, format_string: str) -> SafeString:
    """A page has a hundred of them: what they show needs no escaping, and nothing is computed twice."""
    shown = local(at)
    exact_time = f"{shown:{TO_THE_SECOND}}"
    text = exact_time if format_string == TO_THE_SECOND else f"{shown:{format_string}}"
    return SafeString(f'<time datetime="{at.isoformat()}" title="{exact_time} ({shown.tzinfo})">{text}</time>')


def at_moment(at: datetime, *, now: datetime) -> SafeString:
    """Like `moment_near`, after a preposition: "at 14:02 CET" or "on 2026-11-22 14:02 CET"."""
    return format_html("{} {}", "at" if is_near(at, now) else "on", moment_near(at, now=now))


def is_near(at: datetime, now: datetime) -> bool:
    """Whether the time of day is enough to name `at`, because no other day can be meant."""
    return abs(at - now) < timedelta(hours=12)


def moment_ago(at: datetime) -> SafeString:
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), exact(at), ago(at))


def moment_until(at: datetime) -> SafeString:
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), exact(at), until(at))

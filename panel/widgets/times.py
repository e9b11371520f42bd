"""Times and durations as text and HTML, in the viewer's zone (see `common.web.viewer_zone`), whose name is always shown."""

from datetime import UTC, datetime, timedelta

from django.utils import timezone
from django.utils.html import avoid_wrapping, format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

TOLD_IN_DAYS = timedelta(days=100)


def local(at: datetime) -> datetime:
    """In the viewer's zone, or in UTC where that would leave the years 1 to 9999: some licences end with the calendar."""
    try:
        return timezone.localtime(at)
    except OverflowError:
        return at.astimezone(UTC)


def in_zone(at: datetime) -> str:
    """As in "2026-11-22 14:02 CET"."""
    return f"{local(at):%Y-%m-%d %H:%M %Z}"


def exact(at: datetime) -> str:
    """As in "2026-11-22 14:02:31 CET (Europe/Berlin)"."""
    shown = local(at)
    return f"{shown:%Y-%m-%d %H:%M:%S %Z} ({shown.tzinfo})"


def ago(at: datetime) -> str:
    """As in "3 hours ago" or "just now"."""
    passed = in_one_unit(at, timezone.now())
    return f"{passed} ago" if passed else "just now"


def until(at: datetime) -> str:
    """As in "in 12 days" or "now"."""
    left = in_one_unit(timezone.now(), at)
    return f"in {left}" if left else "now"


def in_one_unit(begin: datetime, end: datetime) -> str:
    """Empty for less than a minute. In days while they tell more than Django's "1 week", which may be 13 of them."""
    length = end - begin
    if length < timedelta(minutes=1):
        return ""
    words = timesince(begin, end) if length > TOLD_IN_DAYS else span(int(length.total_seconds()))
    return avoid_wrapping(larger_unit(words))


def larger_unit(span: str) -> str:
    return span.partition(",")[0]


def span(seconds: int) -> str:
    """As in "12 days, 3 hours", "4 minutes" or "7 seconds"; however long, unlike a timedelta."""
    counted = [(seconds // 86_400, "day"), (seconds // 3_600 % 24, "hour"), (seconds // 60 % 60, "minute")]
    first = next((number for number, (count, _) in enumerate(counted) if count), None)
    if first is None:
        return plural(seconds, "second")
    return ", ".join(plural(count, unit) for count, unit in counted[first : first + 2] if count)


def plural(count: int, unit: str) -> str:
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def moment(at: datetime) -> SafeString:
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), exact(at), in_zone(at))


def moment_to_the_second(at: datetime) -> SafeString:
    html = '<time datetime="{}" title="{}">{}</time>'
    return format_html(html, at.isoformat(), exact(at), f"{local(at):%Y-%m-%d %H:%M:%S %Z}")


def moment_near(at: datetime, *, now: datetime) -> SafeString:
    """The clock alone, as in "14:02 CET", where no other day can be meant: less than half a day from now."""
    if abs(at - now) >= timedelta(hours=12):
        return moment(at)
    html = '<time datetime="{}" title="{}">{}</time>'
    return format_html(html, at.isoformat(), exact(at), f"{local(at):%H:%M %Z}")


def moment_ago(at: datetime) -> SafeString:
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), exact(at), ago(at))


def moment_until(at: datetime) -> SafeString:
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), exact(at), until(at))

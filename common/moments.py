"""Moments and spans of time as a person reads them, in the viewer's zone (see `common.viewer_zone`), which is always named."""

from datetime import datetime

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince, timeuntil


def in_zone(at: datetime) -> str:
    """As in "2026-11-22 14:02 CET"."""
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M %Z}"


def exact(at: datetime) -> str:
    """As in "2026-11-22 14:02:31 CET (Europe/Berlin)"."""
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M:%S %Z} ({timezone.get_current_timezone_name()})"


def ago(at: datetime) -> str:
    """As in "3 hours ago"; the larger of Django's two units is enough."""
    return f"{larger_unit(timesince(at))} ago"


def until(at: datetime) -> str:
    """As in "in 12 days"."""
    return f"in {larger_unit(timeuntil(at))}"


def larger_unit(span: str) -> str:
    return span.partition(",")[0]


def moment(at: datetime) -> SafeString:
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), exact(at), in_zone(at))


def moment_ago(at: datetime) -> SafeString:
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), exact(at), ago(at))


def moment_until(at: datetime) -> SafeString:
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), exact(at), until(at))

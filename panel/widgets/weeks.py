"""Weeks of the viewer's calendar."""

from datetime import date, datetime, time, timedelta

from django.utils import timezone

DAY, WEEK = timedelta(days=1), timedelta(days=7)


def weeks_from(at: datetime, *, number: int) -> list[tuple[datetime, datetime]]:
    """Weeks from Monday to Monday in the viewer's time zone, the one of `at` first."""
    day = timezone.localtime(at).date()
    monday = day - timedelta(days=day.weekday())
    return [week_of(monday + position * WEEK) for position in range(number)]


def week_of(monday: date) -> tuple[datetime, datetime]:
    """Adding days to a local time keeps the hour when the clocks change."""
    begin = datetime.combine(monday, time.min, tzinfo=timezone.get_current_timezone())
    return begin, begin + WEEK


def week_words(begin: date) -> str:
    """As in "23 Nov to 29 Nov 2026"."""
    return f"{begin:%d %b} to {begin + WEEK - DAY:%d %b %Y}"

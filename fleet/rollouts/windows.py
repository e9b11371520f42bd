"""When a location's devices may be updated: one range of time a day, by its own clock, also on days on which it is changed.

A window is two times of day. On each date it is open for one range at most, in which the wall clock is never outside the
window. When clocks go back, the window's times may pass twice with other hours in between: then it is the longer of the two
ranges, and the first if they are equal. When clocks skip all of it, the window stays closed on that date.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
# Further than any zone is from UTC.
FAR = timedelta(hours=28)
# After so many days without an opening there is none: no zone has skipped more than one date in a row.
MAX_CLOSED_DAYS = 4


class Window(NamedTuple):
    """Local times of day. An end that is not later than the start is on the next day."""

    start: time
    end: time

    @property
    def length(self) -> timedelta:
        """On a day without a change of the clocks."""
        begin, end = (timedelta(hours=each.hour, minutes=each.minute, seconds=each.second) for each in self)
        return end - begin if end > begin else end - begin + DAY

    def __str__(self) -> str:
        return f"{self.start:%H:%M}–{self.end:%H:%M}"


class Opening(NamedTuple):
    """A range of time in UTC, its end exclusive."""

    opens_at: datetime
    closes_at: datetime


def current_opening(window: Window, zone: str, *, at: datetime) -> Opening | None:
    """The opening that is open at this moment."""
    opening = next_opening(window, zone, after=at)
    return opening if opening and opening.opens_at <= at else None


def next_opening(window: Window, zone: str, *, after: datetime) -> Opening | None:
    """The opening that is open at this moment, or the first one after it."""
    return next(openings(window, zone, after=after), None)


def openings(window: Window, zone: str, *, after: datetime) -> Iterator[Opening]:
    """The opening at this moment and those after it, in order, without an end but where the calendar ends."""
    # Yesterday's may have crossed midnight.
    day, closed_days = after.astimezone(ZoneInfo(zone)).date() - DAY, 0
    while closed_days <= MAX_CLOSED_DAYS:
        opening = opening_on(day, window, zone)
        if opening and opening.closes_at > after:
            closed_days = 0
            yield opening
        else:
            closed_days += 1
        day += DAY


@lru_cache(maxsize=20_000)
def opening_on(day: date, window: Window, zone: str) -> Opening | None:
    """The opening that begins on that date by the location's calendar."""
    begin = datetime.combine(day, window.start, UTC)
    end = begin + window.length
    ranges: list[Opening] = []
    for since, until, offset in spans_of_one_offset(begin - FAR, end + FAR, ZoneInfo(zone)):
        opens_at, closes_at = max(begin - offset, since), min(end - offset, until)
        if opens_at >= closes_at:
            continue
        if ranges and ranges[-1].closes_at == opens_at:
            ranges[-1] = Opening(ranges[-1].opens_at, closes_at)
        else:
            ranges.append(Opening(opens_at, closes_at))
    return max(ranges, key=lambda each: (each.closes_at - each.opens_at, -each.opens_at.timestamp()), default=None)


def spans_of_one_offset(
    since: datetime, until: datetime, zone: ZoneInfo
) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """The spans from `since` to `until` in which the zone's distance from UTC is the same, with that distance."""
    began, offset, moment = since, offset_at(since, zone), since
    while moment < until:
        following = min(moment + HOUR, until)
        if offset_at(following, zone) != offset:
            changed_at = change_between(moment, following, zone)
            yield began, changed_at, offset
            began, offset = changed_at, offset_at(changed_at, zone)
        moment = following
    yield began, until, offset


def change_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The second at which the zone's distance from UTC changes."""
    offset = offset_at(before, zone)
    while after - before > SECOND:
        middle = before + timedelta(seconds=(after - before) // SECOND // 2)
        if offset_at(middle, zone) == offset:
            before = middle
        else:
            after = middle
    return after


def offset_at(moment: datetime, zone: ZoneInfo) -> timedelta:
    offset = moment.astimezone(zone).utcoffset()
    assert offset is not None
    return offset

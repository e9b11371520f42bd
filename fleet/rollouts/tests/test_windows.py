"""Windows, compared with a count of all minutes by the wall clock."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fleet.rollouts.windows import Opening, Window, current_opening, next_opening, opening_on

MINUTE = timedelta(minutes=1)
NIGHT = Window(time(3), time(6))
ZONES = [
    "UTC",
    "Europe/Rome",
    "America/New_York",
    "America/Havana",  # changes at midnight
    "America/Santiago",
    "Africa/Cairo",
    "Asia/Beirut",
    "Australia/Lord_Howe",  # by half an hour
    "Asia/Kathmandu",  # 5:45
    "Pacific/Chatham",  # 12:45 and 13:45
    "Australia/Eucla",
    "Pacific/Apia",  # skipped a day in 2011
    "Pacific/Kiritimati",
    "America/St_Johns",
]
CHANGES = {
    "Europe/Rome": [date(2026, 3, 29), date(2026, 10, 25)],
    "America/New_York": [date(2026, 3, 8), date(2026, 11, 1)],
    "America/Havana": [date(2026, 3, 8), date(2026, 11, 1)],
    "America/Santiago": [date(2026, 4, 4), date(2026, 9, 5)],
    "Africa/Cairo": [date(2026, 4, 23), date(2026, 10, 29)],
    "Asia/Beirut": [date(2026, 3, 28), date(2026, 10, 24)],
    "Australia/Lord_Howe": [date(2026, 4, 5), date(2026, 10, 4)],
    "Pacific/Chatham": [date(2026, 4, 5), date(2026, 9, 27)],
    "Pacific/Apia": [date(2011, 12, 29), date(2011, 12, 30)],
}


def by_counting(day: date, window: Window, zone: str) -> Opening | None:
    """Each minute whose local date and time are in the window; the longest run of them, the first of equal ones."""
    tz = ZoneInfo(zone)
    begin = datetime.combine(day, window.start)
    end = begin + window.length
    first = datetime.combine(day, time(), UTC) - timedelta(hours=30)
    # Until the next day has ended west of Greenwich, too.
    minutes = [first + number * MINUTE for number in range(60 * 96)]
    runs: list[list[datetime]] = []
    for minute in minutes:
        if begin <= minute.astimezone(tz).replace(tzinfo=None) < end:
            if runs and runs[-1][-1] == minute - MINUTE:
                runs[-1].append(minute)
            else:
                runs.append([minute])
    longest = max(runs, key=len, default=None)
    return Opening(longest[0], longest[-1] + MINUTE) if longest else None


times = st.builds(time, st.integers(0, 23), st.integers(0, 59))
windows = st.builds(Window, times, times).filter(lambda window: window.start != window.end)


@st.composite
def days_and_zones(draw: st.DrawFn) -> tuple[date, str]:
    zone = draw(st.sampled_from(ZONES))
    near = [day + timedelta(days=number) for day in CHANGES.get(zone, []) for number in (-1, 0, 1)]
    any_day = st.dates(date(2007, 1, 1), date(2037, 12, 30))
    return draw(st.sampled_from(near) | any_day if near else any_day), zone


@settings(max_examples=120, deadline=None)
@given(days_and_zones(), windows)
@example((date(2026, 10, 25), "Europe/Rome"), Window(time(2, 15), time(2, 45)))
@example((date(2026, 10, 25), "Europe/Rome"), Window(time(1), time(2, 30)))
@example((date(2026, 10, 25), "Europe/Rome"), Window(time(2, 30), time(6)))
@example((date(2026, 3, 29), "Europe/Rome"), Window(time(2), time(3)))
@example((date(2026, 10, 31), "America/Havana"), Window(time(22), time(0, 30)))
@example((date(2026, 4, 4), "America/Santiago"), Window(time(23, 30), time(2)))
@example((date(2011, 12, 29), "Pacific/Apia"), Window(time(23), time(2)))
@example((date(2011, 12, 28), "Pacific/Apia"), Window(time(21), time(20, 1)))
def test_an_opening_is_what_counting_minutes_finds(where: tuple[date, str], window: Window) -> None:
    day, zone = where
    assert opening_on(day, window, zone) == by_counting(day, window, zone)


@settings(max_examples=40, deadline=None)
@given(days_and_zones(), windows, st.integers(0, 60 * 24))
def test_the_opening_at_a_moment_is_open_then_and_the_next_one_is_the_first_to_close_later(
    where: tuple[date, str], window: Window, minutes: int
) -> None:
    day, zone = where
    at = datetime.combine(day, time(), UTC) + minutes * MINUTE
    counted = [by_counting(day + timedelta(days=number), window, zone) for number in range(-2, 4)]
    open_later = [each for each in counted if each and each.closes_at > at]
    assert next_opening(window, zone, after=at) == open_later[0]
    expected = open_later[0] if open_later[0].opens_at <= at else None
    assert current_opening(window, zone, at=at) == expected


@settings(max_examples=60, deadline=None)
@given(days_and_zones(), windows)
def test_openings_of_one_date_after_another_do_not_overlap(where: tuple[date, str], window: Window) -> None:
    day, zone = where
    found = [opening_on(day + timedelta(days=number), window, zone) for number in range(-2, 3)]
    known = [each for each in found if each]
    assert all(before.closes_at <= after.opens_at for before, after in pairwise(known))


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("day", "window", "zone", "opens_at", "closes_at"),
    [
        (date(2026, 6, 1), NIGHT, "Europe/Rome", utc(2026, 6, 1, 1), utc(2026, 6, 1, 4)),
        (date(2026, 6, 1), NIGHT, "Asia/Kathmandu", utc(2026, 5, 31, 21, 15), utc(2026, 6, 1, 0, 15)),
        (date(2026, 6, 1), Window(time(23), time(2)), "Europe/Rome", utc(2026, 6, 1, 21), utc(2026, 6, 2, 0)),
        # 02:00 to 03:00 is skipped: an hour less.
        (date(2026, 3, 29), Window(time(1), time(4)), "Europe/Rome", utc(2026, 3, 29, 0), utc(2026, 3, 29, 2)),
        # 02:00 to 03:00 passes twice, and both belong to the window: an hour more.
        (date(2026, 10, 25), Window(time(1), time(4)), "Europe/Rome", utc(2026, 10, 24, 23), utc(2026, 10, 25, 3)),
        # It begins in the hour that passes twice: the second time, after which no earlier hour returns.
        (
            date(2026, 10, 25),
            Window(time(2, 30), time(6)),
            "Europe/Rome",
            utc(2026, 10, 25, 1, 30),
            utc(2026, 10, 25, 5),
        ),
    ],
)
def test_openings_on_known_days(day: date, window: Window, zone: str, opens_at: datetime, closes_at: datetime) -> None:
    assert opening_on(day, window, zone) == Opening(opens_at, closes_at)


def test_a_window_that_the_clocks_skip_stays_closed_on_that_day() -> None:
    skipped = Window(time(2), time(3))
    assert opening_on(date(2026, 3, 29), skipped, "Europe/Rome") is None
    following = next_opening(skipped, "Europe/Rome", after=utc(2026, 3, 28, 12))
    assert following == Opening(utc(2026, 3, 30, 0), utc(2026, 3, 30, 1))

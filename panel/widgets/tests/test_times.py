"""Times and durations as text."""

from datetime import timedelta

import pytest
from django.utils import timezone

from panel.widgets.times import ago, until


@pytest.mark.parametrize(
    ("passed", "words"),
    [
        (timedelta(seconds=2), "just now"),
        (timedelta(seconds=-2), "just now"),  # the clock of another machine
        (timedelta(minutes=1, seconds=2), "1 minute ago"),
        (timedelta(minutes=10, seconds=2), "10 minutes ago"),
        (timedelta(hours=3, minutes=5), "3 hours ago"),
        (timedelta(hours=23, minutes=59), "23 hours ago"),
        (timedelta(days=29, hours=23, minutes=59), "29 days ago"),
        (timedelta(days=200), "6 months ago"),
        (timedelta(days=364), "11 months ago"),
        (timedelta(days=366), "1 year ago"),
        (timedelta(days=1070), "2 years ago"),
    ],
)
def test_a_past_time_is_shown_in_one_unit(passed: timedelta, words: str) -> None:
    assert ago(timezone.now() - passed).replace("\xa0", " ") == words


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (timedelta(seconds=30), "now"),
        (timedelta(days=12, minutes=1), "in 12 days"),
        (timedelta(days=59, minutes=1), "in 59 days"),
        (timedelta(minutes=59, seconds=59), "in 59 minutes"),
        (timedelta(hours=3, seconds=-2), "in 3 hours"),
        (timedelta(days=1, seconds=-2), "in 1 day"),
        (timedelta(days=30, seconds=-2), "in 30 days"),
        (timedelta(days=100, seconds=-2), "in 100 days"),
        (timedelta(days=101), "in 3 months"),
        (timedelta(days=106), "in 3 months"),
        (timedelta(days=107), "in 4 months"),
        (timedelta(days=365, seconds=-2), "in 1 year"),
        (timedelta(days=364), "in 1 year"),
        (timedelta(days=335), "in 11 months"),
        (timedelta(days=550), "in 18 months"),
        (timedelta(days=2 * 365, seconds=-2), "in 2 years"),
        (timedelta(days=1070), "in 3 years"),
        (timedelta(days=3 * 365, seconds=-2), "in 3 years"),
        (timedelta(days=2_900_000), "in 7940 years"),
    ],
)
def test_a_future_time_is_shown_in_one_unit(left: timedelta, words: str) -> None:
    assert until(timezone.now() + left).replace("\xa0", " ") == words

"""What a worker makes of a time of day that jumps."""

from datetime import UTC, datetime, timedelta

import pytest

from common.jobs.clock import ClockWatch
from common.tests.logged import log_lines

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)


class Clocks:
    """The steady clock and the time of day; both run at the same pace."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.steady, self.now, self.watch = 1000.0, NOON, ClockWatch()
        monkeypatch.setattr("common.jobs.clock.steady_seconds", lambda: self.steady)

    def is_steady_after(self, seconds: float = 0, *, jump: timedelta = timedelta()) -> bool:
        self.steady += seconds
        self.now += timedelta(seconds=seconds) + jump
        return self.watch.is_steady(self.now)


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    return Clocks(monkeypatch)


def test_time_that_passes_is_no_jump_however_long_it_was(clocks: Clocks) -> None:
    assert clocks.is_steady_after(1)
    assert clocks.is_steady_after(86_400 * 30)
    assert clocks.is_steady_after(1, jump=timedelta(seconds=200)), "a correction of minutes"


def test_after_a_jump_ahead_nothing_starts_for_ten_minutes(clocks: Clocks) -> None:
    clocks.is_steady_after(1)
    with log_lines() as logged:
        assert not clocks.is_steady_after(1, jump=timedelta(days=400))
        assert not clocks.is_steady_after(590)
    assert [entry["message"] for entry in logged.entries] == [
        "the database's clock has jumped ahead by 400 days, 0:00:00: no job starts for 600 s"
    ]
    assert clocks.is_steady_after(10), "by then the new time counts"
    assert clocks.is_steady_after(1)


def test_a_jump_ahead_that_is_taken_back_ends_the_wait(clocks: Clocks) -> None:
    clocks.is_steady_after(1)
    assert not clocks.is_steady_after(1, jump=timedelta(days=400))
    assert clocks.is_steady_after(1, jump=-timedelta(days=400))


def test_a_jump_back_is_followed_at_once(clocks: Clocks) -> None:
    clocks.is_steady_after(1)
    assert clocks.is_steady_after(1, jump=-timedelta(days=400))
    assert not clocks.is_steady_after(1, jump=timedelta(days=400)), "ahead of the time that counts now"

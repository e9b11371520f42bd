"""When sites that came back together will call again: computed from the interval in each reply, without waiting for it."""

import os
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.report import table

SECONDS_PER_MINUTE = 60


@dataclass(frozen=True)
class Interval:
    """One call of every site, counted by the minute; minutes since the sites came back."""

    number: int
    first_minute: int
    last_minute: int
    calls: int
    busiest: int
    usual_minutes: float

    @property
    def mean(self) -> float:
        """Calls a minute, over the minutes in which these calls lie."""
        return self.calls / (self.last_minute - self.first_minute + 1)

    @property
    def busiest_by_mean(self) -> float:
        return self.busiest / self.mean

    @property
    def busiest_by_even(self) -> float:
        """By the calls of a minute if the sites were spread over the whole pace."""
        return self.busiest / (self.calls / self.usual_minutes)


def usual_seconds(environment: dict[str, str], site_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Each site's own pace, by the product's rule under these settings. Django is set up but once in a process: by this."""
    os.environ.update(environment)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from heartbeat.schedule import pace_of  # Django: after the settings are chosen

    return {site_id: pace_of(site_id).usual_seconds for site_id in site_ids}


def simulate(moments: Sequence[float], replied: Sequence[int], usual: Sequence[int], *, count: int) -> list[Interval]:
    """The next `count` calls of each site: first after the interval of its reply, then by its pace. All in seconds."""
    usual_minutes = sum(usual) / len(usual) / SECONDS_PER_MINUTE
    calls = [moment + seconds for moment, seconds in zip(moments, replied, strict=True)]
    found = []
    for number in range(1, count + 1):
        by_minute = Counter(int(at // SECONDS_PER_MINUTE) for at in calls)
        found.append(
            Interval(number, min(by_minute), max(by_minute), len(calls), max(by_minute.values()), usual_minutes)
        )
        calls = [at + seconds for at, seconds in zip(calls, usual, strict=True)]
    return found


def intervals_table(intervals: Sequence[Interval]) -> str:
    header = ["interval", "first minute", "last minute", "mean calls a minute", "busiest minute", "by that mean"]
    return table(
        [*header, "by an even spread over the pace"],
        [
            [
                str(one.number),
                f"{one.first_minute:,}",
                f"{one.last_minute:,}",
                f"{one.mean:,.1f}",
                f"{one.busiest:,}",
                f"{one.busiest_by_mean:.2f}",
                f"{one.busiest_by_even:.2f}",
            ]
            for one in intervals
        ],
    )

"""The last days of a site as a chart: days of the same state, one after another, are one link to their heartbeats."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby

from django.urls import reverse
from django.utils.safestring import SafeString

from heartbeat.availability import Slot, SlotState
from panel.heartbeats.filters import received_query
from panel.widgets.bars import BAR_HEIGHT, BAR_STEP, STATE_HEIGHTS, stroke
from panel.widgets.times import in_zone, plural
from sites.models import Site

DAY = timedelta(days=1)
STATE_WORDS = {
    SlotState.SEEN: "heartbeats came when they were expected",
    SlotState.RUNNING: "just registered, no heartbeat due yet",
    SlotState.MISSED: "no heartbeat, although one was due",
    SlotState.BEFORE: "nothing recorded",
}


@dataclass(frozen=True)
class DayRun:
    """Days in a row with the same state; `path` draws their strokes, `x` and `width` are the place of all of them."""

    slots: Sequence[Slot]
    position: int
    url: str

    @property
    def state(self) -> SlotState:
        return self.slots[0].state

    @property
    def words(self) -> str:
        return STATE_WORDS[self.state]

    @property
    def begin(self) -> str:
        return in_zone(self.slots[0].starts_at)

    @property
    def end(self) -> str:
        return in_zone(self.slots[-1].ends_at)

    @property
    def days(self) -> str:
        return plural(len(self.slots), "day")

    @property
    def reading(self) -> str:
        """As in "2026-11-01 14:02 CET to 2026-11-04 14:02 CET, 3 days: no heartbeat, although one was due"."""
        return f"{self.begin} to {self.end}, {self.days}: {self.words}"

    @property
    def x(self) -> int:
        return BAR_STEP * self.position

    @property
    def width(self) -> int:
        return BAR_STEP * len(self.slots)

    @property
    def path(self) -> SafeString:
        places = range(self.position, self.position + len(self.slots))
        return SafeString("".join(stroke(place, STATE_HEIGHTS[self.state]) for place in places))


@dataclass(frozen=True)
class DayChart:
    """`legend` has the path of a stroke and the words of each state that occurs."""

    runs: Sequence[DayRun]

    height = BAR_HEIGHT

    @property
    def width(self) -> int:
        return sum(run.width for run in self.runs)

    @property
    def newest_first(self) -> Iterator[DayRun]:
        return reversed(self.runs)

    @property
    def legend(self) -> list[tuple[SlotState, str, str]]:
        found = {run.state for run in self.runs}
        return [
            (state, stroke(0, STATE_HEIGHTS[state]), words) for state, words in STATE_WORDS.items() if state in found
        ]


def day_chart(site: Site, slots: Sequence[Slot]) -> DayChart:
    """`slots` are days, the oldest first."""
    list_url = reverse("admin:heartbeat_heartbeat_changelist")
    runs, position = [], 0
    for _, grouped in groupby(slots, key=lambda slot: slot.state):
        days = list(grouped)
        # A heartbeat at the end of a day belongs to it, and the filter excludes its end.
        end = days[-1].ends_at + timedelta(microseconds=1)
        url = f"{list_url}?{received_query(days[0].starts_at, end, site_id=site.pk)}"
        runs.append(DayRun(days, position, url))
        position += len(days)
    return DayChart(runs)

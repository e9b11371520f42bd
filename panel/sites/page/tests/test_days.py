"""The days of a site as a chart: days of one state are one link, at their place, to exactly their heartbeats."""

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from heartbeat.availability import Slot, SlotState
from panel.sites.page.days import day_chart
from panel.widgets.bars import BAR_STEP
from sites.models import Site

NOW, DAY = datetime(2026, 11, 22, 12, tzinfo=UTC), timedelta(days=1)
B, S, M = SlotState.BEFORE, SlotState.SEEN, SlotState.MISSED


def slots(*states: SlotState) -> list[Slot]:
    ends = [NOW - DAY * (len(states) - 1 - number) for number in range(len(states))]
    return [Slot(end - DAY, end, state) for end, state in zip(ends, states, strict=True)]


def test_runs_stand_side_by_side_and_each_stroke_within_its_run() -> None:
    chart = day_chart(Site(pk=uuid4()), slots(B, B, S, S, S, M, S))
    assert [(run.state, len(run.slots)) for run in chart.runs] == [(B, 2), (S, 3), (M, 1), (S, 1)]
    assert chart.width == 7 * BAR_STEP
    for run, after in pairwise(chart.runs):
        assert run.x + run.width == after.x
    for run in chart.runs:
        strokes = [float(x) for x in re.findall(r"M([\d.]+) ", run.path)]
        assert len(strokes) == len(run.slots)
        assert all(run.x < x < run.x + run.width for x in strokes)


def test_a_link_includes_a_heartbeat_at_the_very_end_of_the_day() -> None:
    chart = day_chart(Site(pk=uuid4()), slots(S, S))
    query = parse_qs(urlsplit(chart.runs[0].url).query)
    assert datetime.fromisoformat(query["from"][0]) == NOW - 2 * DAY
    assert datetime.fromisoformat(query["until"][0]) > NOW


def test_the_legend_has_the_states_that_occur() -> None:
    assert [state for state, _, _ in day_chart(Site(pk=uuid4()), slots(S, M)).legend] == [S, M]


def test_without_days_there_is_no_chart() -> None:
    assert list(day_chart(Site(pk=uuid4()), []).runs) == []

"""The heartbeat bar: each state has its own height, the title says it in words, and the SVG is small."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from xml.etree import ElementTree

import pytest
from django.utils import timezone

from panel.widgets.bars import heartbeat_bar

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SIX_HOURS = timedelta(hours=6)


class Slot(NamedTuple):
    starts_at: datetime
    ends_at: datetime
    state: str


def slots(*states: str) -> list[Slot]:
    """The last one ends now."""
    ends = [NOW - SIX_HOURS * (len(states) - 1 - number) for number in range(len(states))]
    return [Slot(end - SIX_HOURS, end, state) for end, state in zip(ends, states, strict=True)]


def parts(bar: str) -> dict[str, str]:
    """What each class draws, and the title."""
    return {each.get("class", each.tag): each.get("d") or each.text or "" for each in ElementTree.fromstring(bar)}


def test_each_state_stands_in_its_place_with_a_height_of_its_own() -> None:
    drawn = parts(heartbeat_bar(slots("before", "seen", "missed", "seen", "running")))
    assert drawn["bar-before"] == "M1.5 16v-2"
    assert drawn["bar-seen"] == "M5.5 16v-16M13.5 16v-16"
    assert drawn["bar-missed"] == "M9.5 16v-6"
    assert drawn["bar-running"] == "M17.5 16v-11"


def test_a_bar_says_in_words_what_it_shows() -> None:
    states = ["before"] * 4 + ["seen"] * 20 + ["missed"] * 3 + ["running"]
    assert parts(heartbeat_bar(slots(*states)))["title"] == (
        "7 days: 20 seen, 3 missed, 1 just begun, 4 unrecorded,"
        " last missed 2026-11-22 00:00 UTC to 2026-11-22 06:00 UTC"
    )


def test_what_never_happened_is_not_mentioned() -> None:
    assert parts(heartbeat_bar(slots(*["seen"] * 28)))["title"] == "7 days: 28 seen"


def test_the_words_are_in_the_zone_of_the_viewer() -> None:
    with timezone.override("Europe/Rome"):
        assert "to 2026-11-22 13:00 CET" in heartbeat_bar(slots("seen", "missed"))


@pytest.mark.parametrize("number", [28, 90])
def test_a_bar_is_small_and_needs_no_style_of_its_own(number: int) -> None:
    bar = heartbeat_bar(slots(*["seen", "missed"] * (number // 2)))
    assert len(bar) < 250 + 14 * number
    assert "style=" not in bar


def test_without_slots_there_is_nothing_to_draw() -> None:
    assert parts(heartbeat_bar([])) == {"title": "No heartbeats are expected"}

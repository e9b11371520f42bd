"""A site's heartbeats as a row of bars: one small inline SVG whose title says the same in words."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Protocol

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from panel.widgets.times import in_zone

BAR_STEP, BAR_HEIGHT = 4, 16
# Each state has its own height, so that it can be recognized without colour; the stylesheet colours `.bar-…`.
STATE_HEIGHTS = {"seen": 16, "running": 11, "missed": 6, "before": 2}
STATE_WORDS = {"seen": "seen", "missed": "missed", "running": "just begun", "before": "unrecorded"}


class Slot(Protocol):
    """A period, and whether the site sent a heartbeat in it; see `heartbeat.availability`."""

    @property
    def starts_at(self) -> datetime: ...
    @property
    def ends_at(self) -> datetime: ...
    @property
    def state(self) -> str: ...


def heartbeat_bar(slots: Sequence[Slot]) -> SafeString:
    """The oldest slot is on the left. One path for each state keeps a page with fifty bars small."""
    width = max(BAR_STEP * len(slots) - 1, 1)
    return format_html(
        '<svg class="bar" role="img" viewBox="0 0 {} {}" width="{}" height="{}" preserveAspectRatio="none">'
        "<title>{}</title>{}</svg>",
        *(width, BAR_HEIGHT, width, BAR_HEIGHT),
        description(slots),
        format_html_join("", '<path class="bar-{}" d="{}"/>', paths(slots).items()),
    )


def paths(slots: Sequence[Slot]) -> dict[str, str]:
    """The SVG path of each state that occurs: upright strokes, whose width the stylesheet sets."""
    by_state: dict[str, list[str]] = {state: [] for state in STATE_HEIGHTS}
    for position, slot in enumerate(slots):
        by_state[slot.state].append(stroke(position, STATE_HEIGHTS[slot.state]))
    return {state: "".join(strokes) for state, strokes in by_state.items() if strokes}


@cache
def stroke(position: int, height: int) -> str:
    return f"M{BAR_STEP * position + 1.5:g} {BAR_HEIGHT}v-{height}"


def description(slots: Sequence[Slot]) -> str:
    """As in "7 days: 25 seen, 3 missed, last missed 2026-11-21 08:00 CET to 2026-11-21 14:00 CET"."""
    if not slots:
        return "No heartbeats are expected"
    numbers = Counter(slot.state for slot in slots)
    parts = [f"{numbers[state]} {words}" for state, words in STATE_WORDS.items() if numbers[state]]
    missed = [slot for slot in slots if slot.state == "missed"]
    if missed:
        parts.append(f"last missed {in_zone(missed[-1].starts_at)} to {in_zone(missed[-1].ends_at)}")
    days = (slots[-1].ends_at - slots[0].starts_at).days
    return f"{days} days: {', '.join(parts)}"

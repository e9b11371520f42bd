"""A site's heartbeats as a row of bars: one small inline SVG, with the same said in words."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Protocol

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from panel.widgets.times import in_zone

STEP, TALLEST = 4, 16
# How tall each state stands tells them apart without colour; the stylesheet paints `.bar-…`.
HEIGHTS = {"seen": 16, "running": 11, "missed": 6, "before": 2}
WORDS = {"seen": "seen", "missed": "missed", "running": "just begun", "before": "unrecorded"}


class Slot(Protocol):
    """A stretch of time, and whether the site was heard in it; see `heartbeat.availability`."""

    @property
    def starts_at(self) -> datetime: ...
    @property
    def ends_at(self) -> datetime: ...
    @property
    def state(self) -> str: ...


def heartbeat_bar(slots: Sequence[Slot]) -> SafeString:
    """The oldest slot stands left. One path a state, or a page of fifty bars would weigh too much."""
    width = max(STEP * len(slots) - 1, 1)
    return format_html(
        '<svg class="bar" role="img" viewBox="0 0 {} {}" width="{}" height="{}" preserveAspectRatio="none">'
        "<title>{}</title>{}</svg>",
        *(width, TALLEST, width, TALLEST),
        in_words(slots),
        format_html_join("", '<path class="bar-{}" d="{}"/>', strokes(slots).items()),
    )


def strokes(slots: Sequence[Slot]) -> dict[str, str]:
    """Upright strokes from the ground, as wide as the stylesheet says: one path for each state that there is."""
    drawn: dict[str, list[str]] = {state: [] for state in HEIGHTS}
    for at, slot in enumerate(slots):
        drawn[slot.state].append(stroke(at, HEIGHTS[slot.state]))
    return {state: "".join(each) for state, each in drawn.items() if each}


@cache
def stroke(at: int, height: int) -> str:
    return f"M{STEP * at + 1.5:g} {TALLEST}v-{height}"


def in_words(slots: Sequence[Slot]) -> str:
    """As in "7 days: 25 seen, 3 missed, last missed 2026-11-21 08:00 CET to 2026-11-21 14:00 CET"."""
    if not slots:
        return "No heartbeats are expected"
    counted = Counter(slot.state for slot in slots)
    told = [f"{counted[state]} {words}" for state, words in WORDS.items() if counted[state]]
    missed = [slot for slot in slots if slot.state == "missed"]
    if missed:
        told.append(f"last missed {in_zone(missed[-1].starts_at)} to {in_zone(missed[-1].ends_at)}")
    days = (slots[-1].ends_at - slots[0].starts_at).days
    return f"{days} days: {', '.join(told)}"

"""Charts as SVG that a template draws: here is where each bar stands.

Across, everything is a share of the width, so that a chart fits any screen and its words do not shrink with it; down, it is
pixels.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

LEFT_PERCENT = 9.0  # for the scale's numbers
HEIGHT = 176
TOP, BOTTOM = 14, 148  # of the bars
LABELS_AT = 167
BAR_SHARE = 0.74
LEAST_HEIGHT = 2  # so that one is not mistaken for none beside a thousand
STEPS = (1, 2, 4, 6, 8, 10)
SHORT_FORMS = ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k"))


class Count(NamedTuple):
    """One bar's number. `label` stands below it where there is room; `full` is its span."""

    label: str
    full: str
    number: int


@dataclass(frozen=True)
class Bar:
    """Where it stands; `x`, `width` and `middle` in percent."""

    count: Count
    x: str
    width: str
    middle: str
    y: float
    height: float
    label: str
    is_minor: bool  # there is no room for its label on a phone


class Line(NamedTuple):
    """A line across, with its number."""

    y: float
    number: str


@dataclass(frozen=True)
class Chart:
    """`gist` says in a sentence what the eye would see; `noun` is what is counted."""

    name: str
    title: str
    gist: str
    noun: str
    span: str
    counts: Sequence[Count]
    labels_every: int
    is_last_running: bool = False

    height = HEIGHT
    left = f"{LEFT_PERCENT}%"
    scale_at = f"{LEFT_PERCENT - 1}%"
    labels_at = LABELS_AT

    @property
    def top_of_scale(self) -> int:
        return round_up(max((count.number for count in self.counts), default=0))

    def lines(self) -> list[Line]:
        top = self.top_of_scale
        numbers = [0, top // 2, top] if top > 1 else [0, top]
        return [Line(rounded(BOTTOM - self.pixels(number)), short(number)) for number in numbers]

    def bars(self) -> Iterator[Bar]:
        room = (100 - LEFT_PERCENT) / max(len(self.counts), 1)
        for position, count in enumerate(self.counts):
            height = max(self.pixels(count.number), LEAST_HEIGHT) if count.number else 0.0
            begin = LEFT_PERCENT + position * room
            yield Bar(
                count=count,
                x=percent(begin + room * (1 - BAR_SHARE) / 2),
                width=percent(room * BAR_SHARE),
                middle=percent(begin + room / 2),
                y=rounded(BOTTOM - height),
                height=rounded(height),
                label="" if position % self.labels_every else count.label,
                is_minor=position % (2 * self.labels_every) != 0,
            )

    def pixels(self, number: int) -> float:
        return (BOTTOM - TOP) * number / self.top_of_scale


def round_up(number: int) -> int:
    """To a number that is easily halved and read, as in 20, 60 or 10,000; at least 1."""
    if number <= 1:
        return 1
    magnitude: int = 10 ** int(math.log10(number))
    return next((step * magnitude for step in STEPS if step * magnitude >= number), 10 * magnitude)


def short(number: int) -> str:
    """As in 250, 2.5k or 10M."""
    for size, letter in SHORT_FORMS:
        if number >= size:
            return f"{number / size:.1f}".removesuffix(".0") + letter
    return str(number)


def rounded(pixels: float) -> float:
    return round(pixels, 1)


def percent(share: float) -> str:
    return f"{share:.2f}%"

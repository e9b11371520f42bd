"""Bar charts that a template draws as SVG: the position and size of each bar.

Horizontal positions are percentages of the chart's width, so that a chart fits any screen while its labels keep their size.
Vertical positions are pixels.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

LEFT_PERCENT = 9.0  # room for the scale's numbers
CHART_HEIGHT = 176
TOP, BOTTOM = 14, 148  # of the bars
LABEL_Y = 167
BAR_SHARE = 0.74
MIN_BAR_HEIGHT = 2  # so that 1 differs from 0 beside 1,000
SCALE_STEPS = (1, 2, 4, 6, 8, 10)
UNIT_LETTERS = ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k"))


class ChartValue(NamedTuple):
    """The number of one bar. `label` stands below the bar if there is room; `period` is the time it covers, in words."""

    label: str
    period: str
    number: int


@dataclass(frozen=True)
class ChartBar:
    """A bar's place. `x`, `width` and `middle` are percentages, `y` and `height` pixels."""

    value: ChartValue
    x: str
    width: str
    middle: str
    y: float
    height: float
    label: str
    is_minor: bool  # its label is hidden on a phone


class GridLine(NamedTuple):
    y: float
    number: str


@dataclass(frozen=True)
class Chart:
    """`summary` is a sentence, `noun` what is counted, `period_heading` the heading of the table's first column."""

    name: str
    title: str
    summary: str
    noun: str
    period_heading: str
    values: Sequence[ChartValue]
    labels_every: int
    is_last_running: bool = False

    height = CHART_HEIGHT
    left = f"{LEFT_PERCENT}%"
    scale_x = f"{LEFT_PERCENT - 1}%"
    label_y = LABEL_Y

    @property
    def top_of_scale(self) -> int:
        return round_up(max((value.number for value in self.values), default=0))

    def lines(self) -> list[GridLine]:
        top = self.top_of_scale
        numbers = [0, top // 2, top] if top > 1 else [0, top]
        return [GridLine(round(BOTTOM - self.pixels(number), 1), abbreviated(number)) for number in numbers]

    def bars(self) -> Iterator[ChartBar]:
        room = (100 - LEFT_PERCENT) / max(len(self.values), 1)
        for position, value in enumerate(self.values):
            height = max(self.pixels(value.number), MIN_BAR_HEIGHT) if value.number else 0.0
            begin = LEFT_PERCENT + position * room
            yield ChartBar(
                value=value,
                x=f"{begin + room * (1 - BAR_SHARE) / 2:.2f}%",
                width=f"{room * BAR_SHARE:.2f}%",
                middle=f"{begin + room / 2:.2f}%",
                y=round(BOTTOM - height, 1),
                height=round(height, 1),
                label="" if position % self.labels_every else value.label,
                is_minor=position % (2 * self.labels_every) != 0,
            )

    def pixels(self, number: int) -> float:
        return (BOTTOM - TOP) * number / self.top_of_scale


def round_up(number: int) -> int:
    """The top of a scale for this number: easy to halve and to read, such as 20, 60 or 10,000; at least 1."""
    if number <= 1:
        return 1
    magnitude: int = 10 ** int(math.log10(number))
    return next((step * magnitude for step in SCALE_STEPS if step * magnitude >= number), 10 * magnitude)


def abbreviated(number: int) -> str:
    """Such as "250", "2.5k" or "10M"."""
    for size, letter in UNIT_LETTERS:
        if number >= size:
            return f"{number / size:.1f}".removesuffix(".0") + letter
    return str(number)

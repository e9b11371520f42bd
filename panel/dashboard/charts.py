"""Bar charts that a template draws as SVG: the position and size of each bar.

Each bar is a link to what it counts, named with its period and number. With static/portcullis/chart.js a chart is one stop of
the Tab key, the arrow keys go from bar to bar, and the name of the bar under the pointer or the focus stands below the chart.

Horizontal positions are percentages of the chart's width, so that a chart fits any screen while its labels keep their size.
Vertical positions are pixels.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

LEFT_PERCENT = 9.0  # room for the scale's numbers
CHART_HEIGHT = 176
TOP, BOTTOM = 14, 148  # of the bars
LABEL_Y = 167
BAR_SHARE = 0.74
MIN_BAR_HEIGHT = 2  # so that 1 differs from 0 beside 1,000
SCALE_STEPS = (1, 2, 4, 6, 8, 10)
UNIT_LETTERS = ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k"))


class ChartValue(NamedTuple):
    """The number of one bar.

    `label` stands below the bar if there is room; `period` is the time it covers, in words; `url` shows what was counted.
    """

    label: str
    period: str
    number: int
    url: str


@dataclass(frozen=True)
class ChartBar:
    """A bar's place. The values of `x`, `width`, `left`, `room` and `middle` are percentages, `y` and `height` pixels.

    `left` and `room` are of the bar with the space around it, which the pointer can hit.
    """

    value: ChartValue
    left: str
    room: str
    x: str
    width: str
    middle: str
    y: float
    height: float
    reading: str
    label: str
    is_minor: bool  # its label is hidden on a phone

    def drawn(self, *, is_running: bool) -> SafeString:
        if not self.height:
            return SafeString("")
        return format_html(
            '<rect class="bar{}" x="{}" y="{}" width="{}" height="{}" rx="2"/>',
            *(" running" if is_running else "", self.x, self.y, self.width, self.height),
        )

    def drawn_label(self) -> SafeString:
        if not self.label:
            return SafeString("")
        html = '<text class="label{}" x="{}" y="{}" aria-hidden="true">{}</text>'
        return format_html(html, " minor" if self.is_minor else "", self.middle, LABEL_Y, self.label)


class GridLine(NamedTuple):
    y: float
    number: str


@dataclass(frozen=True)
class Chart:
    """`summary` is a sentence, `nouns` what is counted (one, many), `period_heading` the heading of the table's first column.

    `legend` says what a bar is; `running_legend` what the last one is, if it differs.
    """

    name: str
    title: str
    summary: str
    nouns: tuple[str, str]
    period_heading: str
    legend: str
    values: Sequence[ChartValue]
    labels_every: int
    running_legend: str = ""

    height = CHART_HEIGHT
    left = f"{LEFT_PERCENT}%"
    scale_x = f"{LEFT_PERCENT - 1}%"

    @property
    def noun(self) -> str:
        return self.nouns[1]

    @cached_property
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
                left=f"{begin:.2f}%",
                room=f"{room:.2f}%",
                x=f"{begin + room * (1 - BAR_SHARE) / 2:.2f}%",
                width=f"{room * BAR_SHARE:.2f}%",
                middle=f"{begin + room / 2:.2f}%",
                y=round(BOTTOM - height, 1),
                height=round(height, 1),
                reading=f"{value.period}: {value.number:,} {self.nouns[value.number != 1]}",
                label="" if position % self.labels_every else value.label,
                is_minor=position % (2 * self.labels_every) != 0,
            )

    def drawn_bars(self) -> SafeString:
        """The links with their bars and labels. Not in the template, where they took a tenth of the dashboard's time."""
        drawn = [(bar, self.running_legend and bar.value is self.values[-1]) for bar in self.bars()]
        return format_html_join(
            "\n",
            '<a href="{}" aria-label="{}"><rect class="room" x="{}" y="0" width="{}" height="{}"/>{}</a>{}',
            (
                (
                    *(bar.value.url, bar.reading, bar.left, bar.room, BOTTOM),
                    bar.drawn(is_running=bool(is_running)),
                    bar.drawn_label(),
                )
                for bar, is_running in drawn
            ),
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

"""Charts of values that were measured many times in each hour or day: from the lowest to the highest, with the mean.

As the bars of `panel.dashboard.charts`, each range is a link, here to its row in the table below the chart: with
static/portcullis/chart.js a chart is one stop of the Tab key, and the arrow keys read one range after another. Horizontal
positions are percentages of the chart's width, vertical ones are pixels.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from panel.dashboard.charts import GridLine, abbreviated, round_up

LEFT_PERCENT = 13.0  # room for the scale's numbers
CHART_HEIGHT = 132
TOP, BOTTOM = 12, 104
LABEL_Y = 123
RANGE_SHARE = 0.6
MEAN_HEIGHT = 3
MIN_HEIGHT = 3


class Measured(NamedTuple):
    low: float
    mean: float
    high: float


class RangeValue(NamedTuple):
    """`label` stands below the range if there is room, `period` is the time in words, `key` the id of its row.

    `measured` is None if nothing was measured.
    """

    label: str
    period: str
    key: str
    measured: Measured | None


@dataclass(frozen=True)
class RangeChart:
    """`unit` stands after each number, which has `digits` decimals. The scale ends at `top`, if that is given."""

    name: str
    title: str
    unit: str
    values: Sequence[RangeValue]
    labels_every: int
    period_heading: str
    digits: int = 0
    top: float | None = None

    height = CHART_HEIGHT
    left = f"{LEFT_PERCENT}%"
    scale_x = f"{LEFT_PERCENT - 1.5}%"

    @cached_property
    def measured(self) -> list[Measured]:
        return [value.measured for value in self.values if value.measured is not None]

    @property
    def summary(self) -> str:
        """As in "3 % to 81 %, newest mean 12 %"."""
        if not self.measured:
            return "No samples."
        low, high = min(each.low for each in self.measured), max(each.high for each in self.measured)
        return f"{self.number(low)} to {self.number(high)}, newest mean {self.number(self.measured[-1].mean)}"

    @cached_property
    def scale(self) -> tuple[float, float]:
        """Lowest and highest number. The lowest is 0, unless something is below."""
        highest = max((each.high for each in self.measured), default=0)
        lowest = min((each.low for each in self.measured), default=0)
        top = self.top if self.top is not None else round_up(math.ceil(max(highest, 0)))
        return (0 if lowest >= 0 else -round_up(math.ceil(-lowest))), max(top, highest)

    def lines(self) -> list[GridLine]:
        bottom, top = self.scale
        return [
            GridLine(round(self.y(number), 1), signed(number))
            for number in sorted({bottom, 0, (bottom + top) / 2, top})
        ]

    def y(self, number: float) -> float:
        bottom, top = self.scale
        return BOTTOM - (BOTTOM - TOP) * (number - bottom) / ((top - bottom) or 1)

    def number(self, value: float) -> str:
        return f"{value:,.{self.digits}f} {self.unit}"

    def rows(self) -> Iterator[tuple[RangeValue, list[str]]]:
        """For the table: the newest first."""
        for value in reversed(self.values):
            yield value, [self.number(each) for each in value.measured] if value.measured else []

    def drawn(self) -> SafeString:
        """The links with their ranges and labels; see `panel.dashboard.charts` for why not in the template."""
        room = (100 - LEFT_PERCENT) / max(len(self.values), 1)
        return format_html_join(
            "\n",
            '<a href="#{}" aria-label="{}"><rect class="room" x="{}" y="0" width="{}" height="{}"/>{}</a>{}',
            (
                (
                    value.key,
                    self.reading(value),
                    f"{LEFT_PERCENT + position * room:.2f}%",
                    f"{room:.2f}%",
                    BOTTOM,
                    self.drawn_range(value, begin=LEFT_PERCENT + position * room, room=room),
                    self.drawn_label(value, position, middle=LEFT_PERCENT + (position + 0.5) * room),
                )
                for position, value in enumerate(self.values)
            ),
        )

    def reading(self, value: RangeValue) -> str:
        if value.measured is None:
            return f"{value.period}: no samples"
        low, mean, high = map(self.number, value.measured)
        return f"{value.period}: mean {mean}, {low} to {high}"

    def drawn_range(self, value: RangeValue, *, begin: float, room: float) -> SafeString:
        if value.measured is None:
            return SafeString("")
        low, mean, high = map(self.y, value.measured)
        x, width = f"{begin + room * (1 - RANGE_SHARE) / 2:.2f}%", f"{room * RANGE_SHARE:.2f}%"
        return format_html(
            '<rect class="range" x="{}" y="{}" width="{}" height="{}"/>'
            '<rect class="mean" x="{}" y="{}" width="{}" height="{}"/>',
            *(x, f"{high:.1f}", width, f"{max(low - high, MIN_HEIGHT):.1f}"),
            *(x, f"{mean - MEAN_HEIGHT / 2:.1f}", width, MEAN_HEIGHT),
        )

    def drawn_label(self, value: RangeValue, position: int, *, middle: float) -> SafeString:
        if position % self.labels_every:
            return SafeString("")
        minor = " minor" if position % (2 * self.labels_every) else ""
        html = '<text class="label{}" x="{}" y="{}" aria-hidden="true">{}</text>'
        return format_html(html, minor, f"{middle:.2f}%", LABEL_Y, value.label)


def signed(number: float) -> str:
    return f"−{abbreviated(round(-number))}" if number < 0 else abbreviated(round(number))

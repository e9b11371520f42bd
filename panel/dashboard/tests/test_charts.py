"""Whatever the numbers, the bars stay within the chart and the scale can be read."""

import re

import pytest
from django.template.loader import render_to_string
from hypothesis import given
from hypothesis import strategies as st

from panel.dashboard.charts import BOTTOM, MIN_BAR_HEIGHT, TOP, Chart, ChartValue, abbreviated, round_up


def chart(*numbers: int, labels_every: int = 2) -> Chart:
    values = [
        ChartValue(f"{hour:02}:00", f"hour {hour}", number, f"/hours/{hour}") for hour, number in enumerate(numbers)
    ]
    return Chart("calls", "Calls", "A summary.", ("call", "calls"), "Hour", "calls of an hour", values, labels_every)


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=24))
def test_bars_stand_on_the_line_side_by_side_and_within_the_chart(numbers: list[int]) -> None:
    drawn, right = list(chart(*numbers).bars()), 0.0
    for bar, number in zip(drawn, numbers, strict=True):
        x, width = float(bar.x[:-1]), float(bar.width[:-1])
        assert right <= x < x + width <= 100
        assert TOP <= bar.y <= BOTTOM
        assert bar.y + bar.height == pytest.approx(BOTTOM, abs=0.11)
        assert (bar.height >= MIN_BAR_HEIGHT) if number else bar.height == 0
        right = x + width


@given(st.integers(0, 10**12))
def test_the_scale_reaches_to_the_highest_bar_and_not_far_beyond(number: int) -> None:
    assert number <= round_up(number) <= max(2.5 * number, 1)


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0"), (999, "999"), (1_000, "1k"), (2_500, "2.5k"), (50_000, "50k"), (2_000_000, "2M")]
)
def test_the_scale_speaks_briefly(number: int, said: str) -> None:
    assert abbreviated(number) == said


def test_the_scale_has_whole_numbers_from_none_to_the_top() -> None:
    assert [line.number for line in chart(0, 0).lines()] == ["0", "1"]
    assert [line.number for line in chart(1, 0).lines()] == ["0", "1"]
    assert [line.number for line in chart(1, 4).lines()] == ["0", "2", "4"]
    assert [line.number for line in chart(7, 90).lines()] == ["0", "50", "100"]
    assert [line.number for line in chart(7, 110).lines()] == ["0", "100", "200"]


def test_one_beside_a_million_is_seen() -> None:
    one, million = chart(1, 1_000_000).bars()
    assert one.height == MIN_BAR_HEIGHT
    assert million.height == BOTTOM - TOP


def test_every_second_label_and_on_a_phone_every_fourth() -> None:
    drawn = list(chart(*range(8)).bars())
    assert [bar.label for bar in drawn] == ["00:00", "", "02:00", "", "04:00", "", "06:00", ""]
    assert [bar.label for bar in drawn if not bar.is_minor] == ["00:00", "04:00"]


def test_each_bar_is_a_link_with_its_words_and_stands_in_a_table() -> None:
    html = render_to_string("panel/dashboard/chart.html", {"chart": chart(3, 1, 0, 1_234)})
    assert html.count('<rect class="bar') == 3
    links = re.findall(r'<a href="([^"]+)" aria-label="([^"]+)">', html)
    assert links == [
        ("/hours/0", "hour 0: 3 calls"),
        ("/hours/1", "hour 1: 1 call"),
        ("/hours/2", "hour 2: 0 calls"),
        ("/hours/3", "hour 3: 1,234 calls"),
    ]
    rows = re.findall(r'<th scope="row"><a href="(.+?)">(.+?)</a></th><td class="number">(.+?)</td>', html)
    assert rows[0] == ("/hours/0", "hour 0", "3")
    assert [number for _, _, number in rows] == ["3", "1", "0", "1234"]
    assert "calls of an hour" in html
    assert "style=" not in html


def test_a_chart_without_bars_is_a_chart() -> None:
    assert "<rect" not in render_to_string("panel/dashboard/chart.html", {"chart": chart()})

"""Health and telemetry on the page of a device."""

import re
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Admin
from conftest import Clock, RegisteredSite
from fleet.heartbeats.tests.calls import RegisteredDevice, a_device
from fleet.telemetry.rollup import compute_marked_hours
from fleet.telemetry.services import Period, Sample, store_periods, store_samples
from panel.fleet.devices.page.health import health_charts
from panel.fleet.devices.tests.cast import page_of
from panel.tests.screen import browser_of
from panel.widgets.range_chart import Measured, RangeChart, RangeValue

pytestmark = pytest.mark.django_db


@pytest.fixture
def till(roma: RegisteredSite, clock: Clock) -> RegisteredDevice:
    return a_device(roma)


def html_of(person: Admin, till: RegisteredDevice) -> str:
    return " ".join(browser_of(person).get(page_of(till.id)).content.decode().split())


def measure(till: RegisteredDevice, at: datetime, cpu: float, *, celsius: float | None = 40.0, now: datetime) -> None:
    store_samples(till.id, [Sample(at, cpu, 312.0, 1024.0, celsius)], at=now)


def test_each_hour_and_day_has_lowest_mean_and_highest(vera: Admin, till: RegisteredDevice, clock: Clock) -> None:
    for minutes, cpu in ((10, 10.0), (20, 20.0), (30, 60.0)):
        measure(till, clock.at - timedelta(minutes=minutes), cpu, now=clock.at)
    html = html_of(vera, till)
    assert 'aria-label="Mon 01 Jun, 11:00 to 12:00: mean 30 %, 10 % to 60 %"' in html
    assert 'aria-label="Mon 01 Jun 2026: mean 30 %, 10 % to 60 %"' in html
    assert 'aria-label="Mon 01 Jun, 10:00 to 11:00: no samples"' in html
    row = re.search(r'<tr id="cpu-2026-06-01T11-hours">(.*?)</tr>', html)
    assert row
    assert re.findall(r'"number">([^<]+)<', row[1]) == ["10 %", "30 %", "60 %"]
    assert 'href="#cpu-2026-06-01T11-hours"' in html
    assert "CPU 10 %, memory 312 of 1,024 MB, 40.0 °C" in html


def test_a_device_without_samples_or_temperature(vera: Admin, till: RegisteredDevice, clock: Clock) -> None:
    html = html_of(vera, till)
    assert html.count("<p>No samples.</p>") == 2
    measure(till, clock.at, 5.0, celsius=None, now=clock.at)
    html = html_of(vera, till)
    temperature = html.partition('id="chart-temperature-hours"')[2].partition("</section>")[0]
    assert "No samples." in temperature
    assert "<svg" not in temperature


def test_what_is_older_is_not_drawn(till: RegisteredDevice, clock: Clock) -> None:
    measure(till, clock.at - timedelta(hours=25), 90.0, now=clock.at)
    measure(till, clock.at - timedelta(days=29), 80.0, now=clock.at)
    hours, days = health_charts(till.id, at=clock.at)
    assert not hours.has_samples
    assert [each.high for each in days.charts[0].measured] == [80.0, 90.0]
    assert len(hours.charts[0].values) == 24
    assert len(days.charts[0].values) == 30


def test_totals_add_up_and_averages_are_weighted(vera: Admin, till: RegisteredDevice, clock: Clock) -> None:
    begin = clock.at - timedelta(hours=30)
    for number, orders in enumerate((3, 4)):
        start = begin + timedelta(hours=number)
        metrics = {"total_orders": float(orders), "average_wait": 10.0 * (number + 1)}
        store_periods(till.id, [Period(start, start + timedelta(hours=1), metrics)], at=clock.at)
    old = clock.at - timedelta(days=40)
    store_periods(till.id, [Period(old, old + timedelta(hours=1), {"total_orders": 900.0})], at=clock.at)
    html = html_of(vera, till)
    assert '<code>total_orders</code></th><td class="number">7</td><td>total</td>' in html
    assert '<code>average_wait</code></th><td class="number">15</td><td>average</td>' in html


def test_a_long_history_costs_no_more_statements(vera: Admin, till: RegisteredDevice, clock: Clock) -> None:
    costs = []
    for days in (1, 29):
        for number in range(days):
            measure(till, clock.at - timedelta(days=number, minutes=days), 5.0, now=clock.at)
        compute_marked_hours(at=clock.move(hours=1))
        browser = browser_of(vera)
        with CaptureQueriesContext(connection) as captured:
            browser.get(page_of(till.id))
        costs.append(len(captured))
    assert costs[0] == costs[1] > 10


def chart(*measured: Measured | None, top: float | None = None) -> RangeChart:
    values = [RangeValue(str(n), f"hour {n}", f"k{n}", each) for n, each in enumerate(measured)]
    return RangeChart("x", "X", "°C", values, labels_every=1, period_heading="Hour", digits=1, top=top)


def test_a_frost_is_below_the_zero_line() -> None:
    frost = chart(Measured(-12.5, -3.0, 4.0))
    assert frost.scale == (-20, 4)
    assert [line.number for line in frost.lines()] == ["−20", "−8", "0", "4"]
    assert frost.y(-12.5) > frost.y(0) > frost.y(4)


def test_what_is_above_the_usual_top_stays_inside() -> None:
    assert chart(Measured(0, 50, 130), top=100).scale == (0, 130)
    assert chart(Measured(0, 0, 0)).scale == (0, 1)


def test_nothing_measured_is_drawn_as_nothing() -> None:
    empty = chart(None, None)
    assert empty.summary == "No samples."
    assert 'class="range"' not in empty.drawn()
    assert empty.drawn().count("no samples") == 2

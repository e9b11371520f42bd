"""Counters and averages, in periods that never overlap."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from portcullis_agent.device import Device

from ..signing import rfc3339
from ..simulated_clock import SimulatedClock
from .conftest import MakeDevice, run_for
from .fleet import Fleet


def work(device: Device, clock: SimulatedClock, seconds: float) -> None:
    """An order a minute, of 5, 6, 7, … euros."""
    for minute in range(int(seconds // 60)):
        device.count("orders")
        device.count("total_revenue", 5 + minute)
        device.observe("latency_ms", 10 * minute)
        run_for(device, clock, 60)


def test_a_period_ends_with_the_hour(make_device: MakeDevice, fleet: Fleet, clock: SimulatedClock) -> None:
    device = make_device()
    run_for(device, clock, 10)
    work(device, clock, 3 * 3_600)
    run_for(device, clock, 120)
    periods = sorted(fleet.periods, key=lambda period: period["period_start"])
    assert len(periods) == 3
    for before, after in zip(periods, periods[1:]):
        assert before["period_end"] == after["period_start"]
    for period in periods[1:]:
        assert period["period_start"][14:16] == "00", "within a minute after the hour began"
        assert period["total_orders"] == pytest.approx(60, abs=1)
    assert set(periods[0]) == {"period_start", "period_end", "total_orders", "total_revenue", "average_latency_ms"}
    spread = periods[1]["total_revenue"] - 5 * periods[1]["total_orders"]
    assert periods[1]["average_latency_ms"] == pytest.approx(10 * spread / periods[1]["total_orders"])


def test_a_kill_loses_a_minute_at_most(make_device: MakeDevice, fleet: Fleet, clock: SimulatedClock) -> None:
    device = make_device()
    run_for(device, clock, 10)
    work(device, clock, 600)
    clock.restart_machine(seconds_off=7_200)  # nothing is closed
    device = make_device()
    work(device, clock, 3_660)
    device.telemetry.close_period()
    run_for(device, clock, 30)
    first, *_ = sorted(fleet.periods, key=lambda period: period["period_start"])
    assert first["total_orders"] >= 9
    assert first["period_end"] < rfc3339(clock.now - 3_690 - 7_000), "the time without power is no part of it"
    assert sum(period["total_orders"] for period in fleet.periods) in {70, 71}


def test_a_clean_stop_ends_the_period(make_device: MakeDevice, fleet: Fleet, clock: SimulatedClock) -> None:
    device = make_device()
    run_for(device, clock, 10)
    work(device, clock, 300)
    device._end(threading.Thread())
    assert fleet.heartbeats[-1]["status"] == "stopped"
    device = make_device()
    run_for(device, clock, 30)
    assert [period["total_orders"] for period in fleet.periods] == [5]


def test_a_period_without_numbers_is_not_sent(make_device: MakeDevice, fleet: Fleet, clock: SimulatedClock) -> None:
    run_for(make_device(), clock, 10_000)
    assert fleet.periods == []


def test_periods_of_a_box_without_a_clock_do_not_overlap(
    make_device: MakeDevice, fleet: Fleet, clock: SimulatedClock
) -> None:
    clock.wall_error = -clock.now
    device = make_device()
    fleet.devices[device.settings.id]["key"], key = None, fleet.devices[device.settings.id]["key"]
    work(device, clock, 5_000)
    fleet.devices[device.settings.id]["key"] = key
    for error in (0.0, 1e8, -1e8):
        clock.wall_error = error
        work(device, clock, 4_000)
    device.telemetry.close_period()
    run_for(device, clock, 400)
    assert sum(period["total_orders"] for period in fleet.periods) == 83 + 3 * 66
    assert len(device._periods) == 0


@pytest.mark.parametrize("content", [b"", b"{}", b"\0\0", b'{"start": [1], "end": 2, "totals": {}, "averages": {}}'])
def test_a_damaged_open_period_is_lost_and_nothing_else(
    make_device: MakeDevice, fleet: Fleet, clock: SimulatedClock, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    device = make_device()
    (device.settings.state_dir / "telemetry.json").write_bytes(content)
    device = make_device()
    work(device, clock, 3_700)
    assert fleet.periods
    assert "is lost" in caplog.text


@pytest.mark.parametrize("name", ["", "Orders", "ä", "a-b", "x" * 64, "a b"])
def test_a_name_that_the_server_would_refuse_is_an_error_of_the_program(make_device: MakeDevice, name: str) -> None:
    device = make_device()
    for call in (device.count, device.observe):
        with pytest.raises(ValueError, match="no name of a metric"):
            call(name, 1)


def test_more_metrics_than_the_server_takes_and_odd_numbers_are_left_out(
    make_device: MakeDevice, caplog: pytest.LogCaptureFixture
) -> None:
    device = make_device()
    for number in range(60):
        device.count(f"metric_{number}")
        device.count("metric_1", float("nan"))
        device.observe("metric_2", float("inf"))
    numbers = device.telemetry._period.numbers
    assert (len(numbers), numbers["total_metric_1"]) == (50, 1)
    assert len(caplog.records) == 1


def test_threads_count_together(make_device: MakeDevice) -> None:
    device = make_device()

    def count() -> None:
        for _ in range(2_000):
            device.count("orders")
            device.observe("seconds", 1)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers: dict[str, Any] = device.telemetry._period.numbers
    assert numbers == {"total_orders": 8_000, "average_seconds": 1.0}

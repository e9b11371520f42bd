"""Samples and periods on their way to the server: nothing is lost, and nothing is sent without an end."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from portcullis_agent.client import RequestFailed
from portcullis_agent.device import Device
from portcullis_agent.device.forwarding import read_verdicts

from ..signing import rfc3339
from ..simulated_clock import SimulatedClock
from .conftest import MakeDevice, run_for
from .fleet import Fleet

HEALTH = "/api/health"


def waiting(device: Device) -> int:
    return len(device._samples)


def offline(fleet: Fleet, device: Device, clock: SimulatedClock, seconds: float) -> None:
    """Let the device run while no request is answered."""
    key = fleet.devices[device.settings.id].pop("key")
    fleet.devices[device.settings.id]["key"] = None
    run_for(device, clock, seconds)
    fleet.devices[device.settings.id]["key"] = key


def test_a_sample_is_taken_and_sent_every_five_minutes(
    make_device: MakeDevice, fleet: Fleet, clock: SimulatedClock
) -> None:
    device, started = make_device(), clock.now
    run_for(device, clock, 3_600)
    assert len(fleet.samples) == 12
    assert set(fleet.batches) == {("health", 1)}
    assert waiting(device) == 0
    first = min(fleet.samples)
    assert rfc3339(started) < first < rfc3339(started + 31)
    assert fleet.samples[first] == {
        "at": first,
        "cpu_usage_percent": 1.5,
        "memory_used_mb": 100,
        "memory_total_mb": 1000,
        "disk_used_percent": 10.0,
        "temperature_celsius": 1.0,
    }


def test_a_backlog_goes_out_from_the_oldest_on_and_the_present_sample_at_once(
    make_device: MakeDevice, fleet: Fleet, clock: SimulatedClock
) -> None:
    device = make_device()
    run_for(device, clock, 60)
    offline(fleet, device, clock, 12 * 3_600)
    known, count = set(fleet.samples), waiting(device)
    assert 140 <= count <= 146
    device._forwarders[0].due_at = None
    fleet.batches.clear()
    device._sample_at = device.clock.monotonic()
    device._forwarders[0]._failures = 0
    device.step()
    assert fleet.batches == [("health", 1)]
    assert max(fleet.samples) >= rfc3339(clock.now - 2)
    run_for(device, clock, 10)
    assert [size for _, size in fleet.batches] == [1, 50, 50, count - 100]
    assert waiting(device) == 0
    later = sorted(set(fleet.samples) - known)
    assert len(later) == count + 1
    assert list(fleet.samples)[-count:] == later[:-1], "oldest first"


def test_what_waits_survives_a_restart(make_device: MakeDevice, fleet: Fleet, clock: SimulatedClock) -> None:
    device = make_device()
    run_for(device, clock, 60)
    offline(fleet, device, clock, 3_600)
    count = waiting(device)
    clock.restart_machine()
    device = make_device()
    assert waiting(device) == count >= 11
    run_for(device, clock, 60)
    assert waiting(device) == 0
    assert len(fleet.samples) == count + 2


def test_an_answer_that_is_lost_leads_to_duplicates_which_are_no_failure(
    make_device: MakeDevice, fleet: Fleet, clock: SimulatedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = make_device()
    answered = fleet.take

    def lose(kind: str, items: list[dict[str, Any]]) -> tuple[int, dict[str, Any]]:
        answered(kind, items)
        return 502, {}

    monkeypatch.setattr(fleet, "take", lose)
    run_for(device, clock, 1_300)
    monkeypatch.setattr(fleet, "take", answered)
    run_for(device, clock, 700)
    assert waiting(device) == 0
    assert len(fleet.samples) == 7


def test_too_large_a_request_is_halved(make_device: MakeDevice, fleet: Fleet, clock: SimulatedClock) -> None:
    device = make_device()
    run_for(device, clock, 60)
    offline(fleet, device, clock, 12 * 3_600)
    fleet.most_items = 13
    fleet.batches.clear()
    run_for(device, clock, 400)
    sizes = [size for _, size in fleet.batches if size > 1]
    assert sizes[:4] == [50, 25, 12, 12]
    assert max(sizes[3:]) == 12
    assert waiting(device) == 0
    assert len(fleet.samples) >= 140


def test_one_item_that_makes_a_request_unreadable_is_found_and_dropped(
    make_device: MakeDevice, fleet: Fleet, clock: SimulatedClock, caplog: pytest.LogCaptureFixture
) -> None:
    device = make_device()
    run_for(device, clock, 60)
    offline(fleet, device, clock, 3_600)
    answered = fleet.take
    poison = sorted(record.content["values"]["temperature_celsius"] for record in device._samples.oldest(20))[5]

    def take(kind: str, items: list[dict[str, Any]]) -> tuple[int, dict[str, Any]]:
        if any(item.get("temperature_celsius") == poison for item in items):
            return 400, {"code": "malformed", "detail": "no"}
        return answered(kind, items)

    fleet.take = take  # type: ignore[method-assign]
    count = waiting(device)
    run_for(device, clock, 400)
    assert waiting(device) == 0
    assert len(fleet.samples) == count + 2 - 1
    assert "The server refused health" in caplog.text


@pytest.mark.parametrize("status", [429, 503])
def test_the_server_says_how_long_to_wait(
    make_device: MakeDevice, fleet: Fleet, clock: SimulatedClock, status: int
) -> None:
    device = make_device()
    fleet.planned = [(HEALTH, status, {"Retry_After": "900"}, {})]
    run_for(device, clock, 60)
    asked = fleet.requests.count(("POST", HEALTH))
    run_for(device, clock, 830)
    assert (asked, fleet.requests.count(("POST", HEALTH))) == (1, 1)
    run_for(device, clock, 100)
    assert fleet.requests.count(("POST", HEALTH)) >= 2
    assert waiting(device) == 0


def test_rejected_items_are_dropped_and_each_reason_is_said_once(
    make_device: MakeDevice, fleet: Fleet, clock: SimulatedClock, caplog: pytest.LogCaptureFixture
) -> None:
    device = make_device()
    fleet._sample = lambda _: "out of\nrange"  # type: ignore[method-assign]
    run_for(device, clock, 3_600)
    assert waiting(device) == 0
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(said) == 1
    assert "out of range" in said[0]


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"accepted": 2, "duplicates": 0},
        {"accepted": 1, "duplicates": 0, "rejected": []},
        {"accepted": 3, "duplicates": 0, "rejected": []},
        {"accepted": True, "duplicates": 1, "rejected": []},
        {"accepted": 1, "duplicates": 0, "rejected": [{"index": 2}]},
        {"accepted": 1, "duplicates": 0, "rejected": [{"index": True}]},
        {"accepted": 1, "duplicates": 0, "rejected": ["no"]},
        {"accepted": "2", "duplicates": 0, "rejected": []},
    ],
)
def test_only_a_verdict_on_each_item_lets_them_be_forgotten(answer: dict[str, Any]) -> None:
    with pytest.raises(RequestFailed):
        read_verdicts(answer, 2)


def test_a_sign_in_page_does_not_empty_the_queue(make_device: MakeDevice, fleet: Fleet, clock: SimulatedClock) -> None:
    device = make_device()
    fleet.planned = [(HEALTH, 200, {}, {"welcome": "to the hotel"})]
    run_for(device, clock, 100)
    assert fleet.requests.count(("POST", HEALTH)) == 2
    assert (len(fleet.samples), waiting(device)) == (1, 0)


def test_samples_before_the_first_contact_get_the_servers_time(
    make_device: MakeDevice, fleet: Fleet, clock: SimulatedClock
) -> None:
    """A box without a battery starts in 1970, and the network comes an hour later."""
    clock.wall_error = -clock.now
    device, started = make_device(), clock.now
    offline(fleet, device, clock, 3_600)
    assert waiting(device) == 12
    assert fleet.batches == []
    run_for(device, clock, 400)
    assert waiting(device) == 0
    times = sorted(fleet.samples)
    assert len(times) in {13, 14}
    assert rfc3339(started) <= times[0] <= rfc3339(started + 32)
    assert times[11] <= rfc3339(started + 3_600)


def test_samples_of_an_earlier_start_keep_its_time(
    make_device: MakeDevice, fleet: Fleet, clock: SimulatedClock
) -> None:
    clock.wall_error = -clock.now
    device = make_device()
    offline(fleet, device, clock, 1_000)
    begun = clock.now
    assert device.beat().answer
    assert waiting(device) >= 3
    clock.restart_machine(seconds_off=7_200)
    device = make_device()
    run_for(device, clock, 100)
    assert waiting(device) == 0
    assert len([at for at in fleet.samples if at < rfc3339(begun)]) >= 3


def test_a_clock_that_jumps_gives_no_sample_another_time(
    make_device: MakeDevice, fleet: Fleet, clock: SimulatedClock
) -> None:
    device = make_device()
    for error in (0.0, 5 * 365 * 86400.0, -86400.0, 0.0):
        clock.wall_error = error
        run_for(device, clock, 900)
    times = sorted(fleet.samples)
    assert len(times) == 12
    assert list(fleet.samples) == times


def test_a_queue_that_is_full_loses_the_oldest_and_the_device_goes_on(
    make_device: MakeDevice, fleet: Fleet, clock: SimulatedClock, caplog: pytest.LogCaptureFixture
) -> None:
    device = make_device({"queue_bytes": 64 * 1024})
    run_for(device, clock, 60)
    offline(fleet, device, clock, 2 * 86_400)
    lost = device._samples.lost
    assert lost > 100
    before = len(fleet.samples)
    run_for(device, clock, 400)
    assert waiting(device) == 0
    assert abs(len(fleet.samples) - before + lost - 2 * 288) <= 3
    assert "is full" in caplog.text

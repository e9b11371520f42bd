"""Heartbeats of a device over HTTP: their pace, and what an answer brings."""

from __future__ import annotations

import json
import os
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from portcullis_agent.client import RequestFailed
from portcullis_agent.device import DeviceSettings, heartbeat
from portcullis_agent.device.heartbeat import read_heartbeat_answer
from portcullis_agent.device.state import DeviceStore
from portcullis_agent.errors import AnotherWriter, SettingsError

from ..simulated_clock import SimulatedClock
from .conftest import MakeDevice, run_for
from .fleet import Fleet


def test_it_calls_when_it_is_told(make_device: MakeDevice, fleet: Fleet, clock: SimulatedClock) -> None:
    fleet.next_seconds = 40
    device = make_device()
    started = clock.now
    run_for(device, clock, 400)
    pauses = [round(b - a) for a, b in zip(fleet.heartbeats_at, fleet.heartbeats_at[1:])]
    assert fleet.heartbeats_at[0] - started < 5, "the first one of a new device"
    assert pauses == [40] * len(pauses)
    assert len(pauses) == 9
    first, second = fleet.heartbeats[:2]
    assert (first["sequence"], second["sequence"], second["uptime_seconds"] - first["uptime_seconds"]) == (1, 2, 40)
    assert first["boot_id"] == second["boot_id"]
    assert (first["config_version"], second["config_version"]) == (0, 1)
    assert second | {"boot_id": 0, "uptime_seconds": 0} == {
        "status": "online",
        "firmware_version": "1.0.0",
        "uptime_seconds": 0,
        "boot_id": 0,
        "sequence": 2,
        "config_version": 1,
    }
    assert make_device().beat().answer
    assert fleet.heartbeats[-1]["boot_id"] != first["boot_id"]


def test_devices_that_start_together_do_not_call_together(make_device: MakeDevice, fleet: Fleet) -> None:
    make_device().beat()
    first = [make_device()._heartbeats.due_at for _ in range(200)]
    assert max(first) - min(first) > 20
    assert max(first) <= 30


def test_all_requests_use_one_connection(make_device: MakeDevice, fleet: Fleet, clock: SimulatedClock) -> None:
    fleet.connections.clear()
    run_for(make_device(), clock, 1_000)
    assert len(fleet.heartbeats) > 30
    assert fleet.samples
    assert len(fleet.connections) == 1


def test_a_kept_connection_that_the_server_closed_is_no_failure(make_device: MakeDevice, fleet: Fleet) -> None:
    device = make_device()
    drop: tuple[str, int, dict[str, str], dict[str, Any]] = ("/api/devices/heartbeat", 0, {}, {})
    fleet.planned = [drop]
    assert device.beat().answer is None, "a new connection"
    assert device.beat().answer
    fleet.planned = [drop]
    assert device.beat().answer, "sent again over a new one"
    fleet.planned = [drop, drop]
    assert device.beat().answer is None, "once"
    assert [beat["sequence"] for beat in fleet.heartbeats] == [2, 3]


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_is_overloaded_is_left_alone(
    make_device: MakeDevice, fleet: Fleet, clock: SimulatedClock, status: int
) -> None:
    device = make_device()
    device.beat()
    fleet.planned = [("/api/devices/heartbeat", status, {"Retry_After": "200"}, {"code": "busy"})]
    asked_at = clock.now
    assert device.beat().answer is None
    run_for(device, clock, 500)
    assert fleet.heartbeats_at[1] - asked_at >= 200


def test_failures_lead_to_longer_pauses_up_to_five_minutes(make_device: MakeDevice, fleet: Fleet) -> None:
    class Longest(random.Random):
        def uniform(self, a: float, b: float) -> float:
            return b

    device = make_device(random_source=Longest())
    waits = []
    for _ in range(9):
        fleet.planned = [("/api/devices/heartbeat", 500, {}, {})]
        device.beat()
        waits.append(round(device._heartbeats.due_at - device.clock.monotonic()))
    assert waits == [5, 10, 20, 40, 80, 160, 300, 300, 300]


def test_a_failure_is_said_once_and_the_return_once(
    make_device: MakeDevice, fleet: Fleet, caplog: pytest.LogCaptureFixture
) -> None:
    device = make_device()
    fleet.planned = [("/api/devices/heartbeat", 500, {}, {})] * 5
    for _ in range(7):
        device.beat()
    assert [record.getMessage() for record in caplog.records] == [
        "Heartbeat: The server answered 500.",
        "Heartbeat: the server answers again.",
    ]


def test_a_jump_of_the_machines_date_changes_no_pause(
    make_device: MakeDevice, fleet: Fleet, clock: SimulatedClock
) -> None:
    device = make_device()
    run_for(device, clock, 100)
    for error in (-50 * 365 * 86400.0, 10 * 365 * 86400.0, 0.0):
        clock.wall_error = error
        run_for(device, clock, 700)
    pauses = {round(b - a) for a, b in zip(fleet.heartbeats_at, fleet.heartbeats_at[1:])}
    assert pauses == {30}
    assert len(fleet.samples) >= 7


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"server_time": "2026-11-29T00:00:00Z"},
        {"server_time": "yesterday", "next_heartbeat_seconds": 30},
        {"server_time": "2026-11-29T00:00:00Z", "next_heartbeat_seconds": "soon"},
        {"server_time": "2026-11-29T00:00:00Z", "next_heartbeat_seconds": None},
        {"server_time": 7, "next_heartbeat_seconds": 30},
    ],
)
def test_an_answer_of_something_else_is_a_failure(make_device: MakeDevice, fleet: Fleet, body: dict[str, Any]) -> None:
    device = make_device()
    fleet.planned = [("/api/devices/heartbeat", 200, {}, body)]
    result = device.beat()
    assert result.answer is None
    assert result.reason == "The answer is not the control plane's: it does not say when to call next."


def test_members_of_a_wrong_type_count_as_left_out() -> None:
    good = {"server_time": "2026-11-29T00:00:00Z", "next_heartbeat_seconds": 30}
    wrong = {"config_version": True, "config": [], "commands": {}, "firmware": "x", "licensed": 1, "locked": "no"}
    assert read_heartbeat_answer(good | wrong) == read_heartbeat_answer(good)
    assert read_heartbeat_answer(good | {"next_heartbeat_seconds": -5}).next_seconds == 1
    assert read_heartbeat_answer(good | {"next_heartbeat_seconds": 1e9}).next_seconds == 86400
    with pytest.raises(RequestFailed):
        read_heartbeat_answer(good | {"next_heartbeat_seconds": float("nan")})


def test_a_configuration_is_applied_once_and_kept(make_device: MakeDevice, fleet: Fleet) -> None:
    applied: list[dict[str, Any]] = []
    device = make_device(on_config=applied.append)
    fleet.config, fleet.config_version = {"printer": {"width": 42}}, 7
    for _ in range(3):
        device.beat()
    assert applied == [{"printer": {"width": 42}}]
    assert fleet.heartbeats[-1]["config_version"] == 7
    again = make_device()
    assert again.config == {"printer": {"width": 42}}
    again.beat()
    assert fleet.heartbeats[-1]["config_version"] == 7


def test_a_configuration_that_cannot_be_applied_comes_again(
    make_device: MakeDevice, fleet: Fleet, caplog: pytest.LogCaptureFixture
) -> None:
    applied: list[dict[str, Any]] = []

    def apply(config: dict[str, Any]) -> None:
        applied.append(config)
        if len(applied) < 3:
            raise LookupError("no printer")

    device = make_device(on_config=apply)
    fleet.config = {"printer": 1}
    for _ in range(5):
        device.beat()
    assert [beat["config_version"] for beat in fleet.heartbeats] == [0, 0, 0, 1, 1]
    assert len(applied) == 3
    assert caplog.text.count("The configuration was not applied") == 1


def test_a_command_is_handed_over_once_also_after_a_restart(
    make_device: MakeDevice, fleet: Fleet, caplog: pytest.LogCaptureFixture
) -> None:
    done: list[Any] = []

    def carry_out(command: dict[str, Any]) -> None:
        done.append(command["id"])
        raise LookupError("no such command")

    fleet.commands = [{"id": "a", "kind": "restart"}, {"kind": "nameless"}, {"id": True}, "text", {"id": 7}]  # type: ignore[list-item]
    device = make_device(on_command=carry_out)
    device.beat()
    device.beat()
    fleet.commands.append({"id": "b"})
    make_device(on_command=carry_out).beat()
    assert done == ["a", 7, "b"]
    assert "failed" in caplog.text


def test_the_set_of_seen_commands_is_bounded(
    make_device: MakeDevice, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "MOST_COMMANDS", 20)
    done: list[Any] = []
    device = make_device(on_command=lambda command: done.append(command["id"]))
    for start in range(0, 60, 15):
        fleet.commands = [{"id": f"command {number}"} for number in range(start, start + 15)]
        device.beat()
        device.beat()
    assert len(done) == 60
    assert device.store.state.commands == tuple(done[-20:])


def test_a_command_that_cannot_be_noted_waits_until_it_can(
    make_device: MakeDevice, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[Any] = []
    device = make_device(on_command=lambda command: done.append(command["id"]))
    device.beat()
    fleet.commands = [{"id": "restart"}]
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", _full)
        device.beat()
        device.beat()
        assert done == []
        assert device.store.problem
    device.beat()
    device.beat()
    assert done == ["restart"]
    assert device.store.problem is None


def _full(_: int) -> None:
    raise OSError(28, "No space left on device")


def test_it_learns_the_licence_and_goes_on_in_any_case(
    make_device: MakeDevice, fleet: Fleet, clock: SimulatedClock
) -> None:
    device = make_device()
    assert (device.licensed, device.locked) == (None, None)
    fleet.licensed, fleet.locked = False, True
    run_for(device, clock, 700)
    assert (device.licensed, device.locked) == (False, True)
    assert len(fleet.heartbeats) > 20
    assert fleet.samples
    assert (make_device().licensed, make_device().locked) == (False, True)


def test_the_state_is_written_seldom(
    make_device: MakeDevice, clock: SimulatedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = make_device()
    written: list[int] = []
    monkeypatch.setattr(DeviceStore, "save", lambda _: written.append(1) or True)
    run_for(device, clock, 3_600)
    assert len(written) <= 10


def test_a_new_key_in_the_key_file_is_used_without_a_restart(
    make_device: MakeDevice, fleet: Fleet, settings: DeviceSettings, tmp_path: Path
) -> None:
    file = tmp_path / "key"
    file.write_text(settings.device_key)
    device = make_device({"key_file": file})
    assert device.beat().answer
    fleet.devices[settings.id]["key"] = "pdk_rotated"
    refused = device.beat()
    assert refused.reason == "The server does not accept this device's id and key (401)."
    for damaged in (b"", b"\xff", b"pdk_\x00x"):
        file.write_bytes(damaged)
        assert device.beat().answer is None
    file.write_text("pdk_rotated\n")
    assert device.beat().answer
    file.unlink()
    assert device.beat().answer, "what was read last"


def test_only_one_process_runs_a_device(make_device: MakeDevice, settings: DeviceSettings) -> None:
    device = make_device()
    store = DeviceStore(settings.state_dir)
    with pytest.raises(AnotherWriter):
        store.open()
    device.close()
    store.open()
    store.close()


def test_a_device_without_a_key_is_not_constructed(make_device: MakeDevice) -> None:
    with pytest.raises(SettingsError, match="not enrolled"):
        make_device({"device_key": ""})


@pytest.mark.parametrize("content", [b"", b"{}", b"\0" * 100, b'{"format": 2}', b"[" * 5_000])
def test_a_damaged_state_leads_to_the_one_before(
    make_device: MakeDevice, fleet: Fleet, settings: DeviceSettings, content: bytes
) -> None:
    device = make_device(on_command=print)
    for version in (3, 4):
        fleet.config, fleet.config_version = {"version": version}, version
        device.beat()
    file = settings.state_dir / "device.json"
    assert json.loads(file.read_text())["config_version"] == 4
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_bytes(content)
    assert make_device().config == {"version": 3}
    (settings.state_dir / "device.previous.json").write_bytes(content)
    assert make_device().config == {}
    assert make_device().beat().answer


def test_a_state_with_values_of_wrong_types_is_damaged(settings: DeviceSettings) -> None:
    store = DeviceStore(settings.state_dir)
    good = json.loads(store.state.encode())
    file = settings.state_dir / "device.json"
    (settings.state_dir / "device.previous.json").unlink(missing_ok=True)
    for change in (
        {"config": []},
        {"config_version": "x"},
        {"commands": 7},
        {"clocks": [["boot"]]},
        {"pinned": [{"kid": "x", "x": "y"}]},
        {"firmware": {"earlier": []} | {"unknown": 1}},
        {"firmware": None},
        {"unknown": 1},
    ):
        file.write_text(json.dumps(good | change))
        assert DeviceStore(settings.state_dir).state == replace(store.state, pinned=(), heartbeat_seconds=0)

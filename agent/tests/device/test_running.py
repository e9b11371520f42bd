"""The front ends: a thread of its own, an event loop, and the commands, as their users run them."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from portcullis_agent.device import Device, DeviceSettings, Manifest
from portcullis_agent.device.cli import main
from portcullis_agent.device.settings import DEFAULT_STATE_DIR
from portcullis_agent.device.state import DeviceStore
from portcullis_agent.errors import AnotherWriter

from ..signing import SigningKey
from .fleet import CODE, Fleet

Command = Callable[..., "CompletedProcess[str]"]
SOURCE = str(Path(__file__).parent.parent.parent / "src")


@pytest.fixture
def fleet() -> Fleet:
    """In true time."""
    made = Fleet()
    made.next_seconds = 0.2
    return made


@pytest.fixture
def settings(settings: DeviceSettings) -> DeviceSettings:
    """Of a device that starts with its first heartbeat within a second."""
    store = DeviceStore(settings.state_dir)
    store.open()
    store.change(heartbeat_seconds=1)
    store.close()
    return settings


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_thread_beats_until_it_is_stopped(settings: DeviceSettings, fleet: Fleet) -> None:
    device = Device(settings)
    device.start()
    device.start()
    device.count("orders", 3)
    with pytest.raises(AnotherWriter):
        Device(settings).start()
    until(lambda: len(fleet.heartbeats) >= 2)
    until(lambda: time.monotonic() > device.telemetry.due_at - 58)  # a period has a second at least
    device.stop()
    assert [beat["status"] for beat in fleet.heartbeats][-2:] == ["online", "stopped"]
    assert len({beat["boot_id"] for beat in fleet.heartbeats}) == 1
    again = Device(settings)
    assert len(again._periods) == 1
    again.start()
    until(lambda: fleet.periods)
    again.stop()
    assert fleet.periods[0]["total_orders"] == 3


def test_an_event_loop_runs_a_device_and_its_coroutines(settings: DeviceSettings, fleet: Fleet) -> None:
    fleet.config, fleet.commands = {"width": 42}, [{"id": "a"}]
    fleet.publish(b"firmware")
    seen: list[tuple[str, Any, bool]] = []

    async def scenario() -> None:
        loop = asyncio.get_running_loop()

        async def note(kind: str, value: Any) -> None:
            await asyncio.sleep(0)
            seen.append((kind, value, asyncio.get_running_loop() is loop))

        async def on_firmware(file: Path, manifest: Manifest) -> bool:
            await note("firmware", file.read_bytes())
            return manifest.version == "2.0.0"

        device = Device(
            replace(settings, firmware_version=""),
            on_config=lambda config: note("config", config),
            on_command=lambda command: note("command", command["id"]),
            on_firmware=on_firmware,
        )
        running = asyncio.create_task(device.arun())
        while device.firmware_version != "2.0.0" or len(seen) < 3:
            await asyncio.sleep(0.01)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(asyncio.wait_for(scenario(), 30))
    assert sorted(seen, key=str) == [
        ("command", "a", True),
        ("config", {"width": 42}, True),
        ("firmware", b"firmware", True),
    ]
    assert fleet.heartbeats[-1]["status"] == "stopped"


def test_the_stored_configuration_is_applied_at_a_start_without_the_network(
    settings: DeviceSettings, fleet: Fleet
) -> None:
    fleet.config = {"width": 42}
    device = Device(settings)
    device.open()
    device.beat()
    device.close()
    applied: list[dict[str, Any]] = []
    device = Device(replace(settings, url="http://127.0.0.1:9"), on_config=applied.append)
    device.start()
    until(lambda: applied)
    device.stop()
    assert applied == [{"width": 42}]


def test_a_callback_that_raises_does_not_end_the_device(
    settings: DeviceSettings, fleet: Fleet, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise LookupError("defect")

    fleet.config, fleet.commands = {"width": 42}, [{"id": "a"}]
    fleet.publish(b"firmware")
    device = Device(settings, on_config=fail, on_command=fail, on_firmware=fail)
    device.start()
    until(lambda: len(fleet.heartbeats) >= 3 and device.store.state.firmware.problem)
    device.stop()
    assert caplog.text.count("LookupError: defect") >= 3


# Commands


@pytest.fixture
def environment(fleet_url: str, tmp_path: Path, small_authorities: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": SOURCE,
        "PORTCULLIS_URL": fleet_url,
        "PORTCULLIS_STATE": str(tmp_path / "state"),
        "PORTCULLIS_PRODUCT": "till",
        "SSL_CERT_FILE": str(small_authorities),
    }


@pytest.fixture
def run(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command in this process: a new interpreter takes half a second."""

    def command(*arguments: str, stdin: str = "", **changes: str) -> CompletedProcess[str]:
        output, errors = io.StringIO(), io.StringIO()
        with monkeypatch.context() as patch, redirect_stdout(output), redirect_stderr(errors):
            patch.setattr(os, "environ", environment | changes)
            patch.setattr(sys, "stdin", io.StringIO(stdin))
            try:
                code = main(arguments)
            except SystemExit as end:
                code = int(end.code or 0)
        return CompletedProcess(arguments, code, output.getvalue(), errors.getvalue())

    return command


def test_a_device_is_enrolled_beats_and_says_what_it_knows(
    run: Command, fleet: Fleet, environment: dict[str, str]
) -> None:
    enrolled = run(
        "enrol", "--code", CODE, "--device-id", "till-1", "--role", "till", "--name", "Bar", "--hardware", "pi-4"
    )
    assert (enrolled.returncode, fleet.key.kid in enrolled.stdout) == (0, True), enrolled.stderr
    [device] = fleet.devices.values()
    assert (device["device_id"], device["role"], device["name"], device["hardware"]) == (
        "till-1",
        "till",
        "Bar",
        "pi-4",
    )
    del environment["PORTCULLIS_URL"]
    fleet.config = {"width": 42}
    assert run("beat", PORTCULLIS_FIRMWARE_VERSION="1.0.0").returncode == 0
    assert fleet.heartbeats[0]["firmware_version"] == "1.0.0"
    status = json.loads(run("status", "--json").stdout)
    contact = status.pop("last_contact_at")
    assert contact
    assert status == {
        "url": status["url"],
        "id": device["id"],
        "device_id": "till-1",
        "name": "Bar",
        "role": "till",
        "hardware": "pi-4",
        "product": "till",
        "firmware_version": "",
        "firmware_problem": None,
        "config_version": 1,
        "config": {"width": 42},
        "licensed": True,
        "locked": False,
        "waiting": {"samples": 0, "periods": 0, "bytes": 0},
        "pinned_keys": [fleet.key.kid],
    }
    text = run("status").stdout
    assert f"Device: till-1 ({device['id']})" in text
    assert device["key"] not in text + enrolled.stdout + enrolled.stderr
    again = run("enrol", "--name", "Kitchen")
    assert (again.returncode, device["name"]) == (0, "Kitchen")


def test_the_code_comes_from_a_file_or_the_standard_input(run: Command, fleet: Fleet, tmp_path: Path) -> None:
    (tmp_path / "code").write_text(CODE + "\n")
    assert run("enrol", "--code-file", str(tmp_path / "code")).returncode == 0
    [device] = fleet.devices.values()
    assert device["device_id"], "the machine's name"
    fleet.codes[CODE] = 1
    assert run("enrol", "--code-file", "-", "--replace", stdin=CODE + "\n").returncode == 0
    assert run("enrol", "--code-file", str(tmp_path / "none")).returncode == 2


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["enrol", "--code", "pec_wrong"], 1),
        (["enrol"], 2),
        (["enrol", "--replace"], 2),
        (["enrol", "--code", CODE, "--code-file", "x"], 2),
        (["enrol", "--code", CODE, "--device-id", "a b"], 2),
        (["enrol", "--code", CODE, "--pin", "short"], 2),
        (["enrol", "--code", CODE, "--url", "http://licenses.example.com"], 2),
        (["beat"], 2),
        (["run"], 2),
        (["run", "--install", "'"], 2),
        (["run", "--install", ""], 2),
        (["status"], 2),
        ([], 2),
    ],
)
def test_failures_are_one_line_and_a_code(run: Command, fleet: Fleet, arguments: list[str], code: int) -> None:
    done = run(*arguments)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    if "usage:" not in done.stderr:
        assert len(done.stderr.splitlines()) == 1
    assert fleet.codes[CODE] == 1


def test_a_beat_that_fails_says_why(run: Command, fleet: Fleet, settings: DeviceSettings) -> None:
    fleet.devices[settings.id]["key"] = "pdk_rotated"
    done = run("beat", "--state", str(settings.state_dir))
    assert (done.returncode, done.stderr.splitlines()[-1]) == (
        1,
        "The server does not accept this device's id and key (401).",
    )
    done = run("beat", "--state", str(settings.state_dir), PORTCULLIS_DEVICE_KEY="pdk_rotated")
    assert done.returncode == 0


def test_a_pin_that_the_server_does_not_have_is_a_failure(run: Command) -> None:
    assert run("enrol", "--code", CODE, f"--pin={SigningKey.named('foreign').kid}").returncode == 1


def test_run_installs_firmware_by_a_command_and_stops_when_told(
    environment: dict[str, str], settings: DeviceSettings, fleet: Fleet, tmp_path: Path
) -> None:
    script = tmp_path / "install script.sh"
    script.write_text('#!/bin/sh\ncp "$2" "$1" && env > "$1.env"\n')
    script.chmod(0o755)
    target = tmp_path / "installed"
    fleet.publish(b"firmware")
    command = [sys.executable, "-m", "portcullis_agent.device", "run", "--install", f"'{script}' {target}"]
    folder = {"PORTCULLIS_STATE": str(settings.state_dir), "PORTCULLIS_DEVICE_KEY": settings.device_key}
    process = subprocess.Popen(command, env=environment | folder, stderr=subprocess.PIPE, text=True)
    try:
        until(lambda: fleet.heartbeats and fleet.heartbeats[-1].get("firmware_version") == "2.0.0")
        second = subprocess.run(
            command, env=environment | folder, capture_output=True, text=True, timeout=30, check=False
        )
        assert second.returncode == 1
        assert second.stderr.splitlines()[-1].startswith("another process sends the heartbeats of")
    finally:
        process.send_signal(signal.SIGTERM)
        errors = process.communicate(timeout=20)[1]
    assert process.returncode == 0, errors
    assert target.read_bytes() == b"firmware"
    variables = (tmp_path / "installed.env").read_text()
    assert "PORTCULLIS_NEW_VERSION=2.0.0" in variables
    assert settings.device_key not in variables
    assert fleet.heartbeats[-1]["status"] == "stopped"


def test_an_install_command_that_fails_or_is_not_there_is_said(
    run: Command, settings: DeviceSettings, fleet: Fleet, tmp_path: Path
) -> None:
    from portcullis_agent.device.cli import _installer

    manifest = Manifest("till", "2.0.0", "0" * 64, 1, None, None)
    assert _installer("true")(tmp_path, manifest) is True
    assert _installer("false")(tmp_path, manifest) is False
    with pytest.raises(FileNotFoundError):
        _installer(str(tmp_path / "none"))(tmp_path, manifest)


def test_the_doctor_finds_what_is_wrong(run: Command, settings: DeviceSettings, fleet: Fleet) -> None:
    state = ("--state", str(settings.state_dir))
    done = run("doctor", *state)
    assert done.returncode == 0, done.stdout
    assert "The server accepts the device's key." in done.stdout
    assert f"The pinned key {fleet.key.kid} signs." in done.stdout
    assert set(fleet.heartbeats[-1]) == {"config_version"}, "no second installation"
    fleet.locked = True
    assert "Its location is locked" in run("doctor", *state).stdout
    fleet.devices[settings.id]["key"] = None
    checks = json.loads(run("doctor", "--json", *state).stdout)["checks"]
    assert [check["name"] for check in checks if check["level"] == "problem"] == ["Credentials"]
    assert run("doctor", *state).returncode == 1
    down = run("doctor", *state, PORTCULLIS_URL="http://127.0.0.1:9")
    assert (down.returncode, "refuses connections" in down.stdout) == (1, True)
    assert down.stdout.count("skipped") == 5
    assert run("doctor").returncode == 1, "not enrolled"


def test_the_help_names_each_command_and_the_default_folder_is_documented(run: Command) -> None:
    usage = run("--help").stdout
    for name in ("enrol", "run", "beat", "status", "doctor"):
        assert name in usage
    readme = (Path(SOURCE).parent / "README.md").read_text(encoding="utf-8")
    assert DEFAULT_STATE_DIR in readme


def test_stop_ends_a_running_device_soon(settings: DeviceSettings, fleet: Fleet) -> None:
    fleet.next_seconds = 3_600
    device = Device(settings)
    device.start()
    until(lambda: fleet.heartbeats)
    started = time.monotonic()
    device.stop()
    assert time.monotonic() - started < 3
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("portcullis-device")]

"""The command `portcullis-device`."""

from __future__ import annotations

import argparse
import io
import json
import logging
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from portcullis_agent.device.device import Device
from portcullis_agent.device.doctor import examine
from portcullis_agent.device.enrolment import KID, enrol
from portcullis_agent.device.firmware.manifest import Manifest
from portcullis_agent.device.firmware.updater import Install
from portcullis_agent.device.server import HttpDeviceServer
from portcullis_agent.device.settings import DeviceSettings
from portcullis_agent.device.state import DeviceStore
from portcullis_agent.device.status import read_status
from portcullis_agent.doctor import as_json, as_text, is_sound
from portcullis_agent.errors import AgentError, SettingsError

OK, FAILED, USAGE = 0, 1, 2
INSTALL_SECONDS = 60 * 60
LONGEST_CODE = 1024
KEY_VARIABLE = "PORTCULLIS_DEVICE_KEY"  # and KEY_VARIABLE_FILE: an installation does not need it


def main(arguments: Sequence[str] | None = None) -> int:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name in Unicode on a terminal without it
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        exit_code: int = options.command(options, os.environ)
    except AgentError as error:
        print(str(error).rstrip(".") + ".", file=sys.stderr)
        return USAGE if isinstance(error, SettingsError) else FAILED
    return exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="portcullis-device",
        description="Run this device: heartbeats, health, telemetry and firmware.",
        epilog="Settings: PORTCULLIS_URL, PORTCULLIS_DEVICE_ID, PORTCULLIS_DEVICE_KEY (each also with _FILE), "
        "PORTCULLIS_STATE, PORTCULLIS_FIRMWARE_VERSION, PORTCULLIS_PRODUCT, PORTCULLIS_HARDWARE.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, command: object, summary: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=summary, description=summary)
        added.add_argument("--state", metavar="DIR", help="the state folder, instead of PORTCULLIS_STATE")
        added.set_defaults(command=command)
        return added

    _add_enrol_options(add("enrol", _enrol, "register this device, or tell the server what changed about it"))
    run = add("run", _run, "run the device until the process is told to stop")
    run.add_argument(
        "--install", metavar="COMMAND", help="installs the firmware whose path is its last word: 0 if it did"
    )
    add("beat", _beat, "send one heartbeat")
    status = add("status", _status, "say what this device knows, without the network")
    status.add_argument("--json", action="store_true", help="print JSON")
    doctor = add("doctor", _doctor, "say what is wrong between this device and the server; sends one heartbeat")
    doctor.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _add_enrol_options(parser: argparse.ArgumentParser) -> None:
    code = parser.add_mutually_exclusive_group()
    code.add_argument("--code", metavar="CODE", help="the enrolment code of the location")
    code.add_argument("--code-file", metavar="FILE", help="the file with the code, or - for the standard input")
    parser.add_argument("--url", metavar="URL", help="the server's address, instead of PORTCULLIS_URL")
    parser.add_argument("--device-id", metavar="ID", help="its name at the location; this machine's name if left out")
    parser.add_argument("--role", help="what it does, like till, printer or display")
    parser.add_argument("--name", help="for people")
    parser.add_argument("--hardware", help="what it is, as the firmware names it")
    parser.add_argument("--product", help="whose firmware it runs")
    parser.add_argument("--replace", action="store_true", help="take the place of the device with the same ID")
    parser.add_argument("--pin", metavar="KID", help="the key that signs firmware; without it, the one that signs")


def _enrol(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    if options.pin is not None and not KID.match(options.pin):
        raise SettingsError(f"--pin {options.pin!r} is no kid: 43 characters, as in the server's key set.")
    names = ("url", "device_id", "role", "name", "hardware", "product")
    settings = DeviceSettings.load(options.state, environ, **{name: getattr(options, name) for name in names})
    settings = replace(settings, device_id=settings.device_id or _machine_name())
    server, store = HttpDeviceServer(settings), DeviceStore(settings.state_dir)
    try:
        code = _read_code(options)
        done = enrol(server, store, code=code, should_replace=options.replace, pin=options.pin)
    finally:
        server.close()
        store.close()
    what = "Enrolled" if done.is_new else "Enrolled already; the server knows the present facts"
    print(f"{what}. Device {done.settings.id}. Pinned key: {done.pinned or 'none, the server signs nothing yet'}")
    return OK


def _machine_name() -> str:
    return re.sub(r"[^A-Za-z0-9._:-]", "-", socket.gethostname())[:64]


def _read_code(options: argparse.Namespace) -> str:
    if options.code_file is None:
        return (options.code or "").strip()
    try:
        if options.code_file == "-":
            return sys.stdin.read(LONGEST_CODE).strip()
        with Path(options.code_file).open(encoding="ascii") as opened:
            return opened.read(LONGEST_CODE).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{options.code_file} cannot be read: {error}") from error


def _run(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    install = _installer(options.install) if options.install is not None else None
    device = Device(DeviceSettings.load(options.state, environ), on_firmware=install)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    device.run(stop)
    return OK


def _installer(text: str) -> Install:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise SettingsError(f"--install {text!r} cannot be read: {error}") from error
    if not words:
        raise SettingsError("--install names no command.")

    def install(file: Path, manifest: Manifest) -> bool:
        facts = {"PORTCULLIS_NEW_VERSION": manifest.version, "PORTCULLIS_NEW_SHA256": manifest.sha256}
        # The command is the administrator's, and no shell reads it.
        environment = {name: value for name, value in os.environ.items() if not name.startswith(KEY_VARIABLE)}
        command = [*words, str(file)]
        done = subprocess.run(command, env=environment | facts, timeout=INSTALL_SECONDS, check=False)  # noqa: S603
        return done.returncode == 0

    return install


def _beat(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    device = Device(DeviceSettings.load(options.state, environ))
    try:
        device.store.open()
        result = device.beat()
    finally:
        device.close()
    if result.answer is None:
        print(result.reason, file=sys.stderr)
        return FAILED
    return OK


def _status(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    status = read_status(DeviceSettings.load(options.state, environ).require_enrolled())
    print(json.dumps(status.as_dict(), indent=2) if options.json else status.as_text())
    return OK


def _doctor(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    checks = examine(options.state, environ)
    print(as_json(checks) if options.json else as_text(checks))
    return OK if is_sound(checks) else FAILED

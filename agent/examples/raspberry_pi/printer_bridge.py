"""A printer bridge that is a device: `python printer_bridge.py`, with what `portcullis-device enrol` stored.

It prints what is put into its folder, and says how many pages and how long each took.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from portcullis_agent.device import Device, DeviceSettings, Manifest

VERSION = "1.0.0"
SPOOL = Path(os.environ.get("PRINTER_BRIDGE_SPOOL", "/var/lib/portcullis-device/spool"))
PRINT = os.environ.get("PRINTER_BRIDGE_PRINT", "/usr/bin/lp")
INSTALL = os.environ.get("PRINTER_BRIDGE_INSTALL", "/opt/printer-bridge/install_firmware.sh")

stop = threading.Event()
config: dict[str, Any] = {"seconds": 1}


def apply(new: dict[str, Any]) -> None:
    """What the panel has for this device: `{"seconds": 1}` is how often it looks for something to print."""
    config["seconds"] = max(0.1, float(new.get("seconds", 1)))


def carry_out(command: dict[str, Any]) -> None:
    if command.get("name") == "restart":
        stop.set()  # systemd starts it again


def install(file: Path, manifest: Manifest) -> bool:
    environment = {**os.environ, "PORTCULLIS_NEW_VERSION": manifest.version}
    done = subprocess.run([INSTALL, str(file)], env=environment, check=False)
    if done.returncode == 0:
        stop.set()  # systemd starts the new version
    return done.returncode == 0


def print_file(device: Device, file: Path) -> None:
    started = time.monotonic()
    done = subprocess.run([PRINT, str(file)], check=False)
    device.observe("print_seconds", time.monotonic() - started)
    device.count("printed" if done.returncode == 0 else "print_failures")
    file.unlink()


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    settings = DeviceSettings.load(firmware_version=VERSION)
    device = Device(settings, on_config=apply, on_command=carry_out, on_firmware=install)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    SPOOL.mkdir(parents=True, exist_ok=True)
    device.start()
    while not stop.wait(config["seconds"]):
        for file in sorted(SPOOL.iterdir()):
            print_file(device, file)
    device.stop()


if __name__ == "__main__":
    main()

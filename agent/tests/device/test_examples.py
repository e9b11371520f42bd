"""The example for a Raspberry Pi, run as its unit runs it."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

from portcullis_agent.device import DeviceSettings
from portcullis_agent.device.state import DeviceStore

from .fleet import Fleet

EXAMPLE = Path(__file__).parents[2] / "examples/raspberry_pi"


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def packed(program: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo("printer_bridge.py")
        member.size = len(program)
        archive.addfile(member, io.BytesIO(program))
    return buffer.getvalue()


def test_the_printer_bridge_prints_counts_obeys_and_installs_its_firmware(
    settings: DeviceSettings, fleet: Fleet, tmp_path: Path
) -> None:
    store = DeviceStore(settings.state_dir)
    store.open()
    store.change(heartbeat_seconds=1)
    store.close()
    fleet.now, fleet.next_seconds, fleet.config = time.time, 1, {"seconds": 0.1}
    spool, root = tmp_path / "spool", tmp_path / "printer-bridge"
    spool.mkdir()
    for number in range(3):
        (spool / f"{number}.txt").write_text("2 x espresso")
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path(__file__).parents[2] / "src"),
        "PORTCULLIS_STATE": str(settings.state_dir),
        "PORTCULLIS_PRODUCT": "till",
        "PRINTER_BRIDGE_SPOOL": str(spool),
        "PRINTER_BRIDGE_PRINT": "true",
        "PRINTER_BRIDGE_INSTALL": str(EXAMPLE / "install_firmware.sh"),
        "PRINTER_BRIDGE": str(root),
    }
    process = subprocess.Popen([sys.executable, EXAMPLE / "printer_bridge.py"], env=environment, stderr=subprocess.PIPE)
    try:
        until(lambda: fleet.heartbeats and not list(spool.iterdir()))
        assert fleet.heartbeats[0]["firmware_version"] == "1.0.0"
        fleet.publish(packed(b"VERSION = '2.0.0'\n"))
        errors = process.communicate(timeout=30)[1]
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.communicate()
    assert process.returncode == 0, errors
    assert (root / "current/printer_bridge.py").read_bytes() == b"VERSION = '2.0.0'\n"
    assert fleet.heartbeats[-1]["status"] == "stopped"
    periods = (settings.state_dir / "telemetry").glob("*.log")
    assert '"total_printed":3.0' in "".join(file.read_text() for file in periods)

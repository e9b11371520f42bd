"""Firmware from the offer to the installation, over HTTP."""

from __future__ import annotations

import os
import random
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from portcullis_agent.client import RequestFailed
from portcullis_agent.device import Device, Manifest
from portcullis_agent.device.firmware.download import Download
from portcullis_agent.device.server import HttpDeviceServer

from ..signing import SigningKey
from ..simulated_clock import SimulatedClock
from .conftest import MakeDevice
from .fleet import Fleet

CONTENT = random.Random(16).randbytes(300_000)


class Installer:
    """Keeps what it is given."""

    def __init__(self, result: object = None) -> None:
        self.result = result
        self.installed: list[tuple[str, bytes]] = []

    def __call__(self, file: Path, manifest: Manifest) -> object:
        self.installed.append((manifest.version, file.read_bytes()))
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


@pytest.fixture
def installer() -> Installer:
    return Installer()


@pytest.fixture
def device(make_device: MakeDevice, installer: Installer) -> Device:
    return make_device(on_firmware=installer)


def update(device: Device, clock: SimulatedClock, steps: int = 1) -> None:
    """Hear of the offer, and take steps of the download with the waits between them."""
    assert device.beat().answer
    for _ in range(steps):
        clock.advance(device.step_firmware() + 0.01)


def files(device: Device) -> list[str]:
    return sorted(file.name for file in (device.settings.state_dir / "firmware").iterdir())


def test_an_offer_is_downloaded_checked_and_installed(
    device: Device, fleet: Fleet, clock: SimulatedClock, installer: Installer
) -> None:
    fleet.publish(CONTENT, "2.0.0", hardware=None, min_from="1.0.0")
    update(device, clock)
    assert installer.installed == [("2.0.0", CONTENT)]
    assert files(device) == []
    state = device.store.state.firmware
    assert (state.installed, state.is_installed, state.earlier, state.floor) == ("2.0.0", True, ("1.0.0",), "1.0.0")
    update(device, clock, 5)
    assert len(installer.installed) == 1, "not again, although the device still reports the old version"


def test_the_installed_version_is_reported_if_nothing_else_is_known(
    make_device: MakeDevice, fleet: Fleet, clock: SimulatedClock, installer: Installer
) -> None:
    device = make_device({"firmware_version": ""}, on_firmware=installer)
    fleet.publish(CONTENT)
    device.beat()
    device.step_firmware()
    clock.advance(1.1)
    device.step()
    assert len(fleet.heartbeats) == 2, "as soon as it is installed"
    assert "firmware_version" not in fleet.heartbeats[0]
    assert fleet.heartbeats[-1]["firmware_version"] == "2.0.0"


def test_downloads_cut_at_fifty_random_offsets_lead_to_the_same_file(
    make_device: MakeDevice, fleet: Fleet, clock: SimulatedClock, installer: Installer
) -> None:
    source = random.Random(50)
    fleet.publish(CONTENT)
    fleet.cuts = [source.randrange(9_000) for _ in range(50)]
    total = sum(fleet.cuts)
    assert total < len(CONTENT)
    device = make_device(on_firmware=installer)
    update(device, clock)
    for _ in range(60):
        clock.advance(device.step_firmware() + 0.01)
        if source.random() < 0.2:  # a later process goes on
            clock.restart_machine()
            device = make_device(on_firmware=installer)
            device.beat()
        if installer.installed:
            break
    assert installer.installed == [("2.0.0", CONTENT)]
    offsets = [int(value[len("bytes=") : -1]) for value in fleet.ranges if value]
    assert offsets == sorted(offsets)
    assert offsets[-1] == total, "no byte was loaded twice"
    assert len(fleet.ranges) == 51


def test_another_etag_begins_anew(device: Device, fleet: Fleet, clock: SimulatedClock, installer: Installer) -> None:
    fleet.publish(CONTENT)
    fleet.cuts = [100_000]
    update(device, clock)
    fleet.etag = '"two"'
    clock.advance(device.step_firmware() + 0.01)
    assert installer.installed == [("2.0.0", CONTENT)]
    assert fleet.ranges == [None, "bytes=100000-"]


@pytest.mark.parametrize("etag", ['W/"weak"', "", "no quotes"])
def test_without_a_strong_etag_nothing_is_resumed(
    device: Device, fleet: Fleet, clock: SimulatedClock, installer: Installer, etag: str
) -> None:
    fleet.publish(CONTENT)
    fleet.etag, fleet.cuts = etag, [100_000]
    update(device, clock, 2)
    assert installer.installed == [("2.0.0", CONTENT)]
    assert fleet.ranges == [None, None]


def test_a_server_without_ranges_sends_the_whole_file(
    device: Device, fleet: Fleet, clock: SimulatedClock, installer: Installer
) -> None:
    fleet.publish(CONTENT)
    fleet.ignores_ranges, fleet.cuts = True, [100_000]
    update(device, clock, 2)
    assert installer.installed == [("2.0.0", CONTENT)]


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (206, {"Content_Range": "bytes 0-1/300000", "ETag": '"one"'}),
        (206, {"Content_Range": "bytes 100000-100001/299999", "ETag": '"one"'}),
        (206, {"Content_Range": "bytes 100000-100001/*", "ETag": '"one"'}),
        (206, {"Content_Range": "bytes 100000-100001/300000", "ETag": '"two"'}),
        (206, {"Content_Range": "bytes 100000-100001/300000"}),
        (206, {}),
        (416, {}),
    ],
)
def test_another_part_than_the_next_one_begins_anew(
    device: Device, fleet: Fleet, clock: SimulatedClock, installer: Installer, status: int, headers: dict[str, str]
) -> None:
    firmware_id = fleet.publish(CONTENT)
    fleet.cuts = [100_000]
    update(device, clock)
    fleet.planned = [(f"/api/firmware/{firmware_id}/file", status, headers, {})]
    update(device, clock, 2)
    assert installer.installed == [("2.0.0", CONTENT)]
    assert fleet.ranges[-1] is None


def test_every_flipped_byte_of_the_file_is_refused(
    device: Device, fleet: Fleet, clock: SimulatedClock, installer: Installer, tmp_path: Path
) -> None:
    """Over HTTP at some places; at each byte of a small file where it is checked."""
    firmware_id = fleet.publish(CONTENT)
    for position in (0, 150_000, len(CONTENT) - 1):
        damaged = bytearray(CONTENT)
        damaged[position] ^= 1
        fleet.files[firmware_id] = bytes(damaged)
        update(device, clock)
        assert files(device) == []
    assert installer.installed == []
    assert "sha256 is not that of the manifest" in device.store.state.firmware.problem
    fleet.files[firmware_id] = CONTENT
    update(device, clock)
    assert installer.installed == [("2.0.0", CONTENT)]

    small = CONTENT[:300]
    fleet.publish(small)
    assert fleet.offer
    manifest = Manifest("till", "2.0.0", fleet.offer["sha256"], 300, None, None)
    download = Download(tmp_path, manifest)
    for position in range(301):
        damaged = bytearray(small)
        if position < 300:
            damaged[position] ^= 1 << position % 8
        download.part.write_bytes(damaged)
        if position == 300:
            assert download.check() == download.part
        else:
            with pytest.raises(Exception, match="is not that of the manifest"):
                download.check()


@pytest.mark.parametrize("change", [lambda c: c[:-1], lambda c: c + b"x", lambda c: c + c, lambda c: b""])
def test_a_file_of_another_size_is_not_installed(
    device: Device, fleet: Fleet, clock: SimulatedClock, installer: Installer, change: Callable[[bytes], bytes]
) -> None:
    firmware_id = fleet.publish(CONTENT)
    fleet.files[firmware_id] = change(CONTENT)
    device.beat()
    for _ in range(4):
        clock.advance(device.step_firmware() + 0.01)
        assert sum(file.stat().st_size for file in (device.settings.state_dir / "firmware").glob("*.part")) <= len(
            CONTENT
        )
    assert installer.installed == []


def test_a_file_without_an_end_does_not_fill_the_disk(device: Device, fleet: Fleet, tmp_path: Path) -> None:
    firmware_id = fleet.publish(CONTENT)
    fleet.files[firmware_id] = CONTENT * 20
    assert fleet.offer
    download = Download(tmp_path, Manifest("till", "2.0.0", fleet.offer["sha256"], len(CONTENT), None, None))
    server = HttpDeviceServer(device.settings)
    with pytest.raises(RequestFailed, match="larger than its manifest says"):
        download.fetch(server, f"/api/firmware/{firmware_id}/file", threading.Event())
    server.close()
    assert download.bytes_there == 0


@pytest.mark.parametrize(
    ("claims", "problem"),
    [
        ({"product": "display"}, "it is for 'display'"),
        ({"hardware": "pi-9"}, "it is for 'pi-9'"),
        ({"min_from": "1.0.1"}, "it needs 1.0.1 or later"),
        ({"version": "0.9.0"}, "older than 1.0.0"),
    ],
)
def test_firmware_that_does_not_fit_is_not_even_downloaded(
    device: Device,
    fleet: Fleet,
    clock: SimulatedClock,
    installer: Installer,
    caplog: pytest.LogCaptureFixture,
    claims: dict[str, Any],
    problem: str,
) -> None:
    fleet.publish(CONTENT, **claims)
    update(device, clock, 5)
    assert (installer.installed, fleet.ranges) == ([], [])
    assert problem in device.store.state.firmware.problem
    assert caplog.text.count(problem) == 1


def test_a_manifest_of_a_key_that_is_not_trusted_is_refused(
    device: Device, fleet: Fleet, clock: SimulatedClock, installer: Installer
) -> None:
    fleet.key = SigningKey.named("a thief's")
    fleet.publish(CONTENT)
    update(device, clock, 3)
    assert (installer.installed, fleet.ranges) == ([], [])


def test_keys_that_the_pinned_one_leads_to_are_trusted(
    device: Device, fleet: Fleet, clock: SimulatedClock, installer: Installer, make_device: MakeDevice
) -> None:
    first = fleet.key
    for number in range(3):
        fleet.rotate()
        fleet.publish(CONTENT + bytes(number), f"2.0.{number}")
        update(device, clock)
    assert [version for version, _ in installer.installed] == ["2.0.0", "2.0.1", "2.0.2"]
    fleet.publish(CONTENT, "2.1.0", key=first)
    update(device, clock)
    assert installer.installed[-1][0] == "2.1.0", "a retired key that is still listed"
    fleet.unlisted = {first.kid}
    fleet.publish(CONTENT, "2.2.0", key=first)
    update(device, clock)
    assert installer.installed[-1][0] == "2.1.0", "a key that is not listed any more"
    assert "no trusted key leads to" in device.store.state.firmware.problem
    fleet.unlisted = set()
    device = make_device(on_firmware=installer)
    fleet.publish(CONTENT, "2.3.0", key=first)
    update(device, clock)
    assert installer.installed[-1][0] == "2.1.0", "nor does it come back"
    fleet.publish(CONTENT, "2.4.0")
    update(device, clock)
    assert installer.installed[-1][0] == "2.4.0"


def test_a_key_must_be_listed_also_if_the_set_does_not_say_which_one_signs(
    device: Device, fleet: Fleet, clock: SimulatedClock, installer: Installer, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = fleet.key
    fleet.rotate()
    fleet.unlisted = {first.kid}
    fleet.publish(CONTENT, key=first)
    key_set = fleet.key_set()
    for key in key_set["keys"]:
        key["state"] = "retired"
    monkeypatch.setattr(fleet, "key_set", lambda: key_set)
    update(device, clock)
    assert installer.installed == []
    fleet.publish(CONTENT, "2.0.1")
    update(device, clock)
    assert installer.installed == [("2.0.1", CONTENT)]


def test_back_to_the_last_good_version_and_not_below_min_from(
    make_device: MakeDevice, fleet: Fleet, clock: SimulatedClock, installer: Installer
) -> None:
    device = make_device({"firmware_version": ""}, on_firmware=installer)
    for version, min_from in (("1.0.0", None), ("1.5.0", None), ("2.0.0", "1.5.0"), ("1.5.0", None)):
        fleet.publish(CONTENT + version.encode(), version, min_from=min_from)
        update(device, clock)
    assert [version for version, _ in installer.installed] == ["1.0.0", "1.5.0", "2.0.0", "1.5.0"]
    fleet.publish(CONTENT + b"2", "2.0.0", min_from="1.5.0")
    update(device, clock)
    fleet.publish(CONTENT + b"1", "1.0.0")
    update(device, clock)
    assert installer.installed[-1][0] == "2.0.0"
    assert "goes back to 1.5.0 at the most" in device.store.state.firmware.problem


@pytest.mark.parametrize("result", [False, RuntimeError("flash is worn out")])
def test_an_installation_that_fails_is_tried_three_times(
    make_device: MakeDevice, fleet: Fleet, clock: SimulatedClock, result: object
) -> None:
    installer = Installer(result)
    device = make_device(on_firmware=installer)
    fleet.publish(CONTENT)
    update(device, clock, 2)
    device = make_device(on_firmware=installer)
    update(device, clock, 6)
    assert len(installer.installed) == 3
    assert "the installation failed" in device.store.state.firmware.problem
    fleet.publish(CONTENT + b"1", "2.0.1")
    update(device, clock)
    assert len(installer.installed) == 4, "another offer"


def test_the_key_never_goes_to_another_server(
    device: Device, fleet: Fleet, clock: SimulatedClock, installer: Installer
) -> None:
    firmware_id = fleet.publish(CONTENT)
    assert fleet.offer
    for url in ("https://elsewhere.example.com/file", "", None, f"/api/firmware/{firmware_id}/file/../../x"):
        fleet.offer["url"] = url
        update(device, clock)
    assert installer.installed == []
    for version, url in (
        ("2.0.0", f"/api/firmware/{firmware_id}/file"),
        ("2.0.0", f"https://x/api/firmware/{firmware_id}"),
    ):
        fleet.offer |= {"url": url, "version": version}
    update(device, clock)
    assert len(installer.installed) == 1, "from the server of the settings"


def test_a_disk_without_room_is_left_alone(
    device: Device, fleet: Fleet, clock: SimulatedClock, installer: Installer, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet.publish(CONTENT)
    with monkeypatch.context() as patch:
        usage = shutil.disk_usage("/")
        patch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=4 * 1024 * 1024))
        update(device, clock)
    assert (fleet.ranges, installer.installed) == ([], [])
    assert "free bytes" in device.store.state.firmware.problem
    update(device, clock)
    assert len(installer.installed) == 1


def test_a_stop_ends_a_download_and_it_goes_on_later(
    make_device: MakeDevice, device: Device, fleet: Fleet, clock: SimulatedClock, installer: Installer
) -> None:
    fleet.publish(CONTENT)
    device.beat()
    device._stop.set()
    device.step_firmware()
    assert installer.installed == []
    [there] = [file.stat().st_size for file in (device.settings.state_dir / "firmware").glob("*.part")]
    assert there > 0
    device = make_device(on_firmware=installer)
    update(device, clock)
    assert installer.installed == [("2.0.0", CONTENT)]
    assert fleet.ranges[-1] == f"bytes={there}-"


def test_files_of_an_older_offer_are_removed(
    device: Device, fleet: Fleet, clock: SimulatedClock, installer: Installer
) -> None:
    fleet.publish(CONTENT)
    fleet.cuts = [1_000, 1_000]
    update(device, clock)
    assert len(files(device)) == 2
    fleet.publish(CONTENT + b"new", "2.0.1")
    update(device, clock)
    assert [name for name in files(device) if name.endswith(".part")] == [f"{fleet.offer['sha256']}.part"]  # type: ignore[index]


def test_without_a_callback_nothing_is_downloaded(make_device: MakeDevice, fleet: Fleet, clock: SimulatedClock) -> None:
    device = make_device()
    fleet.publish(CONTENT)
    update(device, clock, 3)
    assert fleet.ranges == []
    assert not os.path.exists(device.settings.state_dir / "firmware")


def test_threads_of_a_running_device_update_it(make_device: MakeDevice, fleet: Fleet, installer: Installer) -> None:
    done = threading.Event()

    def install(file: Path, manifest: Manifest) -> None:
        installer(file, manifest)
        done.set()

    device = make_device(on_firmware=install)
    device._heartbeats.due_at = 0
    fleet.publish(CONTENT)
    device.start()
    assert done.wait(20)
    device.stop()
    assert installer.installed == [("2.0.0", CONTENT)]
    assert fleet.heartbeats[-1]["status"] == "stopped"

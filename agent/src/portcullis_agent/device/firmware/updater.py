"""From an offer in a heartbeat's answer to an installed firmware, in small steps that any failure may interrupt."""

from __future__ import annotations

import logging
import random
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from portcullis_agent.client import RequestFailed
from portcullis_agent.clock import Clock
from portcullis_agent.device.firmware.download import DiskFull, Download, DownloadStopped, FileDamaged
from portcullis_agent.device.firmware.manifest import FirmwareRefused, Installed, Manifest, check_fits, verify_manifest
from portcullis_agent.device.server import HttpDeviceServer
from portcullis_agent.device.settings import DeviceSettings
from portcullis_agent.device.state import MOST_EARLIER_VERSIONS, DeviceStore
from portcullis_agent.errors import KeyRefused
from portcullis_agent.keys import KeyRing, listed_kids, signing_keys, with_newer_keys
from portcullis_agent.schedule import wait_after_failures

logger = logging.getLogger("portcullis_agent")

LOOK_AGAIN_SECONDS = 60 * 60.0  # after a refusal or a full disk
MOST_ATTEMPTS = 3  # to install one offer
IDLE_SECONDS = 60 * 60.0
FIRST_BACKOFF_SECONDS = 5.0
LONGEST_BACKOFF_SECONDS = 10 * 60.0
# The address in the offer may have another name of the server; the key must not go to another server.
_OFFERED_PATH = re.compile(r"(?:\A|/)api/firmware/([0-9A-Fa-f-]{36})(?:/file)?/?\Z")

Install = Callable[[Path, Manifest], object]


class Updater:
    """`offer` is called with each heartbeat, by any thread; `step` by one. `install` gets the verified file.

    It returns False or raises if the firmware was not installed.
    """

    def __init__(
        self,
        server: HttpDeviceServer,
        store: DeviceStore,
        install: Install,
        *,
        clock: Clock,
        random_source: random.Random,
    ) -> None:
        self._server, self._store, self._install = server, store, install
        self._clock, self._random = clock, random_source
        self._folder = server.settings.state_dir / "firmware"
        self._offer: dict[str, Any] | None = None
        self._not_before = 0.0
        self._failures = 0
        self._said = ""
        self.has_offer = threading.Event()

    @property
    def running_version(self) -> str:
        return self._server.settings.firmware_version or self._store.state.firmware.installed

    def use(self, settings: DeviceSettings) -> None:
        """Use another key from now on."""
        self._server.settings = settings

    def offer(self, firmware: dict[str, Any] | None) -> None:
        """What the server wants to be installed; None if the device has it. A new offer is tried at once."""
        before, self._offer = self._offer, firmware
        name = _name(firmware)
        if name != self._store.state.firmware.offered:
            self._store.change_firmware(offered=name, attempts=0, is_installed=False, problem="")
        if firmware is not None and firmware != before:
            self._not_before, self._failures = 0.0, 0
            self.has_offer.set()

    def step(self, stop: threading.Event | None = None) -> float:
        """Do what can be done now; the seconds until the next step, unless `has_offer` is set before."""
        self.has_offer.clear()
        offer, now = self._offer, self._clock.monotonic()
        if offer is None or self._is_done(offer):
            return IDLE_SECONDS
        if now < self._not_before:
            return self._not_before - now
        try:
            self._take(offer, stop or threading.Event())
        except DownloadStopped:
            return IDLE_SECONDS
        except RequestFailed as failure:
            wait = self._wait_after(failure)
        except (FirmwareRefused, DiskFull, FileDamaged) as error:
            self._say(offer, f"is not installed: {error}")
            wait = LOOK_AGAIN_SECONDS
        else:
            return IDLE_SECONDS if self._is_done(offer) else LOOK_AGAIN_SECONDS
        finally:
            self._server.close()  # the next request may be a week away
        self._not_before = self._clock.monotonic() + wait
        return wait

    def _is_done(self, offer: dict[str, Any]) -> bool:
        state = self._store.state.firmware
        return (
            offer.get("version") == self.running_version
            or (state.is_installed and state.offered == _name(offer))
            or state.attempts >= MOST_ATTEMPTS
        )

    def _wait_after(self, failure: RequestFailed) -> float:
        self._failures += 1
        logger.debug("Firmware: %s", failure)
        return wait_after_failures(
            self._failures,
            failure.retry_after,
            self._random,
            first=FIRST_BACKOFF_SECONDS,
            longest=LONGEST_BACKOFF_SECONDS,
        )

    def _take(self, offer: dict[str, Any], stop: threading.Event) -> None:
        found = _OFFERED_PATH.search(str(offer.get("url")))
        if found is None:
            raise FirmwareRefused("wrong_url", "the offer's url is not that of a firmware")
        manifest = self._read_manifest(found[1])
        check_fits(manifest, offer, self._installed(), allow_downgrade=self._server.settings.allow_downgrade)
        download = Download(self._folder, manifest)
        download.prepare()
        there = download.bytes_there
        try:
            download.fetch(self._server, f"/api/firmware/{found[1]}/file", stop)
        finally:
            if download.bytes_there > there:
                self._failures = 0
        self._run_install(download.check(), manifest)
        download.discard()

    def _read_manifest(self, firmware_id: str) -> Manifest:
        """The verified manifest. The key set is read each time: a stolen key is not listed any more."""
        token, key_set = self._server.firmware(firmware_id).get("manifest"), self._server.key_set()
        settings = self._server.settings
        try:
            keys = with_newer_keys(self._store.state.key_ring(settings.issuer), key_set, settings.pin)
        except KeyRefused as refused:
            raise FirmwareRefused(refused.code, str(refused)) from refused
        listed = listed_kids(key_set)
        for key in signing_keys(key_set):
            keys.set_aside_unlisted(listed, key.kid)
        self._store.trust(keys)
        return verify_manifest(token, _only(keys, listed))

    def _installed(self) -> Installed:
        settings, state = self._server.settings, self._store.state.firmware
        version = self.running_version
        floor = state.floor if version == state.installed else ""
        return Installed(settings.product, settings.hardware, version, state.earlier, floor or None)

    def _run_install(self, file: Path, manifest: Manifest) -> None:
        """The attempt is noted first: an installation that ends this process counts."""
        state, version = self._store.state.firmware, self.running_version
        self._store.change_firmware(attempts=state.attempts + 1)
        logger.info("Firmware %s is installed now.", manifest.version)
        try:
            is_installed = self._install(file, manifest) is not False
        except Exception:  # the application's
            logger.exception("The installation of firmware %s failed", manifest.version)
            is_installed = False
        if not is_installed:
            self._say({"version": manifest.version}, "was not installed: the installation failed")
            self._not_before = self._clock.monotonic() + LOOK_AGAIN_SECONDS
            return
        earlier = tuple(known for known in (*state.earlier, version) if known and known != manifest.version)
        self._store.change_firmware(
            installed=manifest.version,
            floor=manifest.min_from or "",
            earlier=tuple(dict.fromkeys(earlier))[-MOST_EARLIER_VERSIONS:],
            is_installed=True,
            problem="",
        )
        logger.info("Firmware %s was installed.", manifest.version)

    def _say(self, offer: dict[str, Any], problem: str) -> None:
        """Log a problem once, and keep it for `portcullis-device status`."""
        sentence = "".join(c if c.isprintable() else " " for c in f"Firmware {offer.get('version')} {problem}.")
        if sentence != self._said:
            logger.warning("%s", sentence)
            self._said = sentence
            self._store.change_firmware(problem=sentence)


def _name(offer: dict[str, Any] | None) -> str:
    return f"{offer.get('version')} {offer.get('sha256')}" if offer else ""


def _only(keys: KeyRing, listed: frozenset[str]) -> KeyRing:
    """The trusted keys that the server lists: it keeps a key listed while a manifest of it can be downloaded."""
    ring = KeyRing(issuer=keys.issuer)
    for key in (*keys.pinned, *keys.endorsed):
        if key.kid in keys and key.kid in listed:
            ring.pin(key)
    return ring

"""A device: heartbeats, health, telemetry and firmware of one box at a location."""

from __future__ import annotations

import asyncio
import inspect
import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portcullis_agent.client import RequestFailed
from portcullis_agent.clock import Clock
from portcullis_agent.device.firmware.manifest import Manifest
from portcullis_agent.device.firmware.updater import Install, Updater
from portcullis_agent.device.forwarding import Forwarder
from portcullis_agent.device.health import HealthSource, find_source
from portcullis_agent.device.heartbeat import (
    HeartbeatAnswer,
    Heartbeats,
    read_heartbeat_answer,
    take_commands,
    take_config,
)
from portcullis_agent.device.moments import ServerClock
from portcullis_agent.device.queue import Queue
from portcullis_agent.device.server import DeviceServer, HttpDeviceServer
from portcullis_agent.device.settings import DeviceSettings
from portcullis_agent.device.state import DeviceStore
from portcullis_agent.device.telemetry import Telemetry

logger = logging.getLogger("portcullis_agent")

SAMPLE_SECONDS = 5 * 60.0
FIRST_SAMPLE_SECONDS = (5.0, 30.0)
LONGEST_SLEEP_SECONDS = 60.0  # the wait of a thread does not count suspended time: look at the clock each minute
REPORT_SECONDS = 1.0  # after an installation
STOP_SECONDS = 5.0  # for the last heartbeat, and for a download that is under way
HEALTH_SHARE = 0.75  # of the space on the disk; the rest is for telemetry


@dataclass(frozen=True)
class DeviceBeat:
    """`answer` is what the server said, or None; then `reason` says why."""

    answer: HeartbeatAnswer | None
    reason: str | None = None


class Device:
    """Construct it once in the process of the device's application, then `start`, `run` or `arun`.

    Callbacks are called in the device's two threads, of which one is for firmware; with `arun` they may be coroutine functions,
    which run in its event loop. `on_config` gets each new configuration, and the stored one at the start; `on_command` each
    command once; `on_firmware` the path of a verified firmware and its manifest, and returns False or raises if it could not be
    installed. Without `on_firmware`, none is downloaded. What they raise is logged.
    """

    def __init__(
        self,
        settings: DeviceSettings,
        *,
        on_config: Callable[[dict[str, Any]], object] | None = None,
        on_command: Callable[[dict[str, Any]], object] | None = None,
        on_firmware: Install | None = None,
        clock: Clock | None = None,
        server: DeviceServer | None = None,
        health: HealthSource | None = None,
        random_source: random.Random | None = None,
    ) -> None:
        self.settings = settings.require_enrolled()
        self.clock = clock or Clock()
        self._random = random_source or random.SystemRandom()
        self._server = server or HttpDeviceServer(settings)
        self._on_config, self._on_command = on_config, on_command
        self.store = DeviceStore(settings.state_dir)
        self._server_clock = ServerClock(self.clock, self.store)
        space = int(settings.queue_bytes * HEALTH_SHARE)
        self._samples = Queue(settings.state_dir / "health", space)
        self._periods = Queue(settings.state_dir / "telemetry", settings.queue_bytes - space)
        self.telemetry = Telemetry(self.clock, self._server_clock, self._periods, settings.state_dir / "telemetry.json")
        self._health = health or find_source(settings.disk)
        if self._health is None:
            logger.warning("No samples of the machine's health: there is neither /proc nor psutil.")
        self._heartbeats = Heartbeats(self.clock, self.store, self._server_clock, self._random)
        self._forwarders = [self._forwarder("health", self._samples), self._forwarder("telemetry", self._periods)]
        self._sample_at = self.clock.monotonic() + self._random.uniform(*FIRST_SAMPLE_SECONDS)
        self._updater = on_firmware and Updater(
            HttpDeviceServer(settings),
            self.store,
            lambda file, manifest: self._install(on_firmware, file, manifest),
            clock=self.clock,
            random_source=self._random,
        )
        self._refused_config: int | None = None
        self._has_failed = self._has_unreadable_health = False
        self._stop, self._wake = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def _forwarder(self, kind: str, queue: Queue) -> Forwarder:
        return Forwarder(
            kind,
            queue,
            self._server,
            self._server_clock,
            clock=self.clock,
            batch_size=self.settings.batch_size,
            random_source=self._random,
        )

    # What an application asks and says

    @property
    def config(self) -> dict[str, Any]:
        """The newest configuration that was applied, also by a process before this one."""
        return self.store.state.config

    @property
    def licensed(self) -> bool | None:
        """Whether the location has a licence; None before the first contact. A device goes on working in any case."""
        return self.store.state.licensed

    @property
    def locked(self) -> bool | None:
        return self.store.state.locked

    @property
    def firmware_version(self) -> str:
        return self.settings.firmware_version or self.store.state.firmware.installed

    def count(self, name: str, amount: float = 1) -> None:
        """Add to `total_NAME` of this hour; from any thread. ValueError if the name has other characters than a–z, 0–9, _."""
        self.telemetry.count(name, amount)

    def observe(self, name: str, value: float) -> None:
        """Note a value for `average_NAME` of this hour; as `count`."""
        self.telemetry.observe(name, value)

    # Steps

    def open(self) -> None:
        """Lock the state folder; AnotherWriter if another process runs this device."""
        self.store.open()
        self.telemetry.open()

    def beat(self, *, is_stopping: bool = False) -> DeviceBeat:
        """Send one heartbeat now, and take over what its answer brings. Failures are in the result, never raised."""
        self._use_present_key()
        sent_at = self.clock.monotonic()
        body = self._heartbeats.body(firmware_version=self.firmware_version, is_stopping=is_stopping)
        try:
            answer = read_heartbeat_answer(self._server.heartbeat(body))
        except RequestFailed as failure:
            self._heartbeats.failed(failure)
            logger.log(logging.DEBUG if self._has_failed else logging.WARNING, "Heartbeat: %s", failure)
            self._has_failed = True
            return DeviceBeat(None, str(failure))
        if self._has_failed:
            logger.warning("Heartbeat: the server answers again.")
        self._has_failed = False
        self._heartbeats.answered(answer, sent_at=sent_at)
        if not is_stopping:
            self._take(answer)
        return DeviceBeat(answer)

    def _use_present_key(self) -> None:
        settings = self.settings.with_present_key()
        if settings is not self.settings:
            self.settings = self._server.settings = settings
            if self._updater:
                self._updater.use(settings)

    def _take(self, answer: HeartbeatAnswer) -> None:
        try:
            take_config(self.store, answer, self._apply_config)
        except Exception:  # the application's
            level = logging.DEBUG if self._refused_config == answer.config_version else logging.ERROR
            logger.log(level, "The configuration was not applied; the server sends it again", exc_info=True)
            self._refused_config = answer.config_version
        take_commands(self.store, answer.commands, self._carry_out)
        if self._updater:
            self._updater.offer(answer.firmware)

    def _apply_config(self, config: dict[str, Any]) -> None:
        if self._on_config is not None:
            self._call(self._on_config, config)

    def _carry_out(self, command: dict[str, Any]) -> None:
        if self._on_command is None:
            logger.warning("The command %.40r is left out: this program carries out none.", command.get("id"))
            return
        try:
            self._call(self._on_command, command)
        except Exception:  # the application's
            logger.exception("The command %.40r failed", command.get("id"))

    def _call(self, callback: Callable[..., Any], *arguments: Any) -> Any:
        result = callback(*arguments)
        if not inspect.iscoroutine(result):
            return result
        if self._loop is None:
            return asyncio.run(result)
        return asyncio.run_coroutine_threadsafe(result, self._loop).result()

    def step(self) -> float:
        """Do what is due, but for firmware, and return the seconds until the next call, at most a minute."""
        if self.clock.monotonic() >= self._heartbeats.due_at:
            self.beat()
        self._sample()
        self.telemetry.step()
        self._forwarders[1].look()
        if self._server_clock.is_known:  # before, what was noted cannot be dated
            for forwarder in self._forwarders:
                forwarder.step()
        due = [self._heartbeats.due_at, self.telemetry.due_at, self._sample_at]
        if self._server_clock.is_known:
            due += [forwarder.due_at for forwarder in self._forwarders if forwarder.due_at is not None]
        return min(max(min(due) - self.clock.monotonic(), 0.0), LONGEST_SLEEP_SECONDS)

    def _sample(self) -> None:
        now = self.clock.monotonic()
        if now < self._sample_at:
            return
        self._sample_at = max(self._sample_at + SAMPLE_SECONDS, now + SAMPLE_SECONDS / 2)
        if self._health is None:
            return
        try:
            values = self._health.read()
        except (OSError, ValueError) as error:
            level = logging.DEBUG if self._has_unreadable_health else logging.WARNING
            logger.log(level, "No sample of the machine's health: %s.", error)
            self._has_unreadable_health = True
            return
        self._has_unreadable_health = False
        moment = self._server_clock.now()
        self._forwarders[0].add({"at": moment.encode(), "values": values}, is_present=True)

    def _install(self, on_firmware: Install, file: Path, manifest: Manifest) -> bool:
        """The server hears of it within seconds: a roll-out waits for that."""
        is_installed = self._call(on_firmware, file, manifest) is not False
        if is_installed:
            self._heartbeats.due_at = min(self._heartbeats.due_at, self.clock.monotonic() + REPORT_SECONDS)
            self._wake.set()
        return is_installed

    def step_firmware(self) -> float:
        """Download and install what the last heartbeat offered; the seconds until the next call."""
        return self._updater.step(self._stop) if self._updater else LONGEST_SLEEP_SECONDS

    # Running

    def run(self, stop_event: threading.Event | None = None) -> None:
        """Run until `stop_event` is set, at which it looks each second. AnotherWriter if another process does already."""
        self._stop = stop = stop_event or self._stop
        self.open()
        updates = threading.Thread(
            target=self._run_updates, args=(stop,), name="portcullis-device-firmware", daemon=True
        )
        try:
            if self.store.state.config_version:
                self._guard(lambda: self._apply_config(self.config))
            if self._updater:
                updates.start()
            while not stop.is_set():
                self._sleep(stop, self._guard(self.step))
        finally:
            self._end(updates)

    def _guard(self, call: Callable[[], float | None]) -> float:
        try:
            return call() or 0.0
        except Exception:  # a defect must not end the heartbeats
            logger.exception("The device goes on after an error")
            return LONGEST_SLEEP_SECONDS / 2

    def _run_updates(self, stop: threading.Event) -> None:
        assert self._updater
        while not stop.is_set():
            end = time.monotonic() + self._guard(self.step_firmware)
            while not stop.is_set() and time.monotonic() < end and not self._updater.has_offer.wait(1.0):
                pass

    def _sleep(self, stop: threading.Event, seconds: float) -> None:
        """Until the time is over, something is due sooner, or `stop` is set."""
        end = time.monotonic() + seconds
        while not stop.is_set() and time.monotonic() < end:
            if self._wake.wait(min(max(end - time.monotonic(), 0.0), 1.0)):
                self._wake.clear()
                return

    def _end(self, updates: threading.Thread) -> None:
        """Close the period, say that the device stops, and let another process run it."""
        self.telemetry.close_period()
        self.telemetry.keep()
        if isinstance(self._server, HttpDeviceServer):
            self._server.total_seconds = STOP_SECONDS
        self.beat(is_stopping=True)
        if updates.is_alive():
            updates.join(STOP_SECONDS)
        self.close()

    def start(self) -> None:
        """Run in a thread of its own. AnotherWriter if another process runs this device."""
        if self._thread is not None and self._thread.is_alive():
            return
        self.open()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.run, args=(self._stop,), name="portcullis-device", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread, and wait for its last heartbeat: some seconds at most."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(3 * STOP_SECONDS)

    async def arun(self) -> None:
        """Run until the task is cancelled. AnotherWriter if another process runs this device."""
        self._loop = asyncio.get_running_loop()
        self.start()
        try:
            await self._loop.create_future()
        finally:
            await asyncio.to_thread(self.stop)

    def close(self) -> None:
        """Leave the state folder to other processes."""
        if isinstance(self._server, HttpDeviceServer):
            self._server.close()
        self.store.close()

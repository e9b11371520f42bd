"""Heartbeats of a device: what they say, when the next one is due, and what an answer brings."""

from __future__ import annotations

import logging
import math
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portcullis_agent.client import RequestFailed
from portcullis_agent.clock import Clock
from portcullis_agent.device.moments import ServerClock
from portcullis_agent.device.state import MOST_COMMANDS, DeviceStore
from portcullis_agent.encoding import decode_moment
from portcullis_agent.schedule import wait_after_failures

logger = logging.getLogger("portcullis_agent")

USUAL_SECONDS = 30
LONGEST_SECONDS = 24 * 60 * 60
FIRST_START_SECONDS = 5.0  # within which a device sends its first heartbeat of all
FIRST_BACKOFF_SECONDS = 5.0
LONGEST_BACKOFF_SECONDS = 5 * 60.0
KEEP_CONTACT_SECONDS = 10 * 60  # how often the time of the last contact is stored


@dataclass(frozen=True)
class HeartbeatAnswer:
    """What the server said. `config` is None if the device has the present one; `firmware` if it has the wanted one."""

    server_time: datetime
    next_seconds: float
    config_version: int | None
    config: dict[str, Any] | None
    commands: tuple[dict[str, Any], ...]
    firmware: dict[str, Any] | None
    licensed: bool | None
    locked: bool | None


def read_heartbeat_answer(answer: dict[str, Any]) -> HeartbeatAnswer:
    """RequestFailed if it is not a control plane's; a member of a wrong type counts as left out."""
    try:
        server_time = decode_moment(answer["server_time"])
        seconds = float(answer["next_heartbeat_seconds"])
        if not math.isfinite(seconds):
            raise ValueError
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise RequestFailed(
            "The answer is not the control plane's: it does not say when to call next.", status=200
        ) from error
    version, config, commands = answer.get("config_version"), answer.get("config"), answer.get("commands")
    firmware, licensed, locked = answer.get("firmware"), answer.get("licensed"), answer.get("locked")
    return HeartbeatAnswer(
        server_time=server_time,
        next_seconds=min(max(seconds, 1.0), LONGEST_SECONDS),
        config_version=version if isinstance(version, int) and not isinstance(version, bool) else None,
        config=config if isinstance(config, dict) else None,
        commands=tuple(c for c in commands if isinstance(c, dict)) if isinstance(commands, list) else (),
        firmware=firmware if isinstance(firmware, dict) else None,
        licensed=licensed if isinstance(licensed, bool) else None,
        locked=locked if isinstance(locked, bool) else None,
    )


class Heartbeats:
    """The heartbeats of one start of the process, numbered from 1."""

    def __init__(self, clock: Clock, store: DeviceStore, server_clock: ServerClock, source: random.Random) -> None:
        self._clock = clock
        self._store = store
        self._server_clock = server_clock
        self._random = source
        self._boot_id = str(uuid.uuid4())
        self._sequence = 0
        self._started_at = clock.monotonic()
        self.failures = 0
        told = store.state.heartbeat_seconds
        self.due_at = self._started_at + source.uniform(0, min(told, USUAL_SECONDS) if told else FIRST_START_SECONDS)

    def body(self, *, firmware_version: str, is_stopping: bool = False) -> dict[str, object]:
        self._sequence += 1
        body: dict[str, object] = {
            "status": "stopped" if is_stopping else "online",
            "uptime_seconds": int(self._clock.monotonic() - self._started_at),
            "boot_id": self._boot_id,
            "sequence": self._sequence,
            "config_version": self._store.state.config_version,
        }
        if firmware_version:
            body["firmware_version"] = firmware_version
        return body

    def answered(self, answer: HeartbeatAnswer, *, sent_at: float) -> None:
        self.failures = 0
        self.due_at = self._clock.monotonic() + answer.next_seconds
        self._server_clock.note_server_time(answer.server_time, sent_at=sent_at)
        state, at = self._store.state, answer.server_time.timestamp()
        facts = {"licensed": answer.licensed, "locked": answer.locked, "heartbeat_seconds": int(answer.next_seconds)}
        is_old = state.last_contact_at is None or not 0 <= at - state.last_contact_at < KEEP_CONTACT_SECONDS
        # The pace differs a little with each answer: no reason to wear out a memory card.
        if is_old or (state.licensed, state.locked) != (answer.licensed, answer.locked):
            self._store.change(last_contact_at=at, **facts)

    def failed(self, failure: RequestFailed) -> None:
        self.failures += 1
        wait = wait_after_failures(
            self.failures,
            failure.retry_after,
            self._random,
            first=FIRST_BACKOFF_SECONDS,
            longest=LONGEST_BACKOFF_SECONDS,
        )
        self.due_at = self._clock.monotonic() + wait


def take_config(store: DeviceStore, answer: HeartbeatAnswer, apply: Callable[[dict[str, Any]], object]) -> None:
    """Apply a new configuration and keep it. If that fails, the version stays the old one, and the server sends it again."""
    if answer.config is None or answer.config_version is None or answer.config_version == store.state.config_version:
        return
    apply(answer.config)
    store.change(config=answer.config, config_version=answer.config_version)


def take_commands(
    store: DeviceStore, commands: tuple[dict[str, Any], ...], carry_out: Callable[[dict[str, Any]], object]
) -> None:
    """Hand over each command at most once, known by its `id`.

    It is noted before it is carried out, because a command to restart would be carried out again and again otherwise. So while
    the disk cannot be written, none is.
    """
    for command in commands:
        name = command.get("id")
        if not isinstance(name, (str, int)) or isinstance(name, bool) or not name:
            logger.warning("A command without an id is left out.")
            continue
        if str(name) in store.state.commands:
            continue
        before = store.state.commands
        if not store.change(commands=(*before, str(name))[-MOST_COMMANDS:]):
            store.change(commands=before)
            return
        carry_out(command)

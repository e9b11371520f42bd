"""What a device keeps in its state folder beside its credentials and queues.

device.json            configuration, seen commands, trusted keys, firmware; replaced atomically
device.previous.json   the one before, used if the newest cannot be read
lock                   held (flock) by the process that writes
"""

from __future__ import annotations

import json
import logging
import os
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from portcullis_agent.encoding import decode_object
from portcullis_agent.errors import AnotherWriter, KeyRefused, StateError
from portcullis_agent.keys import KeyRing, PublicKey, read_key
from portcullis_agent.state import StateFolder, read_bounded, replace_durably

logger = logging.getLogger("portcullis_agent")

FORMAT = 1
MOST_COMMANDS = 500
MOST_BOOTS = 16
MOST_EARLIER_VERSIONS = 10


@dataclass(frozen=True)
class FirmwareState:
    """`installed` is the version that was installed last; `offered` the offer whose `attempts` are counted."""

    installed: str = ""
    floor: str = ""
    earlier: tuple[str, ...] = ()
    offered: str = ""
    attempts: int = 0
    is_installed: bool = False
    problem: str = ""


@dataclass(frozen=True)
class DeviceState:
    """`clocks` are the server's time when the monotonic clock was 0, by the machine's start: the newest last.

    `last_contact_at` is the server's time too, written with other changes only.
    """

    config: dict[str, Any] = field(default_factory=dict)
    config_version: int = 0
    commands: tuple[str, ...] = ()
    licensed: bool | None = None
    locked: bool | None = None
    last_contact_at: float | None = None
    heartbeat_seconds: int = 0
    clocks: tuple[tuple[str, float], ...] = ()
    pinned: tuple[PublicKey, ...] = ()
    endorsed: tuple[PublicKey, ...] = ()
    set_aside: tuple[str, ...] = ()
    firmware: FirmwareState = FirmwareState()

    def encode(self) -> bytes:
        document = {"format": FORMAT, **asdict(self)}
        return json.dumps(document, indent=1).encode("ascii") + b"\n"

    @classmethod
    def decode(cls, data: bytes) -> DeviceState:
        """StateError if it is damaged or was written by a later version."""
        try:
            found = decode_object(data)
            if found.pop("format") != FORMAT:
                raise ValueError("its format is not known")
            firmware = found.pop("firmware")
            firmware["earlier"] = tuple(str(version) for version in firmware["earlier"])
            state = cls(**found, firmware=FirmwareState(**firmware))
            if not isinstance(state.config, dict):
                raise ValueError("the configuration is not an object")
            return replace(
                state,
                config_version=int(state.config_version),
                heartbeat_seconds=int(state.heartbeat_seconds),
                commands=tuple(str(command) for command in state.commands),
                clocks=tuple((str(boot), float(at)) for boot, at in state.clocks),
                pinned=_read_keys(found["pinned"]),
                endorsed=_read_keys(found["endorsed"]),
                set_aside=tuple(str(kid) for kid in state.set_aside),
            )
        except (ValueError, ArithmeticError, KeyError, TypeError, AttributeError, RecursionError, KeyRefused) as error:
            raise StateError(f"the device's state is damaged: {error}") from error

    def key_ring(self, issuer: str) -> KeyRing:
        return KeyRing.restored(self.pinned, self.endorsed, self.set_aside, issuer=issuer)


def _read_keys(values: list[Any]) -> tuple[PublicKey, ...]:
    return tuple(read_key(value | {"kty": "OKP", "crv": "Ed25519"}) for value in values)


class DeviceStore:
    """The state in memory and on the disk. `change` may be called by any thread of the process that holds the lock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problem: str | None = None
        self._folder = StateFolder(path)
        self._file, self._previous = path / "device.json", path / "device.previous.json"
        self._changing = threading.RLock()
        self.state = self._read()

    @property
    def is_writer(self) -> bool:
        return self._folder.is_locked

    def open(self) -> None:
        """Lock the folder and read what the writer before left. AnotherWriter if there is one.

        A folder that cannot be written is no reason to stop: what is stored is kept in memory then.
        """
        if self.is_writer:
            return
        try:
            self._folder.lock()
        except AnotherWriter:
            raise
        except StateError as error:
            self._note_problem(error)
        self.state = self._read()

    def change(self, **changes: object) -> bool:
        """Replace values of the state; whether the disk has them, too."""
        with self._changing:
            changed = replace(self.state, **changes)  # type: ignore[arg-type]
            if changed == self.state and self.problem is None:
                return True
            self.state = changed
            return self.save()

    def change_firmware(self, **changes: object) -> bool:
        with self._changing:
            return self.change(firmware=replace(self.state.firmware, **changes))  # type: ignore[arg-type]

    def trust(self, keys: KeyRing) -> bool:
        return self.change(pinned=keys.pinned, endorsed=keys.endorsed, set_aside=keys.set_aside)

    def close(self) -> None:
        self._folder.unlock()

    def _read(self) -> DeviceState:
        problem: Exception | None = None
        for file in (self._file, self._previous):
            try:
                return DeviceState.decode(read_bounded(file))
            except FileNotFoundError:
                continue
            except (OSError, StateError) as error:
                problem = problem or error
        if problem is not None:
            logger.warning("The device begins with an empty state: %s.", problem)
        return DeviceState()

    def save(self) -> bool:
        """Write the state; whether the disk has it."""
        try:
            if not self.is_writer:
                raise StateError(f"the state folder {self.path} cannot be written")
            self._keep_previous()
            replace_durably(self._file, self.state.encode())
        except (OSError, StateError) as error:
            self._note_problem(error)
            return False
        self._note_problem(None)
        return True

    def _keep_previous(self) -> None:
        """Give the newest state, if it is whole, a second name, which takes the place of the previous state at once."""
        try:
            DeviceState.decode(read_bounded(self._file))
        except (OSError, StateError):
            return  # damaged: the previous one is better
        link = self._file.with_suffix(".link")
        with suppress(FileNotFoundError):
            link.unlink()
        os.link(self._file, link)
        os.replace(link, self._previous)

    def _note_problem(self, error: Exception | None) -> None:
        """Say once that the folder cannot be written, and once that it can be written again."""
        if error is not None and self.problem is None:
            logger.warning("The device's state is not stored: %s.", error)
        elif error is None and self.problem is not None:
            logger.warning("The device's state is stored again.")
        self.problem = None if error is None else f"{error}."

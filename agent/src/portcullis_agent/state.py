"""The state folder: one file, replaced atomically by one process and read by any.

    state.json           the newest state
    state.previous.json  the state before it, used if the newest one cannot be read
    lock                 held (flock) by the process that writes

The lease in it is the signed token, and is verified each time it is loaded. The other values can be forged by a user who
may write the folder; README.md says what that yields.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
import stat
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from portcullis_agent.encoding import decode_object
from portcullis_agent.errors import AnotherWriter, KeyRefused, StateError
from portcullis_agent.keys import PublicKey, read_key
from portcullis_agent.lease import LATEST

FORMAT = 1
MAX_STATE_BYTES = 1024 * 1024


@dataclass(frozen=True)
class State:
    """What is stored. `trusted_time` is the lower bound of the present when `monotonic` was read in `machine_boot`.

    `keys_asked_at` and `keys_read_at` are trusted times too: the last request for the server's key set, and the last good one.
    """

    site_id: str
    instance_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    pinned: tuple[PublicKey, ...] = ()
    endorsed: tuple[PublicKey, ...] = ()
    set_aside: tuple[str, ...] = ()
    lease: str | None = None
    trusted_time: float = 0.0
    monotonic: float = 0.0
    machine_boot: str = ""
    keys_asked_at: float = 0.0
    keys_read_at: float = 0.0

    def encode(self) -> bytes:
        document = {
            "format": FORMAT,
            "site_id": self.site_id,
            "instance_id": self.instance_id,
            "pinned": [key.as_dict() for key in self.pinned],
            "endorsed": [key.as_dict() for key in self.endorsed],
            "set_aside": list(self.set_aside),
            "lease": self.lease,
            "trusted_time": self.trusted_time,
            "monotonic": self.monotonic,
            "machine_boot": self.machine_boot,
            "keys_asked_at": self.keys_asked_at,
            "keys_read_at": self.keys_read_at,
        }
        return json.dumps(document, indent=1).encode("ascii") + b"\n"

    @classmethod
    def decode(cls, data: bytes) -> State:
        """StateError if it is damaged or was written by a later version."""
        try:
            document = decode_object(data)
            if document["format"] != FORMAT:
                raise ValueError(f"format {document['format']!r} is not known")
            lease = document["lease"]
            if not isinstance(lease, (str, type(None))):
                raise ValueError("lease is not a text")
            return cls(
                site_id=str(document["site_id"]),
                instance_id=str(uuid.UUID(document["instance_id"])),
                pinned=_read_keys(document["pinned"]),
                endorsed=_read_keys(document["endorsed"]),
                set_aside=tuple(str(kid) for kid in document.get("set_aside", [])),
                lease=lease,
                trusted_time=_seconds(document["trusted_time"]),
                monotonic=_seconds(document["monotonic"]),
                machine_boot=str(document["machine_boot"]),
                keys_asked_at=_seconds(document.get("keys_asked_at", 0)),
                keys_read_at=_seconds(document.get("keys_read_at", 0)),
            )
        except (ValueError, ArithmeticError, KeyError, TypeError, AttributeError, RecursionError, KeyRefused) as error:
            raise StateError(f"the state is damaged: {error}") from error


def _read_keys(values: list[Any]) -> tuple[PublicKey, ...]:
    return tuple(read_key(value | {"kty": "OKP", "crv": "Ed25519"}) for value in values)


def _seconds(value: Any) -> float:
    number = float(value)
    if not (math.isfinite(number) and 0 <= number <= LATEST):
        raise ValueError("a time is out of range")
    return number


def read_bounded(file: Path) -> bytes:
    """The content of a file of at most a MiB; OSError, or StateError if it is larger or no file."""
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe must not make anybody wait
    with os.fdopen(descriptor, "rb") as opened:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise StateError("the state is damaged: it is no file")
        data = opened.read(MAX_STATE_BYTES + 1)
    if len(data) > MAX_STATE_BYTES:
        raise StateError("the state is damaged: it is too large")
    return data


class StateFolder:
    """Reads without locks; writes only between `lock` and `unlock`."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.newest = self.path / "state.json"
        self.previous = self.path / "state.previous.json"
        self._lock_file: int | None = None
        self._lock_owner = 0

    @property
    def is_locked(self) -> bool:
        """Whether this process may write; a child that was forked later may not."""
        return self._lock_file is not None and self._lock_owner == os.getpid()

    def lock(self) -> None:
        """Become the one process that writes; AnotherWriter if there is one, StateError if the folder is unusable."""
        if self.is_locked:
            return
        self.forget_lock()
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = self._open_lock()
        except OSError as error:
            raise StateError(f"the state folder {self.path} cannot be written: {error.strerror or error}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise AnotherWriter(f"another process sends the heartbeats of {self.path}") from error
        self._lock_file, self._lock_owner = descriptor, os.getpid()

    def _open_lock(self) -> int:
        """In a folder that cannot be written the file is opened to be read, or the folder is locked itself.

        Otherwise each worker would send heartbeats, and they would look like clones.
        """
        try:
            return os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError:
            with suppress(OSError):
                return os.open(self.path / "lock", os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            return os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def unlock(self) -> None:
        if self.is_locked:
            self.forget_lock()

    def forget_lock(self) -> None:
        """Close the lock. In a child this leaves the parent's lock as it is; kept open, it would outlive the parent."""
        if self._lock_file is not None:
            os.close(self._lock_file)
        self._lock_file = None

    def read(self) -> list[State]:
        """The states that can be read, newest first; StateError if there are files and none can be read."""
        states, problem = [], None
        for file in (self.newest, self.previous):
            try:
                states.append(State.decode(read_bounded(file)))
            except FileNotFoundError:
                continue
            except OSError as error:
                problem = problem or StateError(f"{file} cannot be read: {error.strerror or error}")
            except StateError as error:
                problem = problem or error
        if problem and not states:
            raise problem
        return states

    def fingerprint(self) -> tuple[int, int, int] | None:
        """Changes whenever the newest state is replaced."""
        try:
            found = self.newest.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def write(self, state: State) -> None:
        """Replace the state so that a power cut at any instant leaves the old or the new one, whole; StateError."""
        if not self.is_locked:
            raise StateError("this process does not write the state folder")
        temporary = self.path / "state.new.json"
        try:
            readable = os.stat(self.path).st_mode & 0o040  # by the group, if the group can read the folder
            write_durably(temporary, state.encode(), mode=0o600 | readable)
            self._keep_previous()
            os.replace(temporary, self.newest)
            sync_folder(self.path)
        except OSError as error:
            raise StateError(f"the state folder {self.path} cannot be written: {error.strerror or error}") from error

    def _keep_previous(self) -> None:
        """Give the newest state, if it is whole, a second name, which takes the place of the previous state at once."""
        try:
            State.decode(read_bounded(self.newest))
        except (OSError, StateError):
            return  # damaged: the previous one is better
        link = self.path / "state.link.json"
        with suppress(FileNotFoundError):
            link.unlink()
        os.link(self.newest, link)
        os.replace(link, self.previous)


def write_durably(file: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file that only its owner can read, if `mode` says nothing else, and wait until the disk has it."""
    with suppress(FileNotFoundError):
        file.unlink()  # of a process that was killed; or a link, which would be followed
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        os.fchmod(descriptor, mode)
        opened.write(content)
        opened.flush()
        os.fsync(descriptor)


def replace_durably(file: Path, content: bytes) -> None:
    """Replace a file that only its owner can read, so that a power cut at any instant leaves the old or the new one."""
    temporary = file.with_suffix(".new")
    write_durably(temporary, content)
    os.replace(temporary, file)
    sync_folder(file.parent)


def sync_folder(path: Path) -> None:
    """Wait until the disk has the names in the folder."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

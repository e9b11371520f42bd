"""A file while it arrives: its bytes go to the disk, and into the hash, as they come.

The name stays in `incoming/` until the row of the firmware is committed. So a name that is old there belongs to an upload that
was cut short, with whatever it has left in the storage; see `fleet.firmware.prune`.
"""

import errno
import hashlib
import logging
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from fleet.firmware.errors import FirmwareStorageFull, FirmwareStorageUnavailable, FirmwareTooLarge

# Stays free for the database and the logs, which may be on the same disk.
RESERVED_BYTES = 16 * 1024 * 1024
# Whatever the umask: the group may have nginx in it, which sends the files with FIRMWARE_ACCEL_REDIRECT.
FILE_MODE = 0o640
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

log = logging.getLogger("portcullis.firmware")


def incoming_folder() -> Path:
    folder: Path = settings.FIRMWARE_FOLDER
    return folder / "incoming"


@contextmanager
def disk_errors() -> Iterator[None]:
    """Raises FirmwareStorageFull or FirmwareStorageUnavailable in place of OSError."""
    try:
        yield
    except OSError as error:
        if error.errno in NO_ROOM:
            log.error("there is no room for a firmware: %s", error)
            raise FirmwareStorageFull from error
        log.error("FIRMWARE_FOLDER cannot be used: %s", error)
        raise FirmwareStorageUnavailable from error


class IncomingFile:
    """Call `finish` when all bytes have been written, and `discard` at the end in any case."""

    def __init__(self, *, expected_bytes: int) -> None:
        """`expected_bytes` is at least the length of the file. Raises FirmwareStorageFull, FirmwareStorageUnavailable."""
        self.name = f"{uuid.uuid4()}.bin"
        self.path = incoming_folder() / self.name
        self.hash = hashlib.sha256()
        self.size = 0
        self.is_left_to_prune = False
        with disk_errors():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if shutil.disk_usage(self.path.parent).free - expected_bytes < RESERVED_BYTES:
                raise FirmwareStorageFull
            self.opened = self.path.open("xb", buffering=0)
            os.fchmod(self.opened.fileno(), FILE_MODE)

    @property
    def sha256(self) -> str:
        return self.hash.hexdigest()

    def write(self, data: bytes) -> None:
        """Raises FirmwareTooLarge, FirmwareStorageFull, FirmwareStorageUnavailable."""
        self.size += len(data)
        if self.size > settings.FIRMWARE_MAX_BYTES:
            raise FirmwareTooLarge(f"The file may have {settings.FIRMWARE_MAX_BYTES} bytes at most.")
        self.hash.update(data)
        rest = memoryview(data)
        with disk_errors():
            while rest:
                rest = rest[self.opened.write(rest) :]

    def finish(self) -> None:
        """From now on the bytes survive a power cut. Raises FirmwareStorageFull, FirmwareStorageUnavailable."""
        with disk_errors():
            os.fsync(self.opened.fileno())
            self.opened.close()

    def leave_to_prune(self) -> None:
        """What is in the storage could not be deleted, or may be needed: `fleet.firmware.prune` will find out."""
        self.is_left_to_prune = True

    def discard(self) -> None:
        self.opened.close()
        if not self.is_left_to_prune:
            self.path.unlink(missing_ok=True)

"""What both kinds of storage can do, and which of them is used."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

KINDS = {
    "folder": "fleet.firmware.files.folder.FolderFiles",
    "s3": "fleet.firmware.files.bucket.BucketFiles",
}
PIECE_BYTES = 256 * 1024


class StoredFiles(Protocol):
    """Files by their names. Each method raises FirmwareStorageUnavailable if the storage does not answer."""

    def add(self, path: Path, name: str) -> None:
        """Take over a finished file. Raises FirmwareStorageFull too."""

    def open(self, name: str, *, start: int, stop: int) -> "StoredPart":
        """The bytes from `start` to before `stop`. Raises FirmwareFileMissing."""

    def delete(self, name: str) -> None:
        """A file that is not there is deleted already."""


class StoredPart(Protocol):
    """A part of a file that is read once, piece by piece. One with `fileno` is sent by the server without a thread."""

    def read(self, size: int = -1) -> bytes: ...

    def close(self) -> None: ...


@lru_cache(maxsize=1)
def stored_files() -> StoredFiles:
    # By its path: what S3 needs takes a third of a second to import, and tens of megabytes.
    files: StoredFiles = import_string(KINDS[settings.FIRMWARE_STORAGE])()
    return files


def pieces(part: StoredPart) -> Iterator[bytes]:
    while data := part.read(PIECE_BYTES):
        yield data

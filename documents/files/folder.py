"""Files in MEDIA_ROOT."""

import errno
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

from django.core.files.base import File
from django.core.files.storage import FileSystemStorage

from documents.files.errors import FileMissing, FileStorageFull, FileStorageUnavailable

NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

log = logging.getLogger("portcullis.files")


@contextmanager
def disk_errors() -> Iterator[None]:
    """Raises FileMissing, FileStorageFull or FileStorageUnavailable in place of OSError."""
    try:
        yield
    except FileNotFoundError as error:
        raise FileMissing from error
    except OSError as error:
        raise disk_error("MEDIA_ROOT", error) from error


@contextmanager
def temporary_disk_errors() -> Iterator[None]:
    """Raises FileStorageFull or FileStorageUnavailable in place of OSError, while a file arrives and is checked."""
    try:
        yield
    except OSError as error:
        raise disk_error("The folder of temporary files", error) from error


def disk_error(what: str, error: OSError) -> FileStorageFull | FileStorageUnavailable:
    log.error("%s cannot be used: %s", what, error)
    return FileStorageFull() if error.errno in NO_ROOM else FileStorageUnavailable()


class FolderStorage(FileSystemStorage):
    """Django's, with the errors of `documents.files.errors`; what is saved survives a power cut."""

    def __init__(self, **options: Any) -> None:
        super().__init__(file_permissions_mode=0o640, directory_permissions_mode=0o750, **options)

    def _save(self, name: str, content: "File[Any]") -> str:
        with disk_errors():
            try:
                saved: str = super()._save(name, content)  # type: ignore[misc] # the stubs leave it out
                # The file, its entry in its folder, and the entry of a folder that was made for it.
                for path in (self.path(saved), os.path.dirname(self.path(saved)), self.location):
                    sync(path)
            except OSError:
                with suppress(OSError):
                    os.remove(self.path(name))  # half of it may be written
                raise
        return saved

    def _open(self, name: str, mode: str = "rb") -> "File[Any]":
        with disk_errors():
            opened: File[Any] = super()._open(name, mode)  # type: ignore[misc] # as above
        return opened

    def delete(self, name: str) -> None:
        with disk_errors():
            super().delete(name)

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        with disk_errors():
            return super().listdir(path) if self.exists(path) else ([], [])

    def get_modified_time(self, name: str) -> datetime:
        with disk_errors():
            return super().get_modified_time(name)


def sync(path: str | os.PathLike[str]) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)

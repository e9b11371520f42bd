"""Files in MEDIA_ROOT."""

import errno
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
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
        log.error("MEDIA_ROOT cannot be used: %s", error)
        raise (FileStorageFull if error.errno in NO_ROOM else FileStorageUnavailable) from error


class FolderStorage(FileSystemStorage):
    """Django's, with the errors of `documents.files.errors`; what is saved survives a power cut."""

    def __init__(self, **options: Any) -> None:
        super().__init__(file_permissions_mode=0o640, directory_permissions_mode=0o750, **options)

    def _save(self, name: str, content: "File[Any]") -> str:
        with disk_errors():
            saved: str = super()._save(name, content)  # type: ignore[misc] # the stubs leave it out
            for path, flags in ((self.path(saved), os.O_RDONLY), (self.location, os.O_RDONLY | os.O_DIRECTORY)):
                opened = os.open(path, flags)
                try:
                    os.fsync(opened)
                finally:
                    os.close(opened)
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

"""Files in FIRMWARE_FOLDER."""

import os
from pathlib import Path

from django.conf import settings

from fleet.firmware.errors import FirmwareFileMissing
from fleet.firmware.files.incoming import disk_errors


class FolderPart:
    """A part of an open file. gunicorn sends it with the system's `sendfile`, from the position of `fileno` on."""

    def __init__(self, path: Path, *, start: int, stop: int) -> None:
        self.opened = path.open("rb", buffering=0)
        self.opened.seek(start)
        self.left = stop - start

    def fileno(self) -> int:
        return self.opened.fileno()

    def read(self, size: int = -1) -> bytes:
        """Raises FirmwareFileMissing if the file has become shorter."""
        data = self.opened.read(self.left if size < 0 else min(size, self.left)) or b""
        if not data and self.left:
            raise FirmwareFileMissing(f"{self.opened.name} has become shorter.")
        self.left -= len(data)
        return data

    def close(self) -> None:
        self.opened.close()


class FolderFiles:
    def path(self, name: str) -> Path:
        folder: Path = settings.FIRMWARE_FOLDER
        return folder / name

    def add(self, path: Path, name: str) -> None:
        """A second name of the same file, so that nothing is copied."""
        with disk_errors():
            self.path(name).hardlink_to(path)
            folder = os.open(self.path(name).parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def open(self, name: str, *, start: int, stop: int) -> FolderPart:
        with disk_errors():
            try:
                return FolderPart(self.path(name), start=start, stop=stop)
            except FileNotFoundError as error:
                raise FirmwareFileMissing from error

    def delete(self, name: str) -> None:
        with disk_errors():
            self.path(name).unlink(missing_ok=True)

"""The file of a backup: a ZIP that holds the database's own dump and a manifest that describes it.

Its name ends with the time. A file gets that name only when it is whole, verified and on the disk.
"""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile, ZipFile

from backup.errors import BackupFailed, BackupUnreadable

FORMAT = 1
MANIFEST = "manifest.json"
NAME = "portcullis-%Y%m%dT%H%M%SZ.zip"
PARTIAL_SUFFIX = ".partial"


@dataclass(frozen=True)
class Manifest:
    """`migrations` are as in "sites.0001_initial", `rows` counts each table, `secrets` has fingerprints."""

    made_at: str
    version: str
    vendor: str
    server_version: str
    migrations: list[str]
    rows: dict[str, int]
    secrets: dict[str, list[str]]
    format: int = FORMAT


class Copied(NamedTuple):
    """What a copy of the database was made of, as of one moment."""

    rows: dict[str, int]
    migrations: list[str]


def file_name(at: datetime) -> str:
    return f"{at:{NAME}}"


@contextmanager
def new_file(folder: Path, name: str) -> Iterator[Path]:
    """A private file to write, which gets its name after the block. If the block fails, nothing is left of it."""
    try:
        folder.mkdir(0o700, parents=True, exist_ok=True)
        if (folder / name).exists():
            raise BackupFailed(f"{folder / name} exists already.")
        with scratch_file(folder) as partial:
            yield partial
            write_through(partial)
            partial.rename(folder / name)
            write_through(folder)
    except OSError as error:
        raise BackupFailed(f"{folder} cannot be written: {error.strerror}.") from error


@contextmanager
def scratch_file(folder: Path) -> Iterator[Path]:
    """An empty private file, which is gone after the block unless it was renamed."""
    descriptor, name = tempfile.mkstemp(prefix=".portcullis-", suffix=PARTIAL_SUFFIX, dir=folder)
    os.close(descriptor)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def write_through(path: Path) -> None:
    """Wait until the disk has the file, or the names in the folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_manifest(archive: ZipFile, manifest: Manifest) -> None:
    archive.writestr(MANIFEST, json.dumps(asdict(manifest), indent=1))


@contextmanager
def opened(file: Path) -> Iterator[tuple[ZipFile, Manifest]]:
    """A backup whose checksums are right. Raises BackupUnreadable."""
    try:
        with ZipFile(file) as archive:
            if damaged := archive.testzip():
                raise BackupUnreadable(f"{file} is damaged: {damaged} has another checksum.")
            yield archive, read_manifest(archive, file)
    except OSError as error:
        raise BackupUnreadable(f"{file} cannot be read: {error.strerror}.") from error
    except BadZipFile as error:
        raise BackupUnreadable(f"{file} is not a whole backup: {error}.") from error


def read_manifest(archive: ZipFile, file: Path) -> Manifest:
    try:
        values: dict[str, Any] = json.loads(archive.read(MANIFEST))
        if values["format"] != FORMAT:
            raise BackupUnreadable(f"{file} has the format {values['format']}, which this release does not know.")
        return Manifest(**values)
    except (KeyError, TypeError, ValueError) as error:
        raise BackupUnreadable(f"{file} is not a backup of Portcullis.") from error

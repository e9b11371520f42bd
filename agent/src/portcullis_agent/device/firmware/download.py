"""Download of a file that is resumed at any byte, also by a later process.

SHA256.part   what is there of the file
SHA256.etag   the strong ETag that its first bytes came with
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from portcullis_agent.client import RequestFailed, describe_error
from portcullis_agent.device.firmware.manifest import Manifest
from portcullis_agent.device.server import HttpDeviceServer, read_device_answer
from portcullis_agent.errors import AgentError
from portcullis_agent.state import write_durably

CHUNK_BYTES = 64 * 1024
SPARE_BYTES = 4 * 1024 * 1024  # a download leaves that much of the disk to the others
_STRONG_ETAG = re.compile(r'"[\x21\x23-\x7e]{1,128}"\Z')
_CONTENT_RANGE = re.compile(r"bytes (\d{1,15})-\d{1,15}/(\d{1,15})\Z", re.ASCII)


class DownloadStopped(AgentError):
    """The program was told to stop; the part that is there is used later."""


class DiskFull(AgentError):
    """The file does not fit on the disk. Nothing of it is left there."""


class FileDamaged(AgentError):
    """The file has not the sha256 of the manifest. Nothing of it is left."""


@dataclass
class Download:
    """The file of one manifest in a folder of its own."""

    folder: Path
    manifest: Manifest

    @property
    def part(self) -> Path:
        return self.folder / f"{self.manifest.sha256}.part"

    @property
    def etag_file(self) -> Path:
        return self.folder / f"{self.manifest.sha256}.etag"

    @property
    def bytes_there(self) -> int:
        try:
            return self.part.stat().st_size
        except OSError:
            return 0

    def discard(self) -> None:
        for file in (self.part, self.etag_file):
            with suppress(OSError):
                file.unlink()

    def prepare(self) -> None:
        """Remove the files of other firmware. DiskFull if there is no room for the rest of this one."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            for file in self.folder.iterdir():
                if file not in {self.part, self.etag_file}:
                    file.unlink()
            free = shutil.disk_usage(self.folder).free
        except OSError as error:
            raise DiskFull(f"{self.folder} cannot be used: {error.strerror or error}") from error
        missing = self.manifest.size - self.bytes_there + SPARE_BYTES
        if free < missing:
            raise DiskFull(f"it needs {missing} free bytes, and {self.folder} has {free}")

    def fetch(self, server: HttpDeviceServer, path: str, stop: threading.Event) -> None:
        """Get what is missing. RequestFailed if that ends early, DownloadStopped, DiskFull."""
        if self.bytes_there > self.manifest.size:
            self.discard()
        if self.bytes_there == self.manifest.size:
            return
        there, etag = self.bytes_there, self._etag()
        if there and etag is None:
            self.discard()
            there = 0
        headers = server.device_headers()
        if there and etag is not None:
            headers |= {"Range": f"bytes={there}-", "If-Range": etag}
        client = server.client()
        try:
            with client.stream("GET", server.settings.url + path, headers=headers) as response:
                if response.status_code == 416:
                    self.discard()
                    raise RequestFailed("The server does not have the rest of the file: it is loaded anew.", status=416)
                if response.status_code not in {200, 206}:
                    read_device_answer(response)  # raises
                self._store(response, there, etag, stop)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError) as error:
            raise describe_error(error) from error

    def _store(self, response: httpx.Response, there: int, etag: str | None, stop: threading.Event) -> None:
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise RequestFailed("The file is compressed, although it must not be.", status=response.status_code)
        if response.status_code == 206:
            self._check_range(response, there, etag)
        else:
            self._begin_anew(response)
            there = 0
        with self._writing():
            opened = self.part.open("r+b" if there else "wb", buffering=0)
        with opened:
            opened.seek(there)
            for chunk in response.iter_raw():  # as they come: a cut must not lose what a buffer holds
                there += len(chunk)
                if there > self.manifest.size:
                    self.discard()
                    raise RequestFailed("The file is larger than its manifest says.", status=response.status_code)
                with self._writing():
                    _write_all(opened, chunk)
                if stop.is_set():
                    raise DownloadStopped("the download goes on at the next start")
            with self._writing():
                os.fsync(opened.fileno())
        if there < self.manifest.size:
            raise RequestFailed(
                f"The file ended after {there} of {self.manifest.size} bytes.", status=response.status_code
            )

    def _check_range(self, response: httpx.Response, there: int, etag: str | None) -> None:
        """RequestFailed, and the file is loaded anew, if the bytes are not those that follow."""
        found = _CONTENT_RANGE.match(response.headers.get("Content-Range", ""))
        is_next = found is not None and (int(found[1]), int(found[2])) == (there, self.manifest.size)
        if not there or not is_next or response.headers.get("ETag") != etag:
            self.discard()
            raise RequestFailed("The server sent another part than the one that follows.", status=206)

    def _begin_anew(self, response: httpx.Response) -> None:
        self.discard()
        etag = response.headers.get("ETag", "")
        if _STRONG_ETAG.match(etag):
            with self._writing():
                write_durably(self.etag_file, etag.encode("ascii"))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """A disk that is full must not stay so because of this file."""
        try:
            yield
        except OSError as error:
            self.discard()
            raise DiskFull(f"{self.folder} cannot be written: {error.strerror or error}") from error

    def _etag(self) -> str | None:
        try:
            etag = self.etag_file.read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError):
            return None
        return etag if _STRONG_ETAG.match(etag) else None

    def check(self) -> Path:
        """The whole file, whose sha256 was just checked; FileDamaged."""
        digest = hashlib.sha256()
        try:
            with self.part.open("rb") as opened:
                for chunk in iter(lambda: opened.read(CHUNK_BYTES), b""):
                    digest.update(chunk)
        except OSError as error:
            raise FileDamaged(f"the file cannot be read: {error.strerror or error}") from error
        if digest.hexdigest() != self.manifest.sha256 or self.bytes_there != self.manifest.size:
            self.discard()
            raise FileDamaged("the file's sha256 is not that of the manifest")
        return self.part


def _write_all(opened: io.FileIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[opened.write(view) or 0 :]

"""A bounded queue of records on the disk: they are kept until the server has them, or until newer ones need the space.

    00000000000000000001.log   records from number 1 on, one line each: checksum, number, JSON
    acknowledged               the numbers that the server has, as ranges; without it, everything is sent again

Files are only appended to. A line whose checksum does not fit is skipped, whatever damaged it.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import zlib
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portcullis_agent.device.ranges import Ranges
from portcullis_agent.encoding import decode_object
from portcullis_agent.state import read_bounded, sync_folder, write_durably

logger = logging.getLogger("portcullis_agent")

LARGEST_SEGMENT_BYTES = 256 * 1024
SEGMENTS = 16  # at least: what is lost at once when the queue is full is one of them
MOST_IN_MEMORY = 100  # records that wait for the server while the disk cannot be written


@dataclass(frozen=True)
class Record:
    """`number` rises by one with each record of a queue."""

    number: int
    content: dict[str, Any]

    def encode(self) -> bytes:
        """A line with a line end before it too: what was written before it, and cut off, does not damage it."""
        text = f"{self.number} {json.dumps(self.content, separators=(',', ':'))}".encode("ascii")
        return b"\n%08x %s\n" % (zlib.crc32(text), text)

    @classmethod
    def decode(cls, line: bytes) -> Record | None:
        """None if the line is damaged."""
        checked = _check(line)
        if checked is None:
            return None
        try:
            return cls(checked[0], decode_object(checked[1]))
        except (ValueError, RecursionError):
            return None


def _check(line: bytes) -> tuple[int, bytes] | None:
    """The number of a record and its content, not decoded yet; None if the line is damaged."""
    checksum, _, text = line.partition(b" ")
    number, _, content = text.partition(b" ")
    try:
        if len(checksum) != 8 or int(checksum, 16) != zlib.crc32(text):
            return None
        return int(number), content
    except ValueError:
        return None


class Queue:
    """May be used by several threads of one process, which holds the lock of the state folder.

    Nothing raises because of the disk: a record that cannot be written waits in memory, and `lost` counts those that the
    queue had no room for.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.folder = folder
        self.lost = 0
        self.problem: str | None = None
        self._max_bytes = max_bytes
        self._segment_bytes = min(max(max_bytes // SEGMENTS, 1), LARGEST_SEGMENT_BYTES)
        self._lock = threading.RLock()
        self._memory: deque[Record] = deque()
        self._sizes: dict[Path, int] = {}  # of the segments, oldest first
        self._active: Path | None = None
        self._cached: tuple[Path, list[Record]] | None = None  # the oldest segment
        self._acknowledged = self._read_acknowledged()
        self._waiting = 0
        self._next = max(self._acknowledged.highest, self._find_segments()) + 1

    def __len__(self) -> int:
        """How many records wait for the server."""
        return self._waiting

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        return sum(self._sizes.values())

    def append(self, content: dict[str, Any]) -> Record:
        """Add a record and wait until the disk has it."""
        with self._lock:
            record = Record(self._next, content)
            self._next += 1
            self._waiting += 1
            self._memory.append(record)
            try:
                while self._memory:
                    self._write(self._memory[0])
                    self._memory.popleft()
            except OSError as error:
                self._note_problem(error)
                if len(self._memory) > MOST_IN_MEMORY:
                    self._memory.popleft()
                    self._lose(1)
            else:
                self._note_problem(None)
            return record

    def oldest(self, count: int) -> list[Record]:
        """The oldest records that wait, at most `count`."""
        with self._lock:
            found: list[Record] = []
            for segment in list(self._sizes):
                found += self._pending(segment)
                if len(found) >= count:
                    return found[:count]
            found += self._memory
            if len(found) < count:
                self._waiting = len(found)  # what was damaged since the start is not waited for
            return found[:count]

    def acknowledge(self, records: Iterable[Record]) -> None:
        """Forget records: the server has them, or does not want them."""
        with self._lock:
            done = {record.number for record in records if record.number not in self._acknowledged}
            in_memory = [record for record in self._memory if record.number not in done]
            self._memory = deque(in_memory)
            for number in sorted(done):
                self._acknowledged.add(number)
            if self._sizes and not self._memory:  # what was lost or damaged is no gap to remember
                self._acknowledged.add_up_to(int(next(iter(self._sizes)).stem) - 1)
            self._waiting = max(0, self._waiting - len(done))
            for segment in list(self._sizes):
                if self._pending(segment):
                    break
                self._remove(segment)
            with suppress(OSError):  # then they are sent again after a restart, and the server has them already
                self._write_acknowledged()

    # Segments

    def _find_segments(self) -> int:
        """Count what waits; the highest number in the segments, or 0."""
        highest = 0
        with suppress(OSError):  # no folder yet, or one that cannot be read
            for segment in sorted(self.folder.glob("*.log")):
                if segment.stem.isdigit():
                    self._sizes[segment] = segment.stat().st_size
                    numbers = [checked[0] for checked in map(_check, self._lines(segment)) if checked]
                    self._waiting += sum(number not in self._acknowledged for number in numbers)
                    highest = max(highest, int(segment.stem) - 1, *numbers)
        return highest

    def _lines(self, segment: Path) -> list[bytes]:
        try:
            return [line for line in segment.read_bytes().split(b"\n") if line]
        except FileNotFoundError:  # another process reads the status while this one removes it
            return []
        except OSError as error:
            self._note_problem(error)
            return []

    def _read(self, segment: Path) -> list[Record]:
        if self._cached is not None and self._cached[0] == segment:
            return self._cached[1]
        records = [record for record in map(Record.decode, self._lines(segment)) if record is not None]
        if segment != self._active:
            self._cached = segment, records
        return records

    def _pending(self, segment: Path) -> list[Record]:
        return [record for record in self._read(segment) if record.number not in self._acknowledged]

    def _write(self, record: Record) -> None:
        line = record.encode()
        self._make_room(len(line))
        if self._active is not None and not self._active.exists():
            self._remove(self._active)  # somebody emptied the folder
        if self._active is None or self._sizes[self._active] + len(line) > self._segment_bytes:
            self._active = self._begin_segment(record.number)
        descriptor = os.open(self._active, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
        size = os.fstat(descriptor).st_size
        try:
            while line:
                line = line[os.write(descriptor, line) :]
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, size)  # the part that a full disk took
            raise
        finally:
            self._sizes[self._active] = os.fstat(descriptor).st_size
            os.close(descriptor)

    def _begin_segment(self, first: int) -> Path:
        self._active = self._cached = None
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        segment = self.folder / f"{first:020}.log"
        try:
            write_durably(segment, b"")
            sync_folder(self.folder)
        except OSError:
            with suppress(OSError):  # the next one has another name
                segment.unlink()
            raise
        self._sizes[segment] = 0
        return segment

    def _make_room(self, needed: int) -> None:
        """Lose the oldest segments if the queue is full."""
        while self._sizes and self.size + needed > self._max_bytes:
            oldest = next(iter(self._sizes))
            self._lose(len(self._pending(oldest)))
            self._remove(oldest)

    def _remove(self, segment: Path) -> None:
        with suppress(FileNotFoundError):
            try:
                segment.unlink()
            except OSError as error:
                self._note_problem(error)
        self._sizes.pop(segment, None)
        self._active = None if segment == self._active else self._active
        self._cached = None

    def _lose(self, count: int) -> None:
        if count and not self.lost:
            logger.warning("%s is full: the oldest records are lost from now on.", self.folder)
        self.lost += count
        self._waiting = max(0, self._waiting - count)

    def _note_problem(self, error: OSError | None) -> None:
        """Say once that the disk cannot be used, and once that it can be used again."""
        problem = None if error is None else f"{self.folder} cannot be used: {error.strerror or error}"
        if problem and not self.problem:
            logger.warning("%s. New records are kept in memory, at most %d.", problem, MOST_IN_MEMORY)
        elif self.problem and not problem:
            logger.warning("%s can be used again.", self.folder)
        self.problem = problem

    # What the server has

    def _read_acknowledged(self) -> Ranges:
        with suppress(OSError, ValueError):
            return Ranges.decode(read_bounded(self.folder / "acknowledged"))
        return Ranges()

    def _write_acknowledged(self) -> None:
        temporary = self.folder / "acknowledged.new"
        write_durably(temporary, self._acknowledged.encode())
        os.replace(temporary, self.folder / "acknowledged")

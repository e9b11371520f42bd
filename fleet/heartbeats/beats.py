"""The heartbeats that a process has answered and not written yet: one entry for each device, at most MAX_WAITING.

Each second a thread writes all of them in one transaction. A process that is killed loses what the last second or two
brought; one that ends writes it first. Where no thread writes, as in commands and tests, each heartbeat is written at once.
"""

import logging
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from django.db import DataError, IntegrityError, connection
from django.db import Error as DatabaseFault

from fleet.heartbeats.pace import load

log = logging.getLogger("portcullis.devices")

WRITE_SECONDS = 1.0
MAX_WAITING = 20_000


@dataclass(slots=True)
class Beat:
    """What a device's newest heartbeat said; None if it said nothing of that. `counts` are heartbeats by day (UTC)."""

    at: datetime
    due_at: datetime
    is_stopped: bool = False
    firmware_version: str | None = None
    uptime_seconds: int | None = None
    boot_id: uuid.UUID | None = None
    sequence: int | None = None
    config_version: int | None = None
    counts: dict[date, int] = field(default_factory=dict)

    def with_earlier(self, earlier: "Beat") -> "Beat":
        """This beat, with what only the earlier one said. A boot and its sequence belong together."""
        if self.firmware_version is None:
            self.firmware_version = earlier.firmware_version
        if self.uptime_seconds is None:
            self.uptime_seconds = earlier.uptime_seconds
        if self.config_version is None:
            self.config_version = earlier.config_version
        if self.boot_id is None:
            self.boot_id, self.sequence = earlier.boot_id, earlier.sequence
        for day, number in earlier.counts.items():
            self.counts[day] = self.counts.get(day, 0) + number
        return self


Write = Callable[[Mapping[uuid.UUID, Beat]], None]


class WaitingBeats:
    def __init__(self, write: Write) -> None:
        self.write = write
        self.lock = threading.Lock()
        self.writing = threading.Lock()  # held while a batch is written
        self.waiting: dict[uuid.UUID, Beat] = {}
        # A batch that could not be written, or of which that is not known. Newer beats are not mixed in, so that one that is
        # written already is recognized.
        self.unwritten: Mapping[uuid.UUID, Beat] = {}
        self.is_collecting = False

    def start(self) -> None:
        """Collect from now on; a thread of this process writes."""
        self.is_collecting = True
        threading.Thread(target=self.write_again_and_again, name="device-heartbeats", daemon=True).start()

    def add(self, device_id: uuid.UUID, beat: Beat) -> None:
        """Collect the beat. If there is no room, or nothing collects, write it now: raises what the database raises."""
        beat.counts = {beat.at.date(): 1}
        if self.is_collecting:
            with self.lock:
                earlier = self.waiting.get(device_id)
                if earlier is not None:
                    self.waiting[device_id] = newest_of(earlier, beat)
                    return
                if len(self.waiting) < MAX_WAITING:
                    self.waiting[device_id] = beat
                    return
        self.write({device_id: beat})

    def write_waiting(self) -> None:
        """What could not be written before, then what has come since. What fails is kept for the next time."""
        with self.writing:
            began = time.monotonic()
            try:
                self.write_what_can_be(self.unwritten)
                with self.lock:
                    self.unwritten, self.waiting = self.waiting, {}
                self.write_what_can_be(self.unwritten)
                self.unwritten = {}
            except DatabaseFault:
                load.seconds += time.monotonic() - began + WRITE_SECONDS
                raise
            load.seconds = time.monotonic() - began

    def write_what_can_be(self, beats: Mapping[uuid.UUID, Beat]) -> None:
        """A beat that the database refuses must not keep the others waiting: it is logged, and lost."""
        if not beats:
            return
        try:
            self.write(beats)
        except (DataError, IntegrityError) as error:
            if len(beats) == 1:
                log.error("the heartbeat of the device %s is refused by the database: %s", next(iter(beats)), error)
                return
            ids = list(beats)
            for half in (ids[: len(ids) // 2], ids[len(ids) // 2 :]):
                self.write_what_can_be({device_id: beats[device_id] for device_id in half})

    def write_again_and_again(self) -> None:
        is_failing = False
        while True:
            time.sleep(WRITE_SECONDS)
            try:
                self.write_waiting()
                is_failing = False
            except DatabaseFault as error:
                if not is_failing:
                    log.warning("heartbeats of devices wait, because they cannot be written: %s", error)
                is_failing = True
                connection.close()
            except Exception:  # without this thread no heartbeat would be written any more
                log.exception("heartbeats of devices cannot be written")

    def forget(self) -> None:
        """For tests."""
        with self.lock:
            self.waiting.clear()
            self.unwritten = {}


def newest_of(earlier: Beat, beat: Beat) -> Beat:
    return beat.with_earlier(earlier) if beat.at >= earlier.at else earlier.with_earlier(beat)

"""How a process that only reads the state folder asks the one that writes it for a heartbeat.

    check.request   made by the writer; another process sets its time to ask
    check.answer    written by the writer: the result of its heartbeat

The writer looks at the time of one file each second, which costs nothing, needs no thread and no socket, and works across
users: who may read the folder as a member of its group may ask.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress

from portcullis_agent.clock import Clock
from portcullis_agent.encoding import decode_object
from portcullis_agent.errors import StateError
from portcullis_agent.exchange import BeatResult
from portcullis_agent.state import StateFolder, read_bounded, write_durably

ANSWER_WITHIN_SECONDS = 15.0
LOOK_EVERY_SECONDS = 0.1


class CheckRequests:
    def __init__(self, folder: StateFolder, clock: Clock) -> None:
        self._clock = clock
        self._folder = folder.path
        self._request = folder.path / "check.request"
        self._answer = folder.path / "check.answer"
        self._seen: int | None = None

    # The writer

    def has_arrived(self) -> bool:
        """Whether a process asked since the last call. The first call makes the file, and is False."""
        if self._seen is None:
            with suppress(OSError):  # a folder that cannot be written takes no requests
                self._answer.unlink(missing_ok=True)
                shared = (
                    0o060 if os.stat(self._folder).st_mode & 0o040 else 0
                )  # for the group, if it can read the folder
                write_durably(self._request, b"", mode=0o600 | shared)
            self._seen = self._changed_at()
            return False
        before, self._seen = self._seen, self._changed_at()
        return self._seen != before

    def _changed_at(self) -> int:
        try:
            return self._request.lstat().st_mtime_ns
        except OSError:
            return 0

    def answer(self, result: BeatResult) -> None:
        document = {"answered_at": self._clock.monotonic(), "stored": result.stored, "reason": result.reason}
        temporary = self._folder / "check.new"
        with suppress(OSError):
            readable = os.stat(self._folder).st_mode & 0o040
            write_durably(temporary, json.dumps(document).encode("ascii"), mode=0o600 | readable)
            os.replace(temporary, self._answer)

    # Another process

    def ask(self) -> BeatResult:
        """Ask the writer and wait for its answer."""
        asked_at = self._clock.monotonic()
        try:
            os.utime(self._request, follow_symlinks=False)
        except FileNotFoundError:
            return BeatResult(False, f"Nothing was sent: no process sends the heartbeats of {self._folder}.")
        except OSError as error:
            reason = error.strerror or error
            return BeatResult(False, f"Nothing was sent: {self._request} cannot be written: {reason}.")
        deadline = time.monotonic() + ANSWER_WITHIN_SECONDS
        while time.monotonic() < deadline:
            found = self._read_answer(asked_at)
            if found is not None:
                return found
            time.sleep(LOOK_EVERY_SECONDS)
        seconds = f"{ANSWER_WITHIN_SECONDS:g} seconds"
        return BeatResult(False, f"The process that sends the heartbeats did not answer within {seconds}.")

    def _read_answer(self, asked_at: float) -> BeatResult | None:
        try:
            document = decode_object(read_bounded(self._answer))
            reason = document["reason"]
            if float(document["answered_at"]) < asked_at:
                return None
        except (OSError, StateError, ValueError, ArithmeticError, KeyError, TypeError, RecursionError):
            return None
        return BeatResult(document["stored"] is True, None if reason is None else str(reason))

"""Sends what the queues hold: the present sample at once, a backlog from the oldest on, a batch at a time."""

from __future__ import annotations

import logging
import random
from typing import Any

from portcullis_agent.client import RequestFailed
from portcullis_agent.clock import Clock
from portcullis_agent.device.moments import Moment, ServerClock, rfc3339
from portcullis_agent.device.queue import Queue, Record
from portcullis_agent.device.server import DeviceServer
from portcullis_agent.schedule import wait_after_failures

logger = logging.getLogger("portcullis_agent")

PAUSE_SECONDS = (0.5, 1.5)  # between two batches of a backlog: other devices have one too
FIRST_BACKOFF_SECONDS = 10.0
LONGEST_BACKOFF_SECONDS = 5 * 60.0
# About the request as a whole: fewer items may be accepted, and one alone that is not never will be.
TOO_LARGE, NOT_READABLE = 413, (400, 422)
LONGEST_REASON = 200


class Forwarder:
    """The queue of one kind, `health` or `telemetry`. A record is forgotten only after the server's verdict on it."""

    def __init__(
        self,
        kind: str,
        queue: Queue,
        server: DeviceServer,
        server_clock: ServerClock,
        *,
        clock: Clock,
        batch_size: int,
        random_source: random.Random,
    ) -> None:
        self.kind = kind
        self.queue = queue
        self.due_at: float | None = None  # None: nothing waits for the server
        self._server, self._server_clock, self._clock, self._random = server, server_clock, clock, random_source
        self._largest = self._size = batch_size
        self._present: Record | None = None
        self._failures = 0
        self._reasons: set[str] = set()
        if len(queue):
            self.due_at = clock.monotonic() + random_source.uniform(*PAUSE_SECONDS)

    def add(self, content: dict[str, Any], *, is_present: bool) -> None:
        """Queue a record. `is_present`: it goes before the older ones, in a request of its own."""
        record = self.queue.append(content)
        self._present = record if is_present else self._present
        if not self._failures:
            self.due_at = self._clock.monotonic()

    def look(self) -> None:
        """Send what another part put into the queue, unless a wait for the server is under way."""
        if self.due_at is None and len(self.queue):
            self.due_at = self._clock.monotonic()

    def step(self) -> None:
        """Send one batch if it is time."""
        if self.due_at is None or self._clock.monotonic() < self.due_at:
            return
        records = self._next_batch()
        readable = [(record, item) for record, item in ((r, self._item(r)) for r in records) if item is not None]
        if len(readable) < len(records):
            self.queue.acknowledge(record for record in records if self._item(record) is None)
        if readable:
            self._send([record for record, _ in readable], [item for _, item in readable])
        self._plan()

    def _next_batch(self) -> list[Record]:
        if self._present is not None and len(self.queue) > self._size:
            return [self._present]
        return self.queue.oldest(self._size)

    def _item(self, record: Record) -> dict[str, Any] | None:
        """The record as the server takes it; None if another version of this program wrote it."""
        try:
            content = record.content
            if self.kind == "health":
                return {"at": self._date(content["at"]), **content["values"]}
            start, end = self._date(content["start"]), self._date(content["end"])
            return {"period_start": start, "period_end": end, **content["numbers"]}
        except (KeyError, TypeError, ValueError):
            return None

    def _date(self, moment: Any) -> str:
        return rfc3339(self._server_clock.date(Moment.decode(moment)))

    def _send(self, records: list[Record], items: list[dict[str, Any]]) -> None:
        try:
            answer = self._server.send_items(self.kind, items)
            rejected = read_verdicts(answer, len(items))
        except RequestFailed as failure:
            self._failed(failure, records)
            return
        for index, errors in rejected.items():
            self._reject(items[index], errors)
        self._done(records)
        self._failures = 0
        self._size = min(self._size * 2, self._largest)

    def _failed(self, failure: RequestFailed, records: list[Record]) -> None:
        if failure.status == TOO_LARGE or failure.status in NOT_READABLE:
            if len(records) == 1:
                self._reject({}, str(failure))
                self._done(records)
                return
            self._size = len(records) // 2
            if failure.status == TOO_LARGE:
                self._largest = self._size
            return
        self._failures += 1
        wait = wait_after_failures(
            self._failures,
            failure.retry_after,
            self._random,
            first=FIRST_BACKOFF_SECONDS,
            longest=LONGEST_BACKOFF_SECONDS,
        )
        self.due_at = self._clock.monotonic() + wait
        logger.debug("%s: %s", self.kind, failure)

    def _done(self, records: list[Record]) -> None:
        self.queue.acknowledge(records)
        if self._present in records:
            self._present = None

    def _reject(self, item: dict[str, Any], errors: object) -> None:
        """The server never wants it: say so, once for each reason."""
        reason = "".join(c if c.isprintable() else " " for c in str(errors))[:LONGEST_REASON]
        level = logging.DEBUG if reason in self._reasons or len(self._reasons) >= 100 else logging.WARNING
        self._reasons.add(reason)
        logger.log(level, "The server refused %s %s: %s", self.kind, item.get("at") or item.get("period_start"), reason)

    def _plan(self) -> None:
        now = self._clock.monotonic()
        if not len(self.queue):
            self.due_at = None
        elif self.due_at is None or self.due_at <= now:
            self.due_at = now + self._random.uniform(*PAUSE_SECONDS)


def read_verdicts(answer: dict[str, Any], count: int) -> dict[int, object]:
    """The errors of the rejected items by their index; RequestFailed if the answer is not about all items."""
    rejected = answer.get("rejected")
    counted = [answer.get("accepted"), answer.get("duplicates"), len(rejected) if isinstance(rejected, list) else None]
    if not all(isinstance(number, int) and not isinstance(number, bool) for number in counted) or sum(counted) != count:  # type: ignore[arg-type]
        raise RequestFailed(
            "The answer is not the control plane's: it does not say what became of each item.", status=200
        )
    verdicts: dict[int, object] = {}
    for item in rejected or []:
        index = item.get("index") if isinstance(item, dict) else None
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < count:
            raise RequestFailed(
                "The answer is not the control plane's: it rejects an item that was not sent.", status=200
            )
        verdicts[index] = item.get("errors")
    return verdicts

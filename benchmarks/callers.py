"""Local backends that call home: each once, at its own moment, on a connection of its own, whatever became of the others."""

import asyncio
import errno
import gc
import json
import statistics
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Any

import uvloop

from benchmarks import seeding

HOST = "127.0.0.1"
PATIENCE_SECONDS = 10
HEAD_START_SECONDS = 0.2
FIRST_ADDRESS = int(IPv4Address("198.18.0.0"))  # a network reserved for benchmarks, of 131,072 addresses
ADDRESSES = 2**17
BODY = json.dumps({"version": seeding.VERSION, "uptime_seconds": seeding.UPTIME_SECONDS}).encode()
END_OF_HEADERS = b"\r\n\r\n"


@dataclass(slots=True)
class Call:
    """A site's call: planned `at` seconds after the beginning. What became of it is filled in; times are on the same clock."""

    site_id: uuid.UUID
    at: float
    request: bytes = field(repr=False)
    began: float | None = None
    answered: float | None = None
    failure: str | None = None
    body: bytes = field(default=b"", repr=False)

    @property
    def latency(self) -> float:
        """Seconds from the moment at which the site meant to call, so that a client that is behind hides nothing."""
        assert self.answered is not None
        return self.answered - self.at

    @property
    def answer(self) -> dict[str, Any]:
        return json.loads(self.body)


@dataclass(frozen=True)
class Calls:
    """All calls, and the seconds of processor time that making them took here."""

    calls: Sequence[Call]
    client_cpu: float

    @property
    def answered(self) -> list[Call]:
        return [call for call in self.calls if call.failure is None]

    @property
    def failures(self) -> Counter[str]:
        return Counter(call.failure for call in self.calls if call.failure is not None)

    @property
    def lateness_p99(self) -> float:
        """How many seconds this client began its calls behind their time."""
        return percentile([call.began - call.at for call in self.calls if call.began is not None], 99)


def percentile(figures: Sequence[float], per_cent: int) -> float:
    return statistics.quantiles(figures, n=100, method="inclusive")[per_cent - 1]


def request_of(number: int, *, port: int) -> bytes:
    """The whole request of a site, from its own address."""
    headers = {
        "Host": f"{HOST}:{port}",
        "X-Forwarded-For": str(IPv4Address(FIRST_ADDRESS + number % ADDRESSES)),
        "X-Site-ID": str(seeding.site_id(number)),
        "X-Site-Key": seeding.site_key(number),
        "Content-Type": "application/json",
        "Content-Length": str(len(BODY)),
        "Connection": "close",
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST /api/heartbeat HTTP/1.1\r\n{lines}\r\n".encode() + BODY


def content_length(head: bytes) -> int:
    found = [line.partition(b":")[2] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    return int(found[0])  # every answer of ours tells it


class Caller(asyncio.Protocol):
    """Makes one call and fills in what became of it."""

    def __init__(self, call: Call, port: int, loop: asyncio.AbstractEventLoop, start: float, done: "Countdown") -> None:
        self.call, self.port, self.loop, self.start, self.done = call, port, loop, start, done
        self.transport: asyncio.Transport | None = None
        self.received = b""
        loop.call_at(start + call.at, self.begin)

    def now(self) -> float:
        return self.loop.time() - self.start

    def begin(self) -> None:
        self.call.began = self.now()
        self.patience = self.loop.call_later(PATIENCE_SECONDS, self.end, f"no answer within {PATIENCE_SECONDS} s")
        self.connecting = self.loop.create_task(self.connect())

    async def connect(self) -> None:
        try:
            await self.loop.create_connection(lambda: self, HOST, self.port)
        except OSError as error:
            self.end(f"no connection ({errno.errorcode.get(error.errno or 0, type(error).__name__)})")

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(self.call.request)

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, found, body = self.received.partition(END_OF_HEADERS)
        if found and len(body) >= content_length(head):
            self.call.body = body
            status = head.partition(b" ")[2][:3].decode(errors="replace")
            self.end(None if status == "200" else f"status {status}")

    def connection_lost(self, exc: Exception | None) -> None:
        self.end(f"connection lost ({type(exc).__name__ if exc else 'closed without an answer'})")

    def end(self, failure: str | None) -> None:
        """The first end counts."""
        if self.call.answered is not None:
            return
        self.call.answered, self.call.failure = self.now(), failure
        self.patience.cancel()
        if self.transport is None:
            self.connecting.cancel()
        else:
            self.transport.abort() if failure else self.transport.close()
        self.done.count_down()


class Countdown:
    """Waits for as many as were announced."""

    def __init__(self, announced: int) -> None:
        self.left = announced
        self.nobody_left = asyncio.Event()

    def count_down(self) -> None:
        self.left -= 1
        if not self.left:
            self.nobody_left.set()


async def make_calls(calls: Sequence[Call], port: int) -> None:
    loop = asyncio.get_running_loop()
    done = Countdown(len(calls))
    start = loop.time() + HEAD_START_SECONDS
    callers = [Caller(call, port, loop, start, done) for call in calls]
    await done.nobody_left.wait()
    assert all(caller.call.answered is not None for caller in callers)


@contextmanager
def undisturbed() -> Iterator[None]:
    """By our own garbage collector, which would walk over all of the calls again and again."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def run(calls: Sequence[Call], port: int) -> Calls:
    with undisturbed(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        before = time.process_time()
        runner.run(make_calls(calls, port))
        return Calls(calls, time.process_time() - before)

"""Devices that call a real server: with jitter, outages and backlogs, wrong clocks, retries, and restarts.

Each is a task of one process and keeps its connection. They call when the server tells them to. Which device has which fault
follows from its number, so that two runs have the same.
"""

import asyncio
import json
import random
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

ANSWER_WITHIN_SECONDS = 15
BATCH = 50
# Of a number of devices, one has the fault.
HAS_OUTAGE, RETRIES, CLOCK_AHEAD, CLOCK_BEHIND, RESTARTS = 10, 5, 7, 11, 20
RETRIED = 0.2


@dataclass
class Tally:
    """What all devices together sent and were answered. Seconds are of heartbeats."""

    heartbeats: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    broken: int = 0  # requests without an answer

    def percentile(self, share: float) -> float:
        """In milliseconds."""
        ordered = sorted(self.seconds)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


class Caller:
    """A connection to the server that is kept, and opened again if it is lost."""

    def __init__(self, url: str, device_id: uuid.UUID, key: str) -> None:
        parts = urlsplit(url)
        self.host, self.port = parts.hostname or "", parts.port or 80
        own = {"Host": self.host, "Content-Type": "application/json", "X-Device-ID": device_id, "X-Device-Key": key}
        self.headers = "".join(f"{name}: {value}\r\n" for name, value in own.items())
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None

    async def post(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and body. Raises OSError, also if the answer does not come in time."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN_SECONDS):
                return await self.exchange(path, json.dumps(body).encode())
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            self.close()
            raise OSError(str(error)) from error

    async def exchange(self, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        if self.writer is None or self.reader is None:
            self.reader, self.writer = await asyncio.open_connection(self.host, self.port)
        head = f"POST {path} HTTP/1.1\r\n{self.headers}Content-Length: {len(body)}\r\n\r\n"
        self.writer.write(head.encode() + body)
        answer = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(answer.partition("content-length: ")[2].partition("\r\n")[0])
        content = json.loads(await self.reader.readexactly(length))
        if "connection: close" in answer:
            self.close()
        return int(answer.split(" ", 2)[1]), content

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None


class SimulatedDevice:
    def __init__(self, number: int, caller: Caller, tally: Tally, *, ends_at: float, health_seconds: float) -> None:
        self.number, self.caller, self.tally = number, caller, tally
        self.chance = random.Random(number)
        self.began_at, self.ends_at = time.monotonic(), ends_at
        self.boot_id, self.sequence, self.config_version = uuid.UUID(int=self.chance.getrandbits(128), version=4), 0, 0
        self.waiting: list[dict[str, Any]] = []
        self.next_sample_at, self.health_seconds = self.began_at, health_seconds
        self.clock = timedelta(minutes=3 if number % CLOCK_AHEAD == 0 else -20 if number % CLOCK_BEHIND == 0 else 0)

    async def run(self) -> None:
        await asyncio.sleep(self.chance.random() * min(5.0, (self.ends_at - self.began_at) / 4))
        while (now := time.monotonic()) < self.ends_at:
            self.measure(now)
            pause = 1.0 if self.is_cut_off(now) else await self.call()
            await asyncio.sleep(min(pause, max(0.0, self.ends_at - time.monotonic())))
        self.caller.close()

    def is_cut_off(self, now: float) -> bool:
        """In the middle third of the run, if the device has an outage."""
        third = (self.ends_at - self.began_at) / 3
        return self.number % HAS_OUTAGE == 0 and self.began_at + third < now < self.ends_at - third

    def measure(self, now: float) -> None:
        while self.next_sample_at <= now:
            taken = datetime.now(UTC) - timedelta(seconds=now - self.next_sample_at) + self.clock
            self.waiting.append(
                {
                    "at": taken.isoformat(timespec="milliseconds"),
                    "cpu_usage_percent": round(self.chance.uniform(1, 90), 1),
                    "memory_used_mb": 700,
                    "memory_total_mb": 2_000,
                    "temperature_celsius": round(self.chance.uniform(35, 70), 1),
                }
            )
            self.next_sample_at += self.health_seconds

    async def call(self) -> float:
        """One heartbeat and the samples that wait; the seconds until the next heartbeat."""
        if self.number % RESTARTS == 0 and self.sequence == RESTARTS:
            self.boot_id, self.sequence = uuid.UUID(int=self.chance.getrandbits(128), version=4), 0
        self.sequence += 1
        report = {
            "firmware_version": "1.0.0",
            "uptime_seconds": int(time.monotonic() - self.began_at),
            "boot_id": str(self.boot_id),
            "sequence": self.sequence,
            "config_version": self.config_version,
        }
        answer = await self.send("/api/devices/heartbeat", report)
        if answer is None:
            return 1.0 + self.chance.random()
        self.config_version = answer["config_version"]
        await self.send_samples()
        return float(answer["next_heartbeat_seconds"])

    async def send_samples(self) -> None:
        while self.waiting:
            batch = self.waiting[:BATCH]
            answer = await self.send("/api/health", {"samples": batch})
            if answer is None:
                return
            del self.waiting[: len(batch)]

    async def send(self, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """The answer, or None if there was none or another than 200. Some devices send now and then the same again."""
        times = 2 if self.number % RETRIES == 0 and self.chance.random() < RETRIED else 1
        answers = [await self.send_once(path, body) for _ in range(times)]
        return next((answer for answer in answers if answer is not None), None)

    async def send_once(self, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        began = time.perf_counter()
        try:
            status, answer = await self.caller.post(path, body)
        except OSError:
            self.tally.broken += 1
            return None
        self.tally.statuses[status] += 1
        if status != 200:
            return None
        if path.endswith("heartbeat"):
            self.tally.heartbeats += 1
            self.tally.seconds.append(time.perf_counter() - began)
        else:
            self.tally.accepted += answer["accepted"]
            self.tally.duplicates += answer["duplicates"]
            self.tally.rejected += len(answer["rejected"])
        return answer


def simulate(url: str, credentials: Sequence[tuple[uuid.UUID, str]], *, seconds: float, health_seconds: float) -> Tally:
    """Let the devices call for that long. Each takes a sample every `health_seconds`."""

    async def run_all() -> Tally:
        tally, ends_at = Tally(), time.monotonic() + seconds
        devices = [
            SimulatedDevice(number, Caller(url, device_id, key), tally, ends_at=ends_at, health_seconds=health_seconds)
            for number, (device_id, key) in enumerate(credentials)
        ]
        await asyncio.gather(*(device.run() for device in devices))
        return tally

    return asyncio.run(run_all())

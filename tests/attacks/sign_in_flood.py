"""A flood of wrong passwords for one admin, from random /64s of one IPv6 /48, while sites send heartbeats.

    .venv/bin/python -m tests.attacks.sign_in_flood --seconds 10

starts a server of its own on this machine, attacks that and prints a line of a table. The client's address is in
X-Forwarded-For, which the server trusts from this machine.
"""

import argparse
import random
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.databases import prepared_sqlite
from tests.running_server import ADMIN, PASSWORD, Client, RunningServer, Site, register

SETTINGS = {"TRUSTED_PROXIES": "127.0.0.1", "HEARTBEATS_PER_MINUTE": "10000"}
NETWORK = "2001:db8:1:{:x}::1"
ELSEWHERE = "203.0.113.7"
ATTACKERS = 8
LONGEST_SECONDS = 90
HEARTBEAT_EVERY_SECONDS = 0.02


@dataclass
class Outcome:
    """Statuses by number; latencies of heartbeats in milliseconds, before the attack and during it."""

    seconds: float
    sign_ins: Counter[int]
    heartbeats: Counter[int]
    quiet_ms: list[float]
    attacked_ms: list[float]
    sign_in_elsewhere: int

    def table(self) -> str:
        cells = [
            f"{self.seconds:g} s",
            *(str(self.sign_ins[status]) for status in (401, 429, 503)),
            *(f"{median(times):.1f} ms" for times in (self.quiet_ms, self.attacked_ms)),
            f"{max(self.attacked_ms, default=0):.0f} ms",
        ]
        heading = "| attack | 401 | 429 | 503 | heartbeat before, median | during, median | during, longest |"
        return "\n".join([heading, "|---" * len(cells) + "|", f"| {' | '.join(cells)} |"])


def median(times: list[float]) -> float:
    return statistics.median(times) if times else float("nan")


def attack(server: RunningServer, *, seconds: float, attackers: int = ATTACKERS) -> Outcome:
    """`server` runs with SETTINGS. On a busy machine it goes on, for LONGEST_SECONDS at most, until a guess was refused."""
    is_refused = threading.Event()
    site = register(server.sign_in(), server, name="Attacked")
    quiet, _ = send_heartbeats(site, lambda: False, at_most=50)
    is_over, began = threading.Event(), time.monotonic()
    with ThreadPoolExecutor(attackers + 1) as threads:
        guesses = [threads.submit(guess, server, is_over, is_refused) for _ in range(attackers)]
        beats = threads.submit(send_heartbeats, site, is_over.is_set)
        time.sleep(seconds)
        is_refused.wait(LONGEST_SECONDS - seconds)
        took = time.monotonic() - began
        is_over.set()
        attacked, heartbeats = beats.result()
        sign_ins = sum((each.result() for each in guesses), Counter())
    elsewhere = sign_in(requests.Session(), server, ELSEWHERE, PASSWORD)
    return Outcome(round(took, 1), sign_ins, heartbeats, quiet, attacked, elsewhere)


def guess(server: RunningServer, is_over: threading.Event, is_refused: threading.Event) -> Counter[int]:
    statuses: Counter[int] = Counter()
    session = requests.Session()
    while not is_over.is_set():
        address = NETWORK.format(random.randrange(0x10000))
        status = sign_in(session, server, address, f"guess {random.random()}")
        statuses[status] += 1
        if status == 429:
            is_refused.set()
    return statuses


def sign_in(session: requests.Session, server: RunningServer, address: str, password: str) -> int:
    body, headers = {"username": ADMIN, "password": password}, {"X-Forwarded-For": address}
    return session.post(f"{server.url}/api/auth/login", json=body, headers=headers, timeout=30).status_code


def send_heartbeats(
    site: Site, is_over: Callable[[], bool], at_most: int = 1_000_000
) -> tuple[list[float], Counter[int]]:
    times, statuses = [], Counter[int]()
    client = Client(site.server, **{"X-Site-ID": site.site_id, "X-Site-Key": site.key})
    while not is_over() and len(times) < at_most:
        began = time.perf_counter()
        statuses[client.post("/api/heartbeat", {"version": "1.0.0", "uptime_seconds": 60}).status_code] += 1
        times.append((time.perf_counter() - began) * 1000)
        time.sleep(HEARTBEAT_EVERY_SECONDS)
    return times, statuses


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--attackers", type=int, default=ATTACKERS, help="connections that guess at the same time")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        server = RunningServer(prepared_sqlite(path, path), path, settings=SETTINGS)
        server.start()
        try:
            outcome = attack(server, seconds=options.seconds, attackers=options.attackers)
        finally:
            server.stop()
    print(outcome.table())


if __name__ == "__main__":
    main()

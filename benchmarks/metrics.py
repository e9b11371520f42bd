"""What counting costs a heartbeat, and what a scrape of `/metrics` costs on a large estate.

    python -m benchmarks.metrics [--rounds 12] [--seconds 5] [--sites 100000]

Two servers as shipped on one PostgreSQL, one with a METRICS_TOKEN and one without, answer the same load in turns. Then the one
with the token is scraped, at rest and every SCRAPE_SECONDS under load. It prints the figures and writes nothing.
"""

import argparse
import secrets
import statistics
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import load, seeding, servers, usage
from benchmarks.estates import CALLS_PER_MINUTE, some_callers
from benchmarks.postgres import Database
from benchmarks.servers import Server
from scripts.with_services import postgresql

CALLERS = 10_000
SCRAPE_SECONDS = 5
CONNECTIONS = 16


@dataclass(frozen=True)
class Round:
    """Processor time of all of the server's processes for each heartbeat, and heartbeats a second."""

    microseconds: float
    per_second: float
    p99: float


def measure(server: Server, callers: Path, seconds: float) -> Round:
    before = usage.cpu_seconds(server.pid)
    seen = load.run(load.Target(server.url, "/api/heartbeat", callers), seconds=seconds, connections=CONNECTIONS)
    if seen.errors:
        print(f"{seen.errors} of {seen.requests:,} heartbeats failed")
    return Round((usage.cpu_seconds(server.pid) - before) / seen.requests * 1e6, seen.per_second, seen.p99)


def scrape(server: Server, token: str) -> tuple[float, int]:
    """Seconds, and bytes."""
    began = time.perf_counter()
    request = urllib.request.Request(f"{server.url}/metrics", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        size = len(answer.read())
    return time.perf_counter() - began, size


@contextmanager
def scraping(server: Server, token: str) -> Iterator[list[float]]:
    """Every SCRAPE_SECONDS, in a thread; what each took is added to the list."""
    took: list[float] = []
    ended = threading.Event()

    def repeat() -> None:
        while not ended.wait(SCRAPE_SECONDS):
            took.append(scrape(server, token)[0])

    thread = threading.Thread(target=repeat)
    thread.start()
    yield took
    ended.set()
    thread.join()


def compare(plain: Server, counting: Server, callers: Path, *, rounds: int, seconds: float) -> None:
    pairs = []
    for number in range(rounds):
        order = [plain, counting] if number % 2 else [counting, plain]
        results = {server.port: measure(server, callers, seconds) for server in order}
        pairs.append((results[plain.port], results[counting.port]))
    without, with_ = (statistics.median(pair[side].microseconds for pair in pairs) for side in (0, 1))
    rates = [statistics.median(pair[side].per_second for pair in pairs) for side in (0, 1)]
    more = sorted(100 * (b.microseconds / a.microseconds - 1) for a, b in pairs)
    fewer = sorted(100 * (1 - b.per_second / a.per_second) for a, b in pairs)
    print(f"{rounds} rounds of {seconds:g} s each, medians, without and with a token:")
    print(f"  processor time of a heartbeat: {without:.0f} and {with_:.0f} µs")
    print(f"  heartbeats a second: {rates[0]:,.0f} and {rates[1]:,.0f}")
    print(f"  more processor time, pair by pair: {statistics.median(more):+.1f} % ({more[0]:+.1f} to {more[-1]:+.1f})")
    print(f"  fewer heartbeats, pair by pair: {statistics.median(fewer):+.1f} % ({fewer[0]:+.1f} to {fewer[-1]:+.1f})")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--sites", type=int, default=100_000)
    chosen = parser.parse_args()
    servers.clean_up_when_stopped()
    token = secrets.token_urlsafe(40)
    with (
        tempfile.TemporaryDirectory() as name,
        tempfile.TemporaryDirectory() as data,
        postgresql(Path(data)) as (url, _),  # it does not wait for the disk: what counting costs stands out the more
    ):
        folder = Path(name)
        settings = servers.production_settings(Database(url), HEARTBEATS_PER_MINUTE=CALLS_PER_MINUTE)
        servers.prepare(settings)
        seeding.seed_sites(settings, last=chosen.sites, varied=True)
        callers = seeding.write_credentials(folder / "callers.csv", some_callers(chosen.sites)[:CALLERS])
        (folder / "plain").mkdir()
        with (
            servers.shipped(settings, folder / "plain") as plain,
            servers.shipped(settings | {"METRICS_TOKEN": token}, folder) as counting,
        ):
            for server in (plain, counting):
                measure(server, callers, 3)  # warm-up
            compare(plain, counting, callers, rounds=chosen.rounds, seconds=chosen.seconds)
            took, size = zip(*(scrape(counting, token) for _ in range(10)), strict=True)
            print(
                f"A scrape at rest, {chosen.sites:,} sites: median {statistics.median(took) * 1000:.0f} ms, {size[-1]:,} bytes"
            )
            quiet = measure(counting, callers, 20)
            with scraping(counting, token) as scrapes:
                busy = measure(counting, callers, 20)
            print(
                f"Under load, without scrapes: p99 of a heartbeat {quiet.p99:.1f} ms, {quiet.per_second:,.0f} a second"
            )
            print(
                f"Under load, a scrape every {SCRAPE_SECONDS} s: {busy.p99:.1f} ms, {busy.per_second:,.0f} a second;"
                f" a scrape takes {statistics.median(scrapes) * 1000:.0f} ms"
            )


if __name__ == "__main__":
    main()

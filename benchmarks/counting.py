"""How much of the processor time of a heartbeat counting for `/metrics` takes.

    python -m benchmarks.counting [--blocks 600]

Two servers differ by more than counting costs, so heartbeats go through the WSGI application of one process, which writes its
counts as a worker process of gunicorn does: blocks of 40 heartbeats with and without counting in turns, on PostgreSQL. It
prints the figures, says whether the goal is met, and writes nothing.
"""

import argparse
import io
import logging
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import machine, seeding, servers
from benchmarks.estates import CALLS_PER_MINUTE
from benchmarks.postgres import Database
from scripts.with_services import postgresql

SITES = 100
HEARTBEATS_OF_A_BLOCK = 40
WARM_UP = 300
BODY = b'{"version":"1.0.0","uptime_seconds":12345}'
GOAL = 3  # per cent
Application = Callable[[dict[str, Any], Callable[..., None]], Any]


def request_of(number: int) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/api/heartbeat",
        "QUERY_STRING": "",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(BODY)),
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "HTTP_HOST": "127.0.0.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_X_SITE_ID": str(seeding.site_id(number)),
        "HTTP_X_SITE_KEY": seeding.site_key(number),
        "wsgi.input": io.BytesIO(BODY),
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
    }


def microseconds(application: Application, heartbeats: int) -> float:
    """Processor time of all threads of this process for each heartbeat."""
    statuses: set[str] = set()
    before = time.process_time()
    for number in range(heartbeats):
        application(request_of(number % SITES + 1), lambda status, _: statuses.add(status)).close()
    took = time.process_time() - before
    assert statuses == {"200 OK"}, statuses
    return took / heartbeats * 1e6


def compare(blocks: int) -> None:
    """In a process with the settings of a server that counts."""
    from django.conf import settings

    from common.metrics import wait_for_writers, write_in_background
    from common.web.request_metrics import REQUESTS
    from config.wsgi import Utf8Handler

    logging.disable()
    token = settings.METRICS_TOKEN

    def measure(application: Application, *, counts: bool, heartbeats: int = HEARTBEATS_OF_A_BLOCK) -> float:
        settings.METRICS_TOKEN = token if counts else ""
        return microseconds(application, heartbeats)

    counting = Utf8Handler()
    settings.METRICS_TOKEN = ""
    plain = Utf8Handler()  # without the middleware that measures requests
    write_in_background()
    measure(counting, counts=True, heartbeats=WARM_UP)
    measure(plain, counts=False, heartbeats=WARM_UP)
    without, with_ = [], []
    for number in range(blocks):
        for counts in (True, False) if number % 2 else (False, True):
            took = measure(counting if counts else plain, counts=counts)
            (with_ if counts else without).append(took)
    wait_for_writers()
    counted = sum(
        sample.value for family in REQUESTS.collect() for sample in family.samples if sample.name.endswith("_count")
    )
    assert counted == WARM_UP + blocks * HEARTBEATS_OF_A_BLOCK, counted
    more = statistics.median(b - a for a, b in zip(without, with_, strict=True))
    share = 100 * more / statistics.median(without)
    print(f"{blocks} blocks of {HEARTBEATS_OF_A_BLOCK} heartbeats each, medians:")
    print(f"  without counting: {statistics.median(without):.0f} µs of processor time for a heartbeat")
    print(
        f"  counting takes {more:.0f} µs more: {share:.1f} %, goal below {GOAL} %: {'met' if share < GOAL else 'MISSED'}"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--blocks", type=int, default=600)
    parser.add_argument("--in-this-process", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.in_this_process:
        compare(chosen.blocks)
        return
    servers.clean_up_when_stopped()
    print(machine.describe(f"python -m benchmarks.counting --blocks {chosen.blocks}"))
    with (
        tempfile.TemporaryDirectory() as data,
        # In memory, as gunicorn.conf.py does.
        tempfile.TemporaryDirectory(dir="/dev/shm") as counters,
        postgresql(Path(data)) as (url, _),
    ):
        settings = servers.production_settings(
            Database(url), HEARTBEATS_PER_MINUTE=CALLS_PER_MINUTE, METRICS_TOKEN=secrets.token_urlsafe(40)
        )
        servers.prepare(settings)
        seeding.seed_sites(settings, last=SITES)
        subprocess.run(
            [sys.executable, "-m", "benchmarks.counting", "--in-this-process", "--blocks", str(chosen.blocks)],
            cwd=servers.ROOT,
            env=settings | {"PROMETHEUS_MULTIPROC_DIR": counters},
            check=True,
        )


if __name__ == "__main__":
    main()

"""Simulate restaurants with clones and restaurants without, and compare what the product says with the rule.

    python -m tests.simulations.clones [--clones 1000] [--events 100000] [--seed N] [--processes 2]

The heartbeats go to `heartbeat.services.record_heartbeat`, in each process on a new SQLite file that is thrown away. It prints
what happened and how often, and ends with exit code 1 if a clone was missed or an alarm was false.
"""

import argparse
import os
import random
import secrets
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import django
from django.core.management import call_command

from tests.simulations.report import Report

PARTS = 40  # each with random numbers of its own, so that the number of processes changes nothing
SHOWN = 5


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--clones", type=int, default=1000)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    chosen = parser.parse_args()
    began = time.monotonic()
    print(f"seed {chosen.seed}")
    with (
        tempfile.TemporaryDirectory() as folder,
        ProcessPoolExecutor(chosen.processes, get_context("spawn"), prepare, (folder,)) as pool,
    ):
        report = Report()
        for simulate, number in ((simulate_clones, chosen.clones), (simulate_ordinary_lives, chosen.events)):
            for part in pool.map(simulate, shares(number), [f"{chosen.seed}:{part}" for part in range(PARTS)]):
                report.add(part)
    print(report.text(SHOWN))
    print(f"\nIt took {time.monotonic() - began:.0f} s.")
    return int(report.is_bad)


def shares(number: int) -> list[int]:
    return [number * (part + 1) // PARTS - number * part // PARTS for part in range(PARTS)]


# --- Inside a process of the pool ---


def prepare(folder: str) -> None:
    os.environ |= {
        "ENV_FILE": os.devnull,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "SITE_KEY_PEPPER": secrets.token_urlsafe(50),
        "ALLOWED_HOSTS": "127.0.0.1",
        "DATABASE_URL": f"sqlite:///{folder}/{os.getpid()}.sqlite3",
    }
    django.setup()
    call_command("migrate", verbosity=0)


def simulate_clones(number: int, seed: str) -> Report:
    from tests.simulations import clone_runs  # Django: after django.setup()

    return clone_runs.simulate(number, random.Random(seed))


def simulate_ordinary_lives(events: int, seed: str) -> Report:
    from tests.simulations import ordinary_lives  # Django: after django.setup()

    return ordinary_lives.simulate(events, random.Random(seed))


if __name__ == "__main__":
    sys.exit(main())

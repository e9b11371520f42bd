"""Simulate restaurants with clones and restaurants without, and compare what the product says with the rule.

    python -m tests.simulations.clones [--clones 1000] [--events 100000] [--seed N]

The heartbeats go to `heartbeat.services.record_heartbeat` on a new SQLite file that is thrown away. It prints what happened
and how often, and ends with exit code 1 if a clone was missed or an alarm was false.
"""

import argparse
import os
import random
import secrets
import sys
import tempfile
import time
from collections import Counter

import django
from django.core.management import call_command

SHOWN = 5


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--clones", type=int, default=1000)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "ENV_FILE": os.devnull,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DEBUG": "true",
            "DATABASE_URL": f"sqlite:///{folder}/simulated.sqlite3",
        }
        django.setup()
        call_command("migrate", verbosity=0)
        return simulate(chosen.clones, chosen.events, chosen.seed)


def simulate(clones: int, events: int, seed: int) -> int:
    from tests.simulations.clone_runs import simulate_clones  # Django: after django.setup()
    from tests.simulations.ordinary_lives import simulate_ordinary_lives  # Django: after django.setup()

    print(f"seed {seed}")
    began = time.monotonic()
    with_clones = simulate_clones(clones, random.Random(seed))
    print_counts(f"With clones, {time.monotonic() - began:.0f} s", with_clones.counts)
    began = time.monotonic()
    without = simulate_ordinary_lives(events, random.Random(seed))
    print_counts(f"Without clones, {time.monotonic() - began:.0f} s", without.counts)
    findings = {
        "clones suspected too late or never": with_clones.missed,
        "clones suspected before their heartbeats show them": with_clones.without_evidence,
        "false alarms": without.false_alarms,
        "restaurants without a clone whose heartbeats look like one": without.like_clones,
    }
    print("\nResult")
    for name, found in findings.items():
        print(f"  {name}: {len(found)}")
        for text in sorted(found, key=len)[:SHOWN]:
            print(f"    {text}")
    return int(any(findings.values()))


def print_counts(title: str, counts: Counter[str]) -> None:
    print(f"\n{title}")
    for name, number in counts.items():
        print(f"  {name}: {number:,}")


if __name__ == "__main__":
    sys.exit(main())

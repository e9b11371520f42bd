"""What waiting for the disk costs a heartbeat on SQLite: `python -m benchmarks.sqlite_commits`, half a minute.

One process records heartbeats of 100 sites one after the other, without HTTP, with each value of `synchronous` in turn. Put
TMPDIR on the disk to be measured.
"""

import os
import statistics
import tempfile
import time
from pathlib import Path

ROUNDS, HEARTBEATS, SITES = 4, 1_000, 100
VALUES = ("NORMAL", "FULL")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "DEBUG": "true",
            "ENV_FILE": os.devnull,
            "DATABASE_URL": f"sqlite:///{Path(folder) / 'bench.sqlite3'}",
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "HEARTBEATS_PER_MINUTE": "10000",
        }
        measure()


def measure() -> None:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    sites = register_sites()
    milliseconds: dict[str, list[float]] = {value: [] for value in VALUES}
    for _ in range(ROUNDS):
        for value in VALUES:
            connection.cursor().execute(f"PRAGMA synchronous={value}")
            milliseconds[value] += times_of_heartbeats(sites)
    print("| synchronous | heartbeats a second | median | 95 % | 99 % |\n|---|---|---|---|---|")
    for value, taken in milliseconds.items():
        percentiles = statistics.quantiles(taken, n=100)
        shown = " | ".join(f"{percentiles[percent - 1]:.2f} ms" for percent in (50, 95, 99))
        print(f"| {value} | {1000 / statistics.mean(taken):,.0f} | {shown} |")


def register_sites() -> list[tuple[str, str]]:
    from django.utils import timezone

    from audit.actors import COMMAND
    from sites.services import register_site

    facts = {"name": "Roma", "owner_name": "Giulia", "contact_email": "giulia@roma.example"}
    registered = [register_site(**facts, by=COMMAND, at=timezone.now()) for _ in range(SITES)]
    return [(str(registration.site.pk), registration.secret_key) for registration in registered]


def times_of_heartbeats(sites: list[tuple[str, str]]) -> list[float]:
    """In milliseconds."""
    from django.utils import timezone

    from heartbeat.services import Report, SiteCredentials, record_heartbeat

    taken = []
    for number in range(HEARTBEATS):
        credentials = SiteCredentials(*sites[number % SITES])
        began = time.perf_counter()
        record_heartbeat(credentials, Report("1.0.0", 60), ip="127.0.0.1", at=timezone.now())
        taken.append(1000 * (time.perf_counter() - began))
    return taken


if __name__ == "__main__":
    main()

"""The process that `manage.py simulate_alerts` starts, on a new SQLite file. It prints the report as JSON on one line."""

import argparse
import gc
import json
import os
import sys
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connection


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sites", type=int, required=True)
    parser.add_argument("--days", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--history", type=Path)
    parser.add_argument("--file", type=Path, required=True)
    chosen = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    settings.DEBUG = False  # or Django keeps each statement
    if connection.vendor != "sqlite" or Path(connection.settings_dict["NAME"]) != chosen.file or chosen.file.exists():
        sys.exit("The simulation runs in a new SQLite file only.")
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous = OFF")  # it is thrown away
    call_command("migrate", verbosity=0)

    # These import models: after django.setup().
    from alerts.simulation.generation import generate
    from alerts.simulation.history import read_history
    from alerts.simulation.report import report_on
    from alerts.simulation.world import World

    # Almost nothing of what the queries leave is garbage that only the collector finds.
    gc.set_threshold(100_000, 20, 20)
    history = read_history(chosen.history) if chosen.history else generate(chosen.sites, chosen.days, chosen.seed)
    world = World(history, seed=chosen.seed, channels=["email"])
    world.run()
    report = report_on(world)
    sys.stdout.write(json.dumps({**report.as_dict(), "lines": report.lines, "summary": report.summary()}))
    sys.exit(int(report.is_bad))


if __name__ == "__main__":
    main()

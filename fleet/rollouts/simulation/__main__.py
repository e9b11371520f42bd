"""The process that `manage.py simulate_rollout` starts, on a new SQLite file. It prints the report as JSON on one line."""

import argparse
import json
import os
import sys
from datetime import datetime
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connection


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sites", type=int, required=True)
    parser.add_argument("--devices", type=int, required=True)
    parser.add_argument("--days", type=float, required=True)
    parser.add_argument("--killed-percent", type=float, required=True)
    parser.add_argument("--begins-at", type=datetime.fromisoformat, required=True)
    parser.add_argument("--seed", type=int, required=True)
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
    from fleet.rollouts.simulation.report import report_on
    from fleet.rollouts.simulation.world import World

    world = World(
        sites=chosen.sites,
        devices=chosen.devices,
        begins_at=chosen.begins_at,
        killed_percent=chosen.killed_percent,
        seed=chosen.seed,
    )
    world.run(days=chosen.days)
    report = report_on(world, began_at=chosen.begins_at, is_deadly=chosen.killed_percent > 0)
    sys.stdout.write(json.dumps({**report.as_dict(), "lines": report.lines()}))


if __name__ == "__main__":
    main()

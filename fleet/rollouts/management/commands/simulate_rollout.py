import json
import os
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from common.commands import DomainCommand


class Command(DomainCommand):
    help = (
        "Simulate a roll-out of a firmware that leaves a share of the devices dead, on a simulated clock and with the job"
        " killed again and again. It works in a temporary database. Exit code 1 if a rule was broken: a location with two"
        " devices at once, one outside its maintenance window, a device that was offered the firmware twice, or a bad"
        " version that did not stop in the first waves."
    )
    requires_system_checks = ()

    def declare(self, parser: ArgumentParser) -> None:
        parser.add_argument("--devices", type=int, default=1_000, help="how many devices (1000)")
        parser.add_argument("--sites", type=int, default=300, help="at how many locations (300)")
        parser.add_argument("--days", type=float, default=20, help="for how many days at most (20)")
        parser.add_argument("--killed-percent", type=float, default=30, help="how many devices the version kills (30)")
        parser.add_argument(
            "--begins-at",
            type=datetime.fromisoformat,
            default=datetime(2026, 10, 23, 12, tzinfo=UTC),
            metavar="TIME",
            help="when it starts (2026-10-23T12:00Z, so that clocks change while it runs)",
        )
        parser.add_argument("--seed", type=int, default=3, help="the same seed makes the same roll-out (3)")

    def run(self, options: dict[str, Any]) -> tuple[Any, list[str]]:
        if not 1 <= options["sites"] <= options["devices"] <= 20_000:
            raise CommandError("--sites must be from 1 to --devices, and --devices at most 20000.")
        if not 0 <= options["killed_percent"] <= 100 or not 0 < options["days"] <= 366:
            raise CommandError("--killed-percent must be from 0 to 100, and --days more than 0 and at most 366.")
        if options["begins_at"].tzinfo is None:
            raise CommandError("--begins-at needs an offset from UTC, as in 2026-10-23T12:00Z.")
        names = ("sites", "devices", "days", "killed_percent", "seed")
        arguments = [f"--{name.replace('_', '-')}={options[name]}" for name in names]
        arguments.append(f"--begins-at={options['begins_at'].isoformat()}")
        with tempfile.TemporaryDirectory(prefix="portcullis-simulation-") as folder:
            report = simulate(Path(folder) / "simulation.sqlite3", arguments)
        lines: list[str] = report.pop("lines")
        if report["faults"]:
            self.stdout.write("\n".join(lines))
            raise CommandError("The roll-out broke a rule.")
        return report, lines


def simulate(file: Path, arguments: list[str]) -> dict[str, Any]:
    """In a process of its own, because a process of Django keeps to the database of its settings."""
    environment = {
        name: value for name, value in os.environ.items() if name not in {"DATABASE_URL_FILE", "REDIS_URL_FILE"}
    }
    environment |= {"DATABASE_URL": f"sqlite:///{file}", "REDIS_URL": ""}
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "fleet.rollouts.simulation", f"--file={file}", *arguments],
        cwd=settings.BASE_DIR,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if not done.stdout.startswith("{"):
        raise CommandError("The simulation has failed.")
    report: dict[str, Any] = json.loads(done.stdout)
    return report

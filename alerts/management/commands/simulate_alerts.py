import json
import os
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from alerts.simulation.history import read_history
from common.commands import DomainCommand


class Command(DomainCommand):
    help = (
        "Run the history of a year, recorded or random, through the rules of alerts on a simulated clock, and print what"
        " would have been told, and when. It works in a temporary database and sends nothing. The settings are those of"
        " this installation. Exit code 1 if an alarm was false, missed, late or told twice."
    )
    requires_system_checks = ()

    def declare(self, parser: ArgumentParser) -> None:
        parser.add_argument("--sites", type=int, default=100, help="how many sites (100)")
        parser.add_argument("--days", type=float, default=365, help="how many days (365)")
        parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same history (1)")
        parser.add_argument("--history", type=Path, metavar="FILE", help="a history as JSON in place of a random one")

    def run(self, options: dict[str, Any]) -> tuple[Any, list[str]]:
        if not 1 <= options["sites"] <= 20_000 or not 1 <= options["days"] <= 3_660:
            raise CommandError("--sites must be 1 to 20000, and --days 1 to 3660.")
        arguments = [f"--{name}={options[name]}" for name in ("sites", "days", "seed")]
        if options["history"]:
            read_history(options["history"])
            arguments.append(f"--history={options['history'].resolve()}")
        with tempfile.TemporaryDirectory(prefix="portcullis-simulation-") as folder:
            report = simulate(Path(folder) / "simulation.sqlite3", arguments)
        if report["false_alarms"] or report["missed"] or report["late"] or report["told_twice"]:
            self.stdout.write("\n".join(report["summary"]))
            raise CommandError("What was told is not what happened.")
        lines, summary = report.pop("lines"), report.pop("summary")
        return report, [*lines, "", *summary]


def simulate(file: Path, arguments: list[str]) -> dict[str, Any]:
    """In a process of its own, because a process of Django keeps to the database of its settings."""
    environment = {
        name: value for name, value in os.environ.items() if name not in {"DATABASE_URL_FILE", "REDIS_URL_FILE"}
    }
    environment |= {"DATABASE_URL": f"sqlite:///{file}", "REDIS_URL": "", "LOG_LEVEL": "ERROR", "SENTRY_DSN": ""}
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "alerts.simulation", f"--file={file}", *arguments],
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

"""Jobs that behave in the ways that the tests need. What they do is written to a file, which no fault of a database changes."""

import os
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path

from django.apps import AppConfig
from django.db import connection

from common.jobs import registry
from common.jobs.registry import PeriodicJob

EVERY = timedelta(seconds=1)


def write(name: str, what: str) -> None:
    # One short write at the end of the file, so that the lines of several processes do not mix.
    line = f"{name} {what} {os.getpid()} {time.monotonic():.6f}\n"
    with Path(os.environ["RUNS_FILE"]).open("ab", buffering=0) as file:
        file.write(line.encode())


def pause(seconds: float) -> None:
    """Not `time.sleep`: under libfaketime it fails."""
    threading.Event().wait(seconds)


def short(*, at: datetime) -> None:
    write("short", "began")
    pause(0.3)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    write("short", "ended")


def long(*, at: datetime) -> None:
    write("long", "began")
    pause(float(os.environ.get("LONG_SECONDS", "60")))
    write("long", "ended")


def failing(*, at: datetime) -> None:
    write("failing", "began")
    raise ValueError("the shelf is empty")


FUNCTIONS = {"short": short, "long": long, "failing": failing}


class TestJobsConfig(AppConfig):
    name = "tests.worker"
    label = "worker_test_jobs"

    def ready(self) -> None:
        """The jobs of JOBS_UNDER_TEST in place of the product's."""
        registry._registered.clear()
        names = os.environ["JOBS_UNDER_TEST"].split(",")
        registry.register_jobs([PeriodicJob(name, FUNCTIONS[name], EVERY, "A job of the tests.") for name in names])

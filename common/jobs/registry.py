"""The periodic jobs that this release has. `config.jobs` registers them at start."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any


@dataclass(frozen=True)
class PeriodicJob:
    """A function that the worker calls again and again, `every` so often after the end of the run before.

    It is called with `at`, the time by the database's clock, in a thread and with a database connection of its own. What it
    returns is logged, unless it is None. An exception counts as a failure. A run that is cut short, because its worker was
    killed or stopped, is repeated, so each step of it must be safe to repeat.
    """

    name: str
    run: Callable[..., Any]
    every: timedelta
    purpose: str


_registered: dict[str, PeriodicJob] = {}


def register_jobs(jobs: list[PeriodicJob]) -> None:
    _registered.update({job.name: job for job in jobs})


def registered_jobs() -> list[PeriodicJob]:
    return list(_registered.values())

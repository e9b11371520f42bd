"""Estates: so many sites with their history, in a database and behind a server of their own."""

import os
import random
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import history, load, recent, seeding, servers, variety
from benchmarks.postgres import Cluster, Database

# Sites whose calls the client keeps ready: as many as touch every page of the pulses of a million.
MOST_CALLERS = 200_000
# The largest that is allowed: a thousand sites that answer for the whole load call far more than 60 times a minute.
CALLS_PER_MINUTE = "10000"
ADMIN, ADMIN_EMAIL = "bench", "bench@vendor.example"


@dataclass(frozen=True)
class Estate:
    """`rows` of history it begins with; `callers` are the credentials of sites for the load."""

    sites: int
    rows: int
    database: Database
    server: servers.Server
    settings: dict[str, str]
    callers: Path
    admin_password: str

    @property
    def name(self) -> str:
        return f"{self.sites:,}"

    @property
    def target(self) -> load.Target:
        return load.Target(self.server.url, "/api/heartbeat", self.callers)


@contextmanager
def estate(
    cluster: Cluster, folder: Path, *, sites: int, rows_per_site: int, is_recent: bool = False
) -> Iterator[Estate]:
    """A history of months or, if `is_recent`, of the last days up to now."""
    began = time.monotonic()
    database = cluster.create_database(f"portcullis_{sites}")
    settings = servers.production_settings(database, HEARTBEATS_PER_MINUTE=CALLS_PER_MINUTE, REQUIRE_TWO_FACTOR="false")
    servers.prepare(settings)
    seeding.seed_sites(settings, last=sites, varied=True)
    seed_history = recent.seed_recent_history if is_recent else history.seed_history
    seed_history(database, rows_per_site=rows_per_site)
    password = secrets.token_urlsafe(20)
    superuser = {"USERNAME": ADMIN, "EMAIL": ADMIN_EMAIL, "PASSWORD": password}
    servers.manage(
        settings | {f"DJANGO_SUPERUSER_{name}": value for name, value in superuser.items()},
        *("createsuperuser", "--noinput", "--verbosity=0"),
    )
    callers = seeding.write_credentials(folder / f"callers-{sites}.csv", some_callers(sites))
    print(f"{sites:,} sites seeded within {time.monotonic() - began:.0f} s", file=sys.stderr)
    logs = folder / str(sites)
    os.mkdir(logs)
    with servers.shipped(settings, logs) as server:
        yield Estate(sites, sites * rows_per_site, database, server, settings, callers, password)


def some_callers(sites: int) -> list[int]:
    """Sites that have called before, at random."""
    numbers = [number for number in range(1, sites + 1) if variety.calls_home(number)]
    return random.sample(numbers, min(len(numbers), MOST_CALLERS))


def start_afresh(one: Estate) -> None:
    one.database.start_afresh(emptied=(), tidied=("sites_sitepulse",))

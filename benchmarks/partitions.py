"""The heartbeat history in one table and in partitions by month: heartbeats, pruning, and the conversion.

    python -m benchmarks.partitions [--rows 3000000] [--turns 3]

prints a table; it writes nothing. Both databases are in one PostgreSQL and hold the same rows of the last fourteen months.
The heartbeats are those of one process that calls the service, without HTTP, and are measured in turns.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import django
import psycopg

from benchmarks import history, report, seeding, servers
from benchmarks.postgres import Database, cluster

SITES = 10_000
AGE, KEPT = timedelta(days=420), timedelta(days=200)
CALLS = 2_000

LOG_POSITION = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint"
ROOM = """
SELECT coalesce(sum(pg_total_relation_size(relid)), pg_total_relation_size('heartbeat_heartbeat'))
  FROM pg_partition_tree('heartbeat_heartbeat')
"""


@dataclass(frozen=True)
class Kind:
    """A database, and what was measured in it."""

    name: str
    database: Database
    settings: dict[str, str]

    @property
    def room_in_megabytes(self) -> float:
        return float(self.database.value(ROOM)) / 1e6


def manage(kind: Kind, *arguments: str) -> tuple[dict[str, object], float]:
    """The answer of the command, and its seconds without those that any command takes to start."""
    began = time.monotonic()
    command = [sys.executable, "manage.py", *arguments, "--json"]
    done = subprocess.run(command, cwd=servers.ROOT, env=kind.settings, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout)), time.monotonic() - began


def seed(kind: Kind, *, rows: int, now: datetime) -> None:
    seeding.seed_sites(kind.settings, last=SITES)
    turns = rows // SITES
    with psycopg.connect(kind.database.url, autocommit=True) as connection:
        connection.execute(f"TRUNCATE {history.TABLE}")
        for turn in range(turns):
            values = {"begin": now - AGE + AGE / turns * turn, "length": AGE / turns, "sites": SITES}
            connection.execute(history.ONE_TURN, values)
        connection.execute(f"VACUUM ANALYZE {history.TABLE}")
        connection.execute("CHECKPOINT")


def partition_as_if_long_ago(kind: Kind, *, now: datetime) -> None:
    """Partitions for all months of the history, none of them from before the conversion."""
    manage(kind, "partition_history")
    former = kind.database.value(
        "SELECT relname FROM pg_class WHERE relname LIKE 'heartbeat_before_%' AND relkind = 'r'"
    )
    oldest = now - AGE - timedelta(days=31)
    begin, end = f"{oldest:%Y-%m}-01", f"{oldest.replace(day=1) + timedelta(days=31):%Y-%m}-01"
    kind.database.execute(
        f"DROP TABLE {former}",
        f"CREATE TABLE heartbeat_{oldest:%Y_%m} PARTITION OF {history.TABLE}"
        f" FOR VALUES FROM ('{begin}T00:00:00Z') TO ('{end}T00:00:00Z')",
    )
    manage(kind, "partition_history")


def call(calls: int) -> None:
    """In a process of its own, with the settings of one database: print the microseconds of a heartbeat."""
    django.setup()
    from heartbeat.services import Report, SiteCredentials, record_heartbeat  # after the set-up

    credentials = [SiteCredentials(str(seeding.site_id(n)), seeding.site_key(n)) for n in range(1, SITES + 1)]
    took = []
    for number in range(calls):
        at, began = datetime.now(UTC), time.perf_counter()
        record_heartbeat(credentials[number * 7919 % SITES], Report("1.0.0", number), ip="127.0.0.1", at=at)
        took.append(time.perf_counter() - began)
    print(json.dumps({"median": statistics.median(took) * 1e6, "p99": statistics.quantiles(took, n=100)[98] * 1e6}))


def heartbeats(kind: Kind, calls: int = CALLS) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.partitions", "--call", str(calls)]
    environment = kind.settings | {"DJANGO_SETTINGS_MODULE": "config.settings"}
    done = subprocess.run(command, cwd=servers.ROOT, env=environment, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def converted(kind: Kind) -> str:
    """How long the conversion takes, and the slowest heartbeat meanwhile."""
    finished, slowest = threading.Event(), []

    def keep_calling() -> None:
        with psycopg.connect(kind.database.url, autocommit=True) as connection:
            while not finished.is_set():
                began = time.perf_counter()
                connection.execute(
                    f"INSERT INTO {history.TABLE} (site_id, received_at, version, uptime_seconds, licensed, locked)"
                    " SELECT site_id, now(), '1', 1, true, false FROM sites_site LIMIT 1"
                )
                slowest.append(time.perf_counter() - began)

    caller = threading.Thread(target=keep_calling)
    caller.start()
    _, seconds = manage(kind, "partition_history")
    finished.set()
    caller.join()
    median = statistics.median(slowest)
    return (
        f"{seconds:.1f} s; of {len(slowest):,} inserts meanwhile the median took {median * 1e3:.1f} ms,"
        f" the slowest {max(slowest) * 1e3:.0f} ms"
    )


def pruned(kind: Kind) -> tuple[str, str, str]:
    before, wal = kind.room_in_megabytes, kind.database.value(LOG_POSITION)
    answer, seconds = manage(kind, "prune", "--heartbeat-days", str(KEPT.days))
    written = (kind.database.value(LOG_POSITION) - wal) / 1e6
    what = f"{answer['heartbeats']:,} rows" if answer["heartbeats"] else f"{answer['heartbeat_partitions']} partitions"
    kind.database.execute(f"VACUUM {history.TABLE}")
    return f"{what} in {seconds:.1f} s", f"{written:,.0f} MB", f"{before:,.0f} → {kind.room_in_megabytes:,.0f} MB"


def measure(rows: int, turns: int) -> None:
    now = datetime.now(UTC)
    with cluster() as postgres:
        kinds = []
        for name in ("plain", "by_month"):
            database = postgres.create_database(name)
            settings = servers.production_settings(database, HEARTBEATS_PER_MINUTE="10000")
            settings = settings if not kinds else kinds[0].settings | {"DATABASE_URL": database.url}
            servers.prepare(settings)
            kinds.append(Kind(name, database, settings))
        plain, by_month = kinds
        partition_as_if_long_ago(by_month, now=now)
        for kind in kinds:
            seed(kind, rows=rows, now=now)
        figures: dict[str, list[dict[str, float]]] = {kind.name: [] for kind in kinds}
        for turn in range(turns):
            for kind in kinds if turn % 2 == 0 else reversed(kinds):
                figures[kind.name].append(heartbeats(kind))
                print(kind.name, figures[kind.name][-1], file=sys.stderr)
        lines = []
        postgres.admin.execute("CREATE DATABASE converted TEMPLATE plain")
        copy = Database(postgres.admin.url.rpartition("/")[0] + "/converted")
        conversion = converted(Kind("converted", copy, plain.settings | {"DATABASE_URL": copy.url}))
        print(f"Conversion of {rows:,} rows: {conversion}.\n", flush=True)
        results = {kind.name: pruned(kind) for kind in kinds}
        for kind in kinds:
            found = figures[kind.name]
            median = ", ".join(f"{figure['median']:.0f}" for figure in found)
            p99 = ", ".join(f"{figure['p99']:.0f}" for figure in found)
            lines.append([kind.name, median, p99, *results[kind.name]])
        header = ["history", "heartbeat, median µs", "p99 µs", "prune", "log written by it", "room before and after"]
        print(f"{rows:,} rows of {SITES:,} sites over {AGE.days} days, {KEPT.days} kept, {os.cpu_count()} cores\n")
        print(report.table(header, lines))


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the history in one table and by month.")
    parser.add_argument("--rows", type=int, default=3_000_000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--call", type=int, default=0, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.call:
        call(chosen.call)
    else:
        servers.clean_up_when_stopped()
        measure(chosen.rows, chosen.turns)


if __name__ == "__main__":
    main()

"""What a heartbeat costs on estates of every size: throughput, processor time, what PostgreSQL writes."""

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psycopg

from benchmarks import estates, history, load, report, usage, wal
from benchmarks.comparison import Sample, cpu, p50, p99, per_second, settled_count
from benchmarks.estates import Estate
from benchmarks.history import Room
from benchmarks.postgres import Cluster
from benchmarks.report import Goal

LEAST_THROUGHPUT, LEAST_HOT, MOST_WAL_BYTES = 0.85, 0.99, 700
COMPRESSIONS = ("off", "pglz", "lz4")
WARM_UP_SECONDS = 3
STATISTICS_WITHIN_SECONDS = 15
UPDATES = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'sites_sitepulse'"
IMAGES = "SELECT wal_fpi FROM pg_stat_wal"
TABLES = (history.TABLE, "sites_sitepulse", "sites_sitekey", "sites_site")


@dataclass(frozen=True)
class Measurement(Sample):
    """Bytes of the write-ahead log for each heartbeat."""

    records: float
    page_images: float


@dataclass(frozen=True)
class Updates:
    """Of pulses; a HOT one touches no index."""

    total: int
    hot: int


@dataclass
class Findings:
    """Of one estate. `compressed` by the setting of wal_compression; `images` are whole pages written for each heartbeat."""

    estate: Estate
    rooms: dict[str, Room]
    rounds: list[Measurement]
    compressed: dict[str, Measurement]
    images: float = 0
    hot_share: float = 0

    @property
    def every(self) -> list[Measurement]:
        return [*self.rounds, *self.compressed.values()]

    @property
    def answered(self) -> int:
        return sum(run.load.requests for run in self.every)

    @property
    def errors(self) -> int:
        return sum(run.errors for run in self.every)


def measure_once(one: Estate, cluster: Cluster, *, seconds: float) -> Measurement:
    """Heartbeats for a while, right after a checkpoint; the history grows by them."""
    estates.start_afresh(one)
    newest = one.database.value(f"SELECT coalesce(max(id), 0) FROM {history.TABLE}")
    pids = (one.server.pid, cluster.pid)
    begin, before = wal.position(cluster), [usage.cpu_seconds(pid) for pid in pids]
    seen = load.run(one.target, seconds=seconds)
    server, postgres = (usage.cpu_seconds(pid) - earlier for pid, earlier in zip(pids, before, strict=True))
    if not seen.requests:
        sys.exit(f"{one.name} sites: nothing was answered:\n{one.server.log.read_text(errors='replace')[-2000:]}")
    surplus = settled_count(one.database, f"{history.TABLE} WHERE id > {newest}") - seen.requests
    written = wal.written(cluster, begin, wal.position(cluster))
    return Measurement(
        seen,
        server_cpu=1000 * server / seen.requests,
        postgres_cpu=1000 * postgres / seen.requests,
        # When wrk stops, each connection may have a request under way.
        miscounted=-surplus if surplus < 0 else max(0, surplus - load.CONNECTIONS),
        records=written.records / (seen.requests + surplus),
        page_images=written.page_images / (seen.requests + surplus),
    )


def updates(one: Estate, *, at_least: int = 0) -> Updates:
    """PostgreSQL's processes tell what they did after ten idle seconds at the latest: wait for it."""
    deadline = time.monotonic() + STATISTICS_WITHIN_SECONDS
    with psycopg.connect(one.database.url, autocommit=True) as connection:
        while True:
            row = connection.execute(UPDATES).fetchone()
            assert row is not None
            if row[0] >= at_least or time.monotonic() > deadline:
                return Updates(*row)
            time.sleep(0.5)


def measure(all_estates: Sequence[Estate], cluster: Cluster, *, rounds: int, seconds: float) -> list[Findings]:
    """In turns: what disturbs the machine for a while disturbs all of them."""
    found = [
        Findings(one, {table: history.room_of(one.database, table) for table in TABLES}, [], {}) for one in all_estates
    ]
    for one in all_estates:
        load.run(one.target, seconds=WARM_UP_SECONDS)
    before = [updates(one) for one in all_estates]
    for number in range(1, rounds + 1):
        for of_one in found:
            of_one.rounds.append(measure_once(of_one.estate, cluster, seconds=seconds))
        seen = ", ".join(f"{of_one.estate.name}: {of_one.rounds[-1].load.per_second:.0f}" for of_one in found)
        print(f"round {number} of {rounds}, heartbeats per second by sites: {seen}", file=sys.stderr)
    for of_one, earlier in zip(found, before, strict=True):
        updates(of_one.estate, at_least=earlier.total + of_one.answered)
    for of_one, earlier in zip(found, before, strict=True):
        measure_compressions(of_one, cluster, earlier, seconds=seconds)
    return found


def measure_compressions(of_one: Findings, cluster: Cluster, before: Updates, *, seconds: float) -> None:
    """The number of images is the whole cluster's: everybody's statistics must be complete before and after."""
    one = of_one.estate
    images = cluster.admin.value(IMAGES)
    for setting in COMPRESSIONS:
        cluster.admin.execute(f"ALTER SYSTEM SET wal_compression = {setting}", "SELECT pg_reload_conf()")
        of_one.compressed[setting] = measure_once(one, cluster, seconds=seconds)
        if setting == COMPRESSIONS[0]:
            after = updates(one, at_least=before.total + of_one.answered)
            of_one.images = (cluster.admin.value(IMAGES) - images) / of_one.compressed[setting].load.requests
            of_one.hot_share = (after.hot - before.hot) / (after.total - before.total)
    cluster.admin.execute("ALTER SYSTEM RESET wal_compression", "SELECT pg_reload_conf()")
    updates(one, at_least=before.total + of_one.answered)


# --- The report ---------------------------------------------------------------------------------------------------


def median(runs: Sequence[Measurement], figure: Callable[[Measurement], float]) -> float:
    return statistics.median(figure(run) for run in runs)


def ratio(larger: Findings, smaller: Findings, figure: Callable[[Measurement], float]) -> float:
    """The median of the rounds' ratios."""
    pairs = zip(larger.rounds, smaller.rounds, strict=True)
    return statistics.median(figure(one) / figure(other) for one, other in pairs)


def rate_table(found: Sequence[Findings]) -> str:
    header = ["sites", "history before", "req/s", "noise", f"by {found[0].estate.name}", "p50 ms", "p99 ms"]
    header += ["CPU server", "CPU PostgreSQL", "CPU sum", f"by {found[0].estate.name}", "HOT", "errors"]
    rows = []
    for of_one in found:
        runs = of_one.rounds
        figures = (lambda run: run.server_cpu, lambda run: run.postgres_cpu, cpu)
        rows.append(
            [
                of_one.estate.name,
                f"{of_one.estate.rows:,}",
                f"{median(runs, per_second):,.0f}",
                report.spread([per_second(run) for run in runs]),
                f"{ratio(of_one, found[0], per_second):.2f}",
                *(f"{median(runs, figure):.1f}" for figure in (p50, p99)),
                *(f"{median(runs, figure):.3f}" for figure in figures),
                f"{ratio(of_one, found[0], cpu):.2f}",
                f"{100 * of_one.hot_share:.2f} %",
                str(of_one.errors),
            ]
        )
    return report.table(header, rows)


def wal_table(found: Sequence[Findings]) -> str:
    header = ["sites", "records", "whole pages", "whole pages in number"]
    header += [text for name in COMPRESSIONS[1:] for text in (f"whole pages, {name}", f"req/s by off, {name}")]
    rows = []
    for of_one in found:
        plain = of_one.compressed[COMPRESSIONS[0]]
        cells = [f"{median(of_one.rounds, lambda run: run.records):,.0f}"]
        cells += [f"{median(of_one.rounds, lambda run: run.page_images):,.0f}", f"{of_one.images:.2f}"]
        for name in COMPRESSIONS[1:]:
            run = of_one.compressed[name]
            cells += [f"{run.page_images:,.0f}", f"{per_second(run) / per_second(plain):.2f}"]
        rows.append([of_one.estate.name, *cells])
    return report.table(header, rows)


def room_table(found: Sequence[Findings]) -> str:
    rows = []
    for of_one in found:
        for table, room in of_one.rooms.items():
            count = of_one.estate.rows if table == history.TABLE else of_one.estate.sites
            rows.append([of_one.estate.name, table, f"{count:,}", *megabytes(room), f"{room.total / count:.0f}"])
    return report.table(["sites", "table", "rows", "table MB", "indexes MB", "sum MB", "bytes a row"], rows)


def megabytes(room: Room) -> list[str]:
    return [f"{size / 10**6:,.1f}" for size in (room.table, room.total - room.table, room.total)]


def index_sizes(largest: Findings) -> str:
    sizes = [
        f"`{name}` {size / 10**6:,.1f} MB" for room in largest.rooms.values() for name, size in room.indexes.items()
    ]
    return f"Indexes at {largest.estate.name} sites: {', '.join(sizes)}."


def goals(found: Sequence[Findings]) -> list[Goal]:
    smallest, largest = found[0], found[-1]
    size = f"{largest.estate.name} sites and {largest.estate.rows:,} rows of history"
    worst_wal = max(median(of_one.rounds, lambda run: run.records) for of_one in found)
    return [
        report.at_least(
            f"heartbeats a second at {size}, by those at {smallest.estate.name}",
            ratio(largest, smallest, per_second),
            LEAST_THROUGHPUT,
        ),
        report.at_least("share of HOT updates, the lowest", min(of_one.hot_share for of_one in found), LEAST_HOT),
        report.at_most("bytes of WAL records for a heartbeat, the most", worst_wal, MOST_WAL_BYTES),
        report.none("no error", sum(of_one.errors for of_one in found)),
    ]

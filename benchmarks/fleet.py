"""What devices cost: their heartbeats, ten times too many of them, the pages with 100,000, and a fleet with all its faults.

python -m benchmarks.fleet            # writes its section of benchmarks/results.md
python -m benchmarks.fleet --quick    # fewer devices and shorter rounds; writes nothing
"""

import argparse
import statistics
import sys
import tempfile
import time
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks import device_seeding, estates, load, machine, postgres, report, seeding, servers, usage, wal
from benchmarks.estates import Estate
from benchmarks.panel import Sysadmin
from benchmarks.postgres import Cluster, Database
from benchmarks.report import Goal
from benchmarks.servers import Server
from benchmarks.simulated_devices import simulate
from scripts import with_services

DEVICES_AT_A_SITE = 5
PATH, ORDINARY_PATH = "/api/devices/heartbeat", "/api/ordinary/heartbeat"
HEADERS = {
    "ID_HEADER": "X-Device-ID",
    "KEY_HEADER": "X-Device-Key",
    "BODY": '{"status":"online","firmware_version":"1.0.0","uptime_seconds":86400,"config_version":1}',
}
FLOOD_CONNECTIONS, PAGES = 1_500, {"devices": "/admin/devices/device/", "dashboard": "/admin/"}
WRITTEN_WITHIN_SECONDS, WELL_AGAIN_SECONDS = 2.5, 30.0
RATE_GOAL, P99_GOAL, TIMES_GOAL, WAL_GOAL, STATEMENTS_GOAL, GROWTH_GOAL = 1_000, 100, 4, 400, 0.05, 2.0
TRANSACTIONS = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"
# A process writes once a second: BEGIN, two statements, COMMIT. All other transactions are one statement.
STATEMENTS_IN_A_WRITE = 4
# exp(-7): a process that gets half of the connections does not know one device in a thousand then.
READ_PASSES = 7

NOTES = """\
*Ordinary* is a view of Django REST Framework with a serializer and `device.save()`, on the same server, keys and tables; the
two take turns. Before that, each process had read nearly all devices once. WAL is what PostgreSQL logs for the changes,
without images of whole pages. All transactions of Portcullis have one statement, but for two writes a second with four each.
The client runs on the same machine. *Overload* is one client with as many requests under way as all processes hold together
and more; then 503 is the right answer to most."""


@dataclass(frozen=True)
class Plan:
    devices: int
    rounds: int
    seconds: float
    pages_with: tuple[int, int]
    looks: int
    flood_seconds: float
    simulated: int
    simulated_seconds: float


FULL = Plan(30_000, 3, 10, (1_000, 100_000), 7, 60, 300, 90)
QUICK = Plan(1_000, 1, 3, (200, 2_000), 2, 5, 60, 15)


@dataclass(frozen=True)
class Heartbeats:
    seen: load.Load
    wal_bytes: float
    transactions: float
    statements: float  # those of Portcullis at most
    cpu: float  # seconds of the server and PostgreSQL for each 1,000


def target(server: Server, credentials: Path, path: str) -> load.Target:
    return load.Target(server.url, path, credentials, settings=HEADERS)


def measure(server: Server, cluster: Cluster, database: Database, aim: load.Target, seconds: float) -> Heartbeats:
    database.execute("CHECKPOINT")
    pids, began = (server.pid, cluster.pid), wal.position(cluster)
    cpu, transactions = sum(map(usage.cpu_seconds, pids)), int(database.value(TRANSACTIONS))
    seen = load.run(aim, seconds=seconds)
    time.sleep(WRITTEN_WITHIN_SECONDS)
    written = wal.written(cluster, began, wal.position(cluster)).records
    transactions = int(database.value(TRANSACTIONS)) - transactions
    writes = servers.WORKERS * (seconds + WRITTEN_WITHIN_SECONDS)
    statements = transactions + (STATEMENTS_IN_A_WRITE - 1) * writes
    cpu = sum(map(usage.cpu_seconds, pids)) - cpu
    each = (written, transactions, statements, 1000 * cpu)
    return Heartbeats(seen, *(number / seen.requests for number in each))


def heartbeats(cluster: Cluster, folder: Path, plan: Plan) -> tuple[str, list[Goal]]:
    database = cluster.create_database("heartbeats")
    settings = servers.production_settings(database)
    servers.prepare(settings)
    seeding.seed_sites(settings, last=plan.devices // DEVICES_AT_A_SITE)
    device_seeding.seed_devices(settings, last=plan.devices, per_site=DEVICES_AT_A_SITE)
    credentials = device_seeding.write_device_credentials(folder / "devices.csv", range(1, plan.devices + 1))
    found: dict[str, list[Heartbeats]] = {"Portcullis": [], "ordinary": []}
    with servers.shipped(settings, folder) as ours, ordinary(settings, folder) as theirs:
        let_all_be_read(target(ours, credentials, PATH), plan)
        for _ in range(plan.rounds):
            aims = {"Portcullis": (ours, PATH), "ordinary": (theirs, ORDINARY_PATH)}
            for name, (server, path) in aims.items():
                aim = target(server, credentials, path)
                found[name].append(measure(server, cluster, database, aim, plan.seconds))
        flooded, flood_goals = overload(ours, cluster, credentials, plan)
    touched = int(database.value("SELECT n_tup_upd FROM pg_stat_user_tables WHERE relname = 'devices_device'"))
    own = found["Portcullis"]
    times = statistics.median(
        one.seen.per_second / other.seen.per_second for one, other in zip(own, found["ordinary"], strict=True)
    )
    errors = sum(each.seen.errors for each in own)
    goals = [
        report.at_least("heartbeats a second", middle(own, "per_second"), RATE_GOAL),
        report.below("p99", middle(own, "p99"), P99_GOAL, " ms"),
        report.at_least("times the ordinary endpoint's rate", times, TIMES_GOAL),
        report.below("WAL for a heartbeat", statistics.median(each.wal_bytes for each in own), WAL_GOAL, " bytes"),
        report.below("statements for a heartbeat", statistics.median(each.statements for each in own), STATEMENTS_GOAL),
        report.none("heartbeats without an answer of 200", errors),
        *flood_goals,
    ]
    return f"{rates(found)}\n\nThe ordinary endpoint wrote the table of devices {touched:,} times.\n\n{flooded}", goals


def let_all_be_read(aim: load.Target, plan: Plan) -> None:
    """Each process reads each device once. wrk takes devices at random, so few are left after some times as many requests."""
    wanted, seen = READ_PASSES * servers.WORKERS * plan.devices, 0
    while seen < wanted:
        print(f"the devices are being read: {seen:,} of {wanted:,} heartbeats", file=sys.stderr)
        seen += load.run(aim, seconds=2 * plan.seconds).requests


def middle(of_one: list[Heartbeats], figure: str) -> float:
    return statistics.median(getattr(each.seen, figure) for each in of_one)


def rates(found: dict[str, list[Heartbeats]]) -> str:
    header = ["heartbeats", "a second", "p50 ms", "p99 ms", "WAL bytes", "transactions", "CPU s per 1,000"]
    rows = [
        [
            name,
            *(f"{middle(each, figure):.0f}" for figure in ("per_second", "p50", "p99")),
            f"{statistics.median(one.wal_bytes for one in each):.0f}",
            f"{statistics.median(one.transactions for one in each):.3f}",
            f"{statistics.median(one.cpu for one in each):.2f}",
        ]
        for name, each in found.items()
    ]
    return report.table(header, rows)


def ordinary(settings: dict[str, str], folder: Path) -> AbstractContextManager[Server]:
    port = with_services.free_port()
    command = [sys.executable, "-m", "gunicorn", "django.core.wsgi:get_wsgi_application()", "-b", f"127.0.0.1:{port}"]
    environment = settings | {"DJANGO_SETTINGS_MODULE": "benchmarks.ordinary_device"}
    return servers.serving("ordinary", command, port, folder, environment)


def overload(server: Server, cluster: Cluster, credentials: Path, plan: Plan) -> tuple[str, list[Goal]]:
    """Far more requests at once than the processes can handle."""
    aim = target(server, credentials, PATH)
    before = usage.resident_memory(server.pid).pss
    seen = load.run(aim, seconds=plan.flood_seconds, connections=FLOOD_CONNECTIONS, count_statuses=True)
    memory = usage.resident_memory(server.pid).pss / before
    began = time.monotonic()
    while (after := load.run(aim, seconds=2)).errors and time.monotonic() - began < WELL_AGAIN_SECONDS:
        pass
    statuses = ", ".join(f"{number:,} of {status}" for status, number in sorted(seen.statuses.items()))
    text = (
        f"Overload, {FLOOD_CONNECTIONS:,} connections for {plan.flood_seconds:.0f} s: {statuses}; memory times {memory:.2f};"
        f" afterwards {after.per_second:.0f} a second, p99 {after.p99:.0f} ms, after {time.monotonic() - began:.0f} s."
    )
    others = sum(number for status, number in seen.statuses.items() if status not in {"200", "503"})
    goals = [
        report.none("answers other than 200 and 503 under overload", others),
        report.at_most("memory after the overload, times that before", memory, 1.2),
        report.none("errors after it", after.errors),
    ]
    return text, goals


def pages(cluster: Cluster, folder: Path, plan: Plan, stack: ExitStack) -> tuple[str, list[Goal]]:
    admins: dict[int, Sysadmin] = {}
    for devices in plan.pages_with:
        made: Estate = stack.enter_context(
            estates.estate(cluster, folder, sites=devices // DEVICES_AT_A_SITE, rows_per_site=1)
        )
        device_seeding.seed_devices(made.settings, last=devices, per_site=DEVICES_AT_A_SITE)
        admins[devices] = Sysadmin(made)
        admins[devices].sign_in()
    few, many = plan.pages_with
    rows, goals = [], []
    for name, path in PAGES.items():
        took: dict[int, list[float]] = {few: [], many: []}
        for _ in range(plan.looks + 1):
            for devices, admin in admins.items():
                shown = admin.look(path, cluster, times=3)
                if shown.status != 200:
                    sys.exit(f"{path} was answered {shown.status}.")
                took[devices].append(shown.latency)
        growth = statistics.median(much / little for little, much in zip(took[few][1:], took[many][1:], strict=True))
        rows.append(
            [name, *(f"{1000 * statistics.median(took[devices][1:]):.0f}" for devices in admins), f"{growth:.2f}"]
        )
        goals.append(
            report.at_most(f"time of the page {name} with {many:,} devices by that with {few:,}", growth, GROWTH_GOAL)
        )
    return report.table(["page", f"{few:,} devices: ms", f"{many:,}: ms", "growth"], rows), goals


def faults(cluster: Cluster, folder: Path, plan: Plan) -> tuple[str, list[Goal]]:
    database = cluster.create_database("faults")
    settings = servers.production_settings(database, DEVICE_HEARTBEAT_INTERVAL_SECONDS="2")
    servers.prepare(settings)
    seeding.seed_sites(settings, last=plan.simulated)
    device_seeding.seed_devices(settings, last=plan.simulated, per_site=DEVICES_AT_A_SITE)
    database.execute("UPDATE devices_devicepulse SET day_heartbeats = 0")
    credentials = [
        (device_seeding.device_id(number), device_seeding.device_key(number)) for number in range(1, plan.simulated + 1)
    ]
    with servers.shipped(settings, folder) as server:
        tally = simulate(server.url, credentials, seconds=plan.simulated_seconds, health_seconds=1)
        time.sleep(WRITTEN_WITHIN_SECONDS)
    past = "coalesce((SELECT sum(heartbeats) FROM device_heartbeats_heartbeatday), 0)"
    written = int(database.value(f"SELECT sum(day_heartbeats) + {past} FROM devices_devicepulse"))
    samples = database.count("telemetry_healthsample")
    text = (
        f"A fleet of {plan.simulated} with outages, wrong clocks, retries and restarts: {tally.heartbeats:,} heartbeats, p50"
        f" {tally.percentile(0.5):.1f} ms, p99 {tally.percentile(0.99):.1f} ms; {tally.accepted:,} samples, sent again"
        f" {tally.duplicates:,}."
    )
    goals = [
        report.none("heartbeats lost or written twice", abs(written - tally.heartbeats)),
        report.none("samples lost or stored twice", abs(samples - tally.accepted)),
        report.none("requests without an answer of 200", tally.broken + tally.statuses.total() - tally.statuses[200]),
    ]
    return text, goals


def section(plan: Plan, command: str) -> str:
    surroundings = machine.describe(command)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="portcullis-bench-")))
        cluster = stack.enter_context(postgres.cluster())
        parts = [heartbeats(cluster, folder, plan), faults(cluster, folder, plan), pages(cluster, folder, plan, stack)]
        surroundings += f"\n{machine.describe_database(cluster.admin)}"
    texts = [text for text, _ in parts]
    reached = "\n".join(str(goal) for _, goals in parts for goal in goals)
    return "\n\n".join(["## Devices", surroundings, *texts, NOTES, "### Goals", reached])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="few devices; writes nothing")
    chosen = parser.parse_args()
    servers.clean_up_when_stopped()
    text = section(QUICK if chosen.quick else FULL, f"make bench-fleet{' (quick)' if chosen.quick else ''}")
    print(text)
    if not chosen.quick:
        report.write_section("fleet", text)


if __name__ == "__main__":
    main()

"""How long a lock takes to be applied at the site, and what waiting sites cost.

python -m benchmarks.doorbell            # writes its section of benchmarks/results.md
python -m benchmarks.doorbell --quick    # 200 restaurants and 1,000 waiting sites; writes nothing
"""

import argparse
import http.client
import json
import secrets
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks import machine, postgres, report, seeding, servers, usage
from benchmarks.estates import ADMIN, ADMIN_EMAIL
from benchmarks.postgres import Cluster, Database
from benchmarks.report import Goal
from benchmarks.servers import Server
from scripts import with_services

RESTAURANTS, WAITING = 2_000, 10_000
QUICK_RESTAURANTS, QUICK_WAITING = 200, 1_000
ONE_BY_ONE = 100
API_CLIENTS = 4
RECEIPTS_WITHIN_SECONDS = 120.0
HOLDING_SECONDS, RENEWING_SECONDS = 20.0, 60.0
MEDIAN_GOAL, P99_GOAL, MEMORY_GOAL, IDLE_GOAL = 1.0, 5.0, 400, 2.0
MEBIBYTE = 2**20

NOTES = """\
The restaurants run the real agent, all in one process on the same two cores as the server, the doorbell and PostgreSQL; each
has its own state folder and its own connection to the doorbell. A time is from the answer to the lock to the moment at which
the heartbeat came that reports the lock as applied, each site by itself. *One transaction* locks all sites as an import does,
so that all doorbells ring at the same moment. Then the process that plays the restaurants is the limit: real ones have a
processor each."""


@dataclass(frozen=True)
class House:
    """The product with its doorbell, on one database."""

    database: Database
    server: Server
    doorbell: Server
    settings: dict[str, str]
    password: str


@contextmanager
def house(cluster: Cluster, folder: Path, *, name: str, sites: int) -> Iterator[House]:
    database, port = cluster.create_database(name), with_services.free_port()
    settings = servers.production_settings(
        database,
        DOORBELL_BIND=f"127.0.0.1:{port}",
        DOORBELL_URL=f"http://127.0.0.1:{port}/doorbell",
        HEARTBEATS_PER_MINUTE="1000",
    )
    servers.prepare(settings)
    seeding.seed_sites(settings, last=sites)
    servers.manage(settings, "create_signing_key")
    password = secrets.token_urlsafe(20)
    superuser = {"USERNAME": ADMIN, "EMAIL": ADMIN_EMAIL, "PASSWORD": password}
    person = {f"DJANGO_SUPERUSER_{key}": value for key, value in superuser.items()}
    servers.manage(settings | person, "createsuperuser", "--noinput", "--verbosity=0")
    logs = folder / name
    logs.mkdir()
    command = [sys.executable, "-m", "gunicorn", "-c", "config/doorbell/gunicorn_settings.py"]
    with (
        servers.shipped(settings, logs) as server,
        servers.serving("doorbell", command, port, logs, settings) as doorbell,
    ):
        yield House(database, server, doorbell, settings, password)


@contextmanager
def helper(module: str, *arguments: object, expects: str) -> Iterator[subprocess.Popen[str]]:
    """Another process of the benchmark, which says when it is ready and ends with its input."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    process = subprocess.Popen(command, cwd=servers.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        said = process.stdout.readline().strip()
        if said != expects:
            sys.exit(f"{module} said {said!r}, not {expects!r}.")
        yield process
    finally:
        process.stdin.close()
        process.wait(30)


# --- From a lock to its receipt -------------------------------------------------------------------------------------


class Api:
    """A sysadmin's program: one connection for each thread."""

    def __init__(self, at: House) -> None:
        self.port, self.local = at.server.port, threading.local()
        answer = self.send("/api/auth/login", {"username": ADMIN, "password": at.password}, token="")
        self.token = str(answer["access"])

    def send(self, path: str, body: dict[str, object], token: str | None = None) -> dict[str, object]:
        if not hasattr(self.local, "connection"):
            self.local.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Content-Type": "application/json"}
        if token is None:
            headers["Authorization"] = f"Bearer {self.token}"
        self.local.connection.request("POST", path, json.dumps(body), headers)
        answer = self.local.connection.getresponse()
        content = json.loads(answer.read())
        if answer.status >= 300:
            sys.exit(f"{path}: {content}")
        return dict(content)

    def lock(self, number: int) -> float:
        """Lock a site; when the answer was there, by `time.time`."""
        self.send(f"/api/sites/{seeding.site_id(number)}/lock", {"reason": f"unpaid {secrets.token_hex(4)}"})
        return time.time()


RECEIPTS = """
SELECT site.site_id, extract(epoch FROM pulse.applied_at)::float8
  FROM sites_site AS site
  JOIN sites_sitepulse AS pulse USING (site_id)
 WHERE pulse.applied_revision = site.revision
   AND pulse.applied_state = 'locked'
   AND site.is_locked
"""


def seconds_until_receipts(at: House, answered: dict[int, float]) -> list[float]:
    """Of each site from the answer to its receipt; a receipt that came before the answer counts as 0."""
    wanted = {seeding.site_id(number): moment for number, moment in answered.items()}
    deadline = time.monotonic() + RECEIPTS_WITHIN_SECONDS
    with psycopg.connect(at.database.url, autocommit=True) as connection:
        while True:
            applied = dict(connection.execute(RECEIPTS).fetchall())
            if wanted.keys() <= applied.keys():
                return [max(0.0, applied[site] - moment) for site, moment in wanted.items()]
            if time.monotonic() > deadline:
                sys.exit(f"{len(wanted.keys() - applied.keys())} of {len(wanted)} sites have not applied their lock.")
            time.sleep(0.1)


def lock_one_by_one(at: House, api: Api, numbers: Sequence[int]) -> list[float]:
    found: list[float] = []
    for number in numbers:
        found += seconds_until_receipts(at, {number: api.lock(number)})
    return found


def lock_all(at: House, api: Api, numbers: Sequence[int]) -> list[float]:
    with ThreadPoolExecutor(API_CLIENTS) as threads:
        answered = list(threads.map(api.lock, numbers))
    return seconds_until_receipts(at, dict(zip(numbers, answered, strict=True)))


def lock_in_one_transaction(at: House, api: Api, numbers: Sequence[int]) -> list[float]:
    program = (
        "from django.db import transaction\nfrom django.utils import timezone\nfrom audit.actors import COMMAND\n"
        "from sites.models import Site\nfrom sites.services import lock_site\n"
        "with transaction.atomic():\n"
        " for pk in Site.objects.order_by('pk').values_list('pk', flat=True):\n"
        "  lock_site(pk, reason='all at once', by=COMMAND, at=timezone.now())\n"
    )
    servers.manage(at.settings | {"DATABASE_PATIENCE": "unlimited"}, "shell", "--verbosity=0", "-c", program)
    with psycopg.connect(at.database.url) as connection:
        # The process needs some time to end after its commit, so the last change is the nearest known moment before it.
        row = connection.execute("SELECT extract(epoch FROM max(updated_at))::float8 FROM sites_site").fetchone()
    assert row is not None
    return seconds_until_receipts(at, dict.fromkeys(numbers, row[0]))


WAYS: dict[str, Callable[[House, Api, Sequence[int]], list[float]]] = {
    "one site at a time": lock_one_by_one,
    "all, by an API client": lock_all,
    "all, in one transaction": lock_in_one_transaction,
}


@dataclass(frozen=True)
class Locks:
    """Seconds until each site has applied its lock, and the processor time that the restaurants' process took for it."""

    seconds: list[float]
    cpu_of_restaurants: float


def measure_locks(cluster: Cluster, folder: Path, sites: int) -> dict[str, Locks]:
    numbers = range(1, sites + 1)
    with house(cluster, folder, name="restaurants", sites=sites) as at:
        states = folder / "states"
        states.mkdir()
        with helper("benchmarks.restaurants", at.server.url, 1, sites, states, expects="ready") as restaurants:
            time.sleep(5)  # until each has reported its first lease
            api, found = Api(at), {}
            some = numbers[:: max(1, sites // ONE_BY_ONE)][:ONE_BY_ONE]
            for name, way in WAYS.items():
                before = usage.cpu_seconds(restaurants.pid)
                seconds = way(at, api, some if way is lock_one_by_one else numbers)
                found[name] = Locks(seconds, usage.cpu_seconds(restaurants.pid) - before)
            return found


# --- What waiting costs ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Waiting:
    """Of the doorbell's processes: resident MiB, and per cent of a core while sites wait and while waits are renewed."""

    sites: int
    memory: float
    holding: float
    renewing: float
    rung_within: float


def measure_waiting(cluster: Cluster, folder: Path, sites: int) -> Waiting:
    with (
        house(cluster, folder, name="waiting", sites=sites) as at,
        helper("benchmarks.waiting_sites", at.doorbell.port, 1, sites, expects="waiting") as process,
    ):
        time.sleep(2)
        holding = per_cent_of_a_core(at.doorbell, HOLDING_SECONDS)
        renewing = per_cent_of_a_core(at.doorbell, RENEWING_SECONDS)
        memory = usage.resident_memory(at.doorbell.pid).rss / MEBIBYTE
        with psycopg.connect(at.database.url, autocommit=True) as connection:
            connection.execute("UPDATE sites_site SET revision = 2")
            began = time.time()
            connection.execute("SELECT pg_notify('portcullis_site_changed', site_id || ':2') FROM sites_site")
        assert process.stdout is not None
        last = max(float(process.stdout.readline().split()[0]) for _ in range(sites))
    return Waiting(sites, memory, holding, renewing, last - began)


def per_cent_of_a_core(server: Server, seconds: float) -> float:
    before = usage.cpu_seconds(server.pid)
    time.sleep(seconds)
    return (usage.cpu_seconds(server.pid) - before) / seconds * 100


# --- The section ----------------------------------------------------------------------------------------------------


def percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def goals(locks: dict[str, Locks], waiting: Waiting) -> list[Goal]:
    found = []
    for name, measured in locks.items():
        seconds = measured.seconds
        found += [
            report.below(f"median, {name}", statistics.median(seconds), MEDIAN_GOAL, " s"),
            report.below(f"99 % of {len(seconds):,}, {name}", percentile(seconds, 0.99), P99_GOAL, " s"),
        ]
    return [
        *found,
        report.below(f"memory with {waiting.sites:,} waiting sites", waiting.memory, MEMORY_GOAL, " MiB"),
        report.below("processor while they wait, of a core", waiting.holding, IDLE_GOAL, " %"),
    ]


def section(restaurants: int, waiting_sites: int, command: str) -> str:
    surroundings = machine.describe(command)
    with ExitStack() as stack:
        # In memory: 2,000 machines have 2,000 disks.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="portcullis-bench-", dir="/dev/shm")))
        cluster = stack.enter_context(postgres.cluster())
        locks = measure_locks(cluster, folder, restaurants)
        waiting = measure_waiting(cluster, folder, waiting_sites)
        surroundings += f"\n{machine.describe_database(cluster.admin)}"
    header = [
        f"seconds until {restaurants:,} restaurants have applied it",
        "median",
        "99 %",
        "last",
        "CPU of the restaurants",
    ]
    rows = [
        [
            name,
            *(
                f"{value:.2f}"
                for value in (statistics.median(found.seconds), percentile(found.seconds, 0.99), max(found.seconds))
            ),
            f"{found.cpu_of_restaurants:.1f}",
        ]
        for name, found in locks.items()
    ]
    costs = (
        f"{waiting.sites:,} waiting sites: {waiting.memory:.0f} MiB; {waiting.holding:.1f} % of a core while they wait,"
        f" {waiting.renewing:.1f} % with the renewals (one in 55 s each). All were rung within {waiting.rung_within:.1f} s."
    )
    reached = "\n".join(str(goal) for goal in goals(locks, waiting))
    return "\n\n".join(
        ["## The doorbell", surroundings, report.table(header, rows), costs, NOTES, "### Goals", reached]
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="few sites; writes nothing")
    chosen = parser.parse_args()
    servers.clean_up_when_stopped()
    sizes = (QUICK_RESTAURANTS, QUICK_WAITING) if chosen.quick else (RESTAURANTS, WAITING)
    text = section(*sizes, f"make bench-doorbell{' (quick)' if chosen.quick else ''}")
    print(text)
    if not chosen.quick:
        report.write_section("doorbell", text)


if __name__ == "__main__":
    main()

"""What a heartbeat and a lock cost in this checkout and in another one, such as the last release.

    python -m benchmarks.against FOLDER [--rounds 8] [--seconds 5]

Two servers as shipped on one PostgreSQL, each from its own checkout with a database of its own; FOLDER needs no virtual
environment. They answer in turns: heartbeats of agents, plain heartbeats, and locks by an API client. It prints the processor
time of the server and of PostgreSQL for each, and writes nothing.
"""

import argparse
import http.client
import json
import secrets
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import load, machine, seeding, servers, usage
from benchmarks.estates import ADMIN, ADMIN_EMAIL, CALLS_PER_MINUTE
from benchmarks.postgres import Cluster, Database
from benchmarks.servers import ROOT, Server
from scripts.with_services import free_port, postgresql

SITES = 1_000
CONNECTIONS = 16
WARM_UP_SECONDS = 4
LOCKS_A_ROUND = 150
# More processor time than in the other checkout, per cent.
GOALS = {"heartbeat of an agent": 3, "plain heartbeat": 3, "lock": 10}


@dataclass
class Checkout:
    server: Server
    cluster: Cluster
    callers: Path
    token: str = ""
    locked: int = 0

    def cpu_seconds(self) -> float:
        return usage.cpu_seconds(self.server.pid) + usage.cpu_seconds(self.cluster.pid)

    def heartbeats(self, script: Path, seconds: float) -> float:
        target = load.Target(self.server.url, "/api/heartbeat", self.callers, script=script)
        before = self.cpu_seconds()
        seen = load.run(target, seconds=seconds, connections=CONNECTIONS)
        if seen.errors:
            sys.exit(f"{seen.errors} of {seen.requests:,} heartbeats failed")
        return (self.cpu_seconds() - before) / seen.requests * 1e6

    def send(self, connection: http.client.HTTPConnection, path: str, body: dict[str, str]) -> dict[str, object]:
        headers = {"Content-Type": "application/json"} | (
            {"Authorization": f"Bearer {self.token}"} if self.token else {}
        )
        connection.request("POST", path, json.dumps(body), headers)
        answer = connection.getresponse()
        content = json.loads(answer.read())
        if answer.status != 200:
            sys.exit(f"{path}: {content}")
        return dict(content)

    def sign_in(self, password: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port)
        self.token = str(self.send(connection, "/api/auth/login", {"username": ADMIN, "password": password})["access"])

    def locks(self) -> float:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port)
        before = self.cpu_seconds()
        for _ in range(LOCKS_A_ROUND):
            self.locked += 1
            site = seeding.site_id(1 + self.locked % SITES)
            self.send(connection, f"/api/sites/{site}/lock", {"reason": f"unpaid {self.locked}"})
        return (self.cpu_seconds() - before) / LOCKS_A_ROUND * 1e6


@contextmanager
def checkout(root: Path, name: str, cluster: Cluster, folder: Path) -> Iterator[Checkout]:
    database = cluster.create_database(name)
    settings = servers.production_settings(database, HEARTBEATS_PER_MINUTE=CALLS_PER_MINUTE)
    password = secrets.token_urlsafe(20)
    superuser = {"USERNAME": ADMIN, "EMAIL": ADMIN_EMAIL, "PASSWORD": password}
    environment = settings | {f"DJANGO_SUPERUSER_{key}": value for key, value in superuser.items()}
    for arguments in (
        ("manage.py", "migrate", "--verbosity=0"),
        ("manage.py", "create_signing_key"),
        ("manage.py", "createsuperuser", "--noinput", "--verbosity=0"),
        ("-m", "benchmarks.seeding", "1", str(SITES)),
    ):
        subprocess.run([sys.executable, *arguments], cwd=root, env=environment, check=True, stdout=subprocess.DEVNULL)
    logs = folder / name
    logs.mkdir()
    callers = seeding.write_credentials(logs / "callers.csv", range(1, SITES + 1))
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "--chdir", str(root), "-c", str(root / "gunicorn.conf.py")]
    command += ["config.wsgi", "-b", f"127.0.0.1:{port}"]
    with servers.serving("gunicorn", command, port, logs, settings, root=root) as server:
        one = Checkout(server, cluster, callers)
        one.heartbeats(load.SCRIPT, WARM_UP_SECONDS)
        seconds = WARM_UP_SECONDS
        # The first heartbeat of an agent takes longer than those that follow; wrk begins with the first site again.
        while database.value("SELECT count(*) FROM sites_sitepulse WHERE lease_expires_at IS NOT NULL") < SITES:
            one.heartbeats(load.AGENTS, seconds)
            seconds *= 2
        one.sign_in(password)
        yield one


def compare(old: Checkout, new: Checkout, *, rounds: int, seconds: float) -> None:
    ways = {
        "heartbeat of an agent": lambda each: each.heartbeats(load.AGENTS, seconds),
        "plain heartbeat": lambda each: each.heartbeats(load.SCRIPT, seconds),
        "lock": Checkout.locks,
    }
    for name, way in ways.items():
        found: dict[int, list[float]] = {id(old): [], id(new): []}
        for number in range(rounds):
            for each in (old, new) if number % 2 else (new, old):
                found[id(each)].append(way(each))
        before, after = (statistics.median(found[id(each)]) for each in (old, new))
        more = sorted(100 * (b / a - 1) for a, b in zip(found[id(old)], found[id(new)], strict=True))
        median = statistics.median(more)
        verdict = "met" if median < GOALS[name] else "MISSED"
        print(
            f"{name}: {before:.0f} µs, now {after:.0f} µs; median of the rounds {median:+.1f} %"
            f" ({more[0]:+.1f} to {more[-1]:+.1f}), goal below {GOALS[name]} %: {verdict}"
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, help="the other checkout")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=5)
    chosen = parser.parse_args()
    servers.clean_up_when_stopped()
    print(machine.describe("python -m benchmarks.against"))
    with (
        tempfile.TemporaryDirectory() as name,
        tempfile.TemporaryDirectory() as data,
        postgresql(Path(data)) as (url, pid),  # it does not wait for the disk: what the code costs stands out the more
    ):
        folder, cluster = Path(name), Cluster(Database(url), pid)
        with (
            checkout(chosen.folder.resolve(), "old", cluster, folder) as old,
            checkout(ROOT, "new", cluster, folder) as new,
        ):
            compare(old, new, rounds=chosen.rounds, seconds=chosen.seconds)


if __name__ == "__main__":
    main()

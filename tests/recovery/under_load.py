"""Back a server up under load, destroy its database, restore it elsewhere, and compare with what was acknowledged.

The tests do this with a few sites. With more sites and for longer:

    .venv/bin/python scripts/with_services.py .venv/bin/python -m tests.recovery.under_load --sites 300 --seconds 30
"""

import argparse
import itertools
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import psycopg
import pyotp
from psycopg import sql

from tests.databases import empty_postgresql, prepared_postgresql, prepared_sqlite
from tests.running_server import ADMIN, PASSWORD, Client, RunningServer, Site, register

SETTINGS = {"HEARTBEATS_PER_MINUTE": "10000"}
CALLERS, LOCKERS = 3, 2
# Adds an authenticator app with a code of the past, so that the present one is still unused; then a checkpoint of the audit.
PREPARE = """
import json
from django.utils import timezone
import pyotp
from accounts.models import Admin
from accounts.two_factor.services import add_totp
from audit.actors import COMMAND
from audit.chain import as_json
from audit.services import add_checkpoint
secret, at = pyotp.random_base32(), timezone.now()
code = pyotp.TOTP(secret).at(at, counter_offset=-1)
added = add_totp(Admin.objects.get().pk, secret, code=code, by=COMMAND, at=at)
checkpoint = as_json(add_checkpoint(at=at))
print(json.dumps({"secret": secret, "recovery_codes": added.recovery_codes, "checkpoint": checkpoint}))
"""


@dataclass
class Acknowledged:
    """The reasons of the locks of one site: each has a number, which only grows."""

    asked: int = 0
    given: list[tuple[float, int]] = field(default_factory=list)

    def before(self, moment: float) -> int:
        return max((number for at, number in self.given if at < moment), default=0)


@dataclass
class Outcome:
    """Of one run: figures, and what was lost."""

    file: Path
    heartbeats: int = 0
    locks: int = 0
    unavailable: int = 0
    backup_seconds: float = 0
    restore_seconds: float = 0
    slowest_heartbeat: float = 0
    lost: list[str] = field(default_factory=list)


class Load:
    """Heartbeats of all sites, and locks of every second one with ever new reasons."""

    def __init__(self, api: Client, sites: list[Site]) -> None:
        self.api, self.sites, self.stopped = api, sites, Event()
        self.locks = {site.site_id: Acknowledged() for site in sites[::2]}
        self.heartbeats, self.slowest, self.unavailable, self.wrong = 0, 0.0, 0, list[str]()

    def note(self, what: str, status: int) -> None:
        """503 is no reply: SQLite gives it to a writer that waits too long among many."""
        if status == 503:
            self.unavailable += 1
        elif status != 200:
            self.wrong.append(f"{what} got {status}")

    def call(self, worker: int) -> None:
        for site in itertools.cycle(self.sites[worker::CALLERS]):
            if self.stopped.is_set():
                return
            started = time.monotonic()
            answer = site.call_home()
            self.slowest = max(self.slowest, time.monotonic() - started)
            self.heartbeats += answer.status_code == 200
            self.note(site.site_id, answer.status_code)

    def lock(self, worker: int) -> None:
        client = Client(self.sites[0].server, **self.api.headers)
        for site_id in itertools.cycle(list(self.locks)[worker::LOCKERS]):
            if self.stopped.is_set():
                return
            of_site = self.locks[site_id]
            of_site.asked += 1
            answer = client.post(f"/api/sites/{site_id}/lock", {"reason": f"invoice {of_site.asked}"})
            if answer.status_code == 200:
                of_site.given.append((time.monotonic(), of_site.asked))
            self.note(f"the lock of {site_id}", answer.status_code)

    @contextmanager
    def running(self) -> Iterator[None]:
        with ThreadPoolExecutor(CALLERS + LOCKERS) as threads:
            done = [threads.submit(self.call, number) for number in range(CALLERS)]
            done += [threads.submit(self.lock, number) for number in range(LOCKERS)]
            try:
                yield
            finally:
                self.stopped.set()
            for each in done:
                each.result()


def manage(server: RunningServer, *arguments: str) -> str:
    done = server.manage(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def destroy(database_url: str) -> None:
    if database_url.startswith("sqlite"):
        for file in Path(database_url.removeprefix("sqlite:///")).parent.glob("portcullis.sqlite3*"):
            file.unlink()
        return
    base, _, name = database_url.rpartition("/")
    with psycopg.connect(f"{base}/postgres", autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def run(server: RunningServer, empty_url: str, *, sites: int, seconds: float) -> Outcome:
    """Leaves the restored server running, on the database of `empty_url`."""
    prepared = json.loads(manage(server, "shell", "-v", "0", "-c", PREPARE))
    recovery_codes = prepared["recovery_codes"]
    kept = server.folder / "checkpoints"
    kept.write_text(json.dumps(prepared["checkpoint"]))
    server.start()
    try:
        api = sign_in(server, recovery_codes[0])
        load = Load(api, [register(api, server, name=f"Site {number}") for number in range(sites)])
        with load.running():
            time.sleep(seconds / 2)
            began = time.monotonic()
            outcome = Outcome(Path(json.loads(manage(server, "backup", "--json"))["file"]))
            outcome.backup_seconds = time.monotonic() - began
            time.sleep(seconds / 2)
    finally:
        server.stop()
    outcome.heartbeats, outcome.slowest_heartbeat = load.heartbeats, load.slowest
    outcome.unavailable = load.unavailable
    outcome.locks = sum(len(each.given) for each in load.locks.values())
    destroy(server.database_url)
    server.environment["DATABASE_URL"] = empty_url
    restore_began = time.monotonic()
    manage(server, "restore", str(outcome.file))
    outcome.restore_seconds = time.monotonic() - restore_began
    manage(server, "verify_audit", "--kept", str(kept))
    server.start()
    outcome.lost = [
        *load.wrong,
        *lost_sites(load, began),
        *lost_sign_ins(server, api, prepared["secret"], recovery_codes),
    ]
    return outcome


def sign_in(server: RunningServer, code: str) -> Client:
    client = Client(server)
    answer = client.post("/api/auth/login", {"username": ADMIN, "password": PASSWORD, "otp": code})
    assert answer.status_code == 200, answer.text
    client.headers["Authorization"] = f"Bearer {answer.json()['access']}"
    return client


def lost_sites(load: Load, began: float) -> Iterator[str]:
    """Sites whose old key is refused, or whose lock from before the backup began is not in force."""
    for site in load.sites:
        answer = site.call_home()
        if answer.status_code != 200:
            yield f"{site.site_id} got {answer.status_code} with its old key"
            continue
        acknowledged = load.locks.get(site.site_id, Acknowledged())
        number = int((answer.json()["lock_reason"] or "invoice 0").split()[1])
        if not acknowledged.before(began) <= number <= acknowledged.asked or answer.json()["locked"] != (number > 0):
            yield f"{site.site_id} was locked for invoice {acknowledged.before(began)}, and is for {number}"


def lost_sign_ins(server: RunningServer, api: Client, secret: str, recovery_codes: list[str]) -> Iterator[str]:
    """Second factors that do not open any more, and what opens although it must not."""
    for name, code, expected in (
        ("a recovery code used before the backup", recovery_codes[0], 401),
        ("an unused recovery code", recovery_codes[1], 200),
        ("the authenticator app", pyotp.TOTP(secret).now(), 200),
    ):
        body = {"username": ADMIN, "password": PASSWORD, "otp": code}
        got = Client(server).post("/api/auth/login", body).status_code
        if got != expected:
            yield f"{name} got {got}"
    if api.get("/api/sites").status_code != 401:
        yield "a sign-in from before the restore has not ended"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sites", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=30)
    options = parser.parse_args()
    failed = False
    for kind in ("SQLite", "PostgreSQL"):
        with tempfile.TemporaryDirectory(prefix="portcullis-") as name:
            folder = Path(name)
            (folder / "other machine").mkdir()
            if kind == "SQLite":
                url = prepared_sqlite(folder, folder)
                empty = f"sqlite:///{folder / 'other machine' / 'portcullis.sqlite3'}"
            else:
                url = prepared_postgresql(os.environ["TEST_POSTGRES_URL"], folder)
                empty = empty_postgresql(os.environ["TEST_POSTGRES_URL"])
            server = RunningServer(url, folder, settings=SETTINGS | {"BACKUP_FOLDER": str(folder / "backups")})
            try:
                outcome = run(server, empty, sites=options.sites, seconds=options.seconds)
            finally:
                server.stop()
            print(
                f"{kind}: {options.sites} sites, {outcome.heartbeats} heartbeats and {outcome.locks} locks during"
                f" {options.seconds:.0f} s ({outcome.unavailable} answers 503); backup {outcome.backup_seconds:.1f} s"
                f" ({outcome.file.stat().st_size / 1e6:.1f} MB), slowest heartbeat {outcome.slowest_heartbeat:.2f} s;"
                f" restore {outcome.restore_seconds:.1f} s; lost: {outcome.lost or 'nothing'}"
            )
            failed = failed or bool(outcome.lost)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

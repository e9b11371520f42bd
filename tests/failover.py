"""A primary of PostgreSQL, its replica, and the product on both; the tests of fail-over use it.

    scripts/with_services.py python -m tests.failover [ROUNDS]

kills the primary under load, promotes the replica, and prints what was lost of that which was acknowledged: with a replica that
is waited for, with one that is not, and with one that was
cut off two seconds before. Then the primary only hangs, and comes back.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import requests

from scripts.with_services import postgresql, standby
from tests.databases import copied_postgresql
from tests.load import Load, lost, running_load
from tests.running_server import Client, RunningServer, Site, register

STANDBY = "standby"
MEASURED_SECONDS = 4
# PostgreSQL waits for the replica before it acknowledges a commit.
SYNCHRONOUS = {"synchronous_commit": "remote_apply", "synchronous_standby_names": STANDBY}


def at_port(url: str) -> int | None:
    return urlsplit(url).port


def signal_all(pid: int, number: signal.Signals) -> None:
    """Send a signal to PostgreSQL's first process and all its children, as if the machine stopped."""
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    for each in (pid, *map(int, listed.stdout.split())):
        try:
            os.kill(each, number)
        except ProcessLookupError:
            continue  # it ended by itself


@dataclass
class FailOver:
    server: RunningServer
    primary: str
    primary_pid: int
    replica: str
    replica_pid: int

    def wait_for_the_replica(self) -> None:
        """From now on a commit is acknowledged only when the replica has applied it."""
        with psycopg.connect(self.primary, autocommit=True) as connection:
            for name, value in SYNCHRONOUS.items():
                connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
            connection.execute("SELECT pg_reload_conf()")
            until(
                lambda: connection.execute("SELECT sync_state FROM pg_stat_replication").fetchone() == ("sync",),
                "the replica is synchronous",
            )

    def kill_primary(self) -> None:
        # Stopped first, so that no process of it goes on while the others are killed one by one.
        signal_all(self.primary_pid, signal.SIGSTOP)
        signal_all(self.primary_pid, signal.SIGKILL)

    @contextmanager
    def hanging_primary(self) -> Iterator[None]:
        signal_all(self.primary_pid, signal.SIGSTOP)
        try:
            yield
        finally:
            signal_all(self.primary_pid, signal.SIGCONT)

    def cut_replica_off(self) -> None:
        """As if the network between the two was gone: the replica receives nothing any more."""
        with psycopg.connect(self.replica, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET primary_conninfo = ''")
            connection.execute("SELECT pg_reload_conf()")
            receivers = "SELECT count(*) FROM pg_stat_wal_receiver"
            until(lambda: connection.execute(receivers).fetchone() == (0,), "the replica is cut off")

    def promote(self) -> None:
        with psycopg.connect(self.replica, autocommit=True) as connection:
            assert connection.execute("SELECT pg_promote()").fetchone() == (True,)

    def is_well(self) -> bool:
        return requests.get(f"{self.server.url}/health", timeout=5).status_code == 200

    @contextmanager
    def load(self) -> Iterator[Load]:
        with running_load(self.server.sign_in(), self.server, lambda: Client(self.server)) as load:
            yield load

    def lost(self, load: Load) -> list[tuple[str, str]]:
        """What was acknowledged and is not in the promoted database."""
        return lost(self.replica, load)

    def written_at(self, site: Site) -> int | None:
        """The port of the server that has the newest heartbeat of the site, which has just called."""
        assert site.call_home().status_code == 200
        counts = {}
        for url in (self.primary, self.replica):
            with psycopg.connect(url) as connection:
                statement = "SELECT count(*) FROM heartbeat_heartbeat WHERE site_id = %s"
                counts[at_port(url)] = connection.execute(statement, [site.site_id]).fetchone()
        return max(counts, key=lambda port: counts[port] or (0,))


def until(reached: Callable[[], bool], what: str, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.1)


@contextmanager
def running_failover(folder: Path, postgres_url: str) -> Iterator[FailOver]:
    with ExitStack() as stack:
        # PostgreSQL runs as another user, who cannot look into the folders of this one.
        folders = [Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="portcullis-"))) for _ in range(2)]
        first, primary_pid = stack.enter_context(postgresql(folders[0]))
        primary = copied_postgresql(postgres_url, first, folder)
        replica, replica_pid = stack.enter_context(standby(primary, folders[1], STANDBY))
        both = f"postgres://portcullis@127.0.0.1:{at_port(primary)},127.0.0.1:{at_port(replica)}/portcullis"
        settings = {"HEARTBEATS_PER_MINUTE": "10000", "LOG_LEVEL": "WARNING"}
        server = RunningServer(both, folder, settings=settings)
        server.start()
        stack.callback(server.stop)
        yield FailOver(server, primary, primary_pid, replica, replica_pid)


@contextmanager
def new_failover() -> Iterator[FailOver]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="portcullis-")))
        yield stack.enter_context(running_failover(folder, os.environ["TEST_POSTGRES_URL"]))


def measure(name: str, *, is_synchronous: bool, seconds_cut_off: float = 0) -> None:
    with new_failover() as failover:
        if is_synchronous:
            failover.wait_for_the_replica()
        with failover.load() as load:
            time.sleep(MEASURED_SECONDS)
            rate = len(load.acknowledged) / MEASURED_SECONDS
            if seconds_cut_off:
                failover.cut_replica_off()
                time.sleep(seconds_cut_off)
            failover.kill_primary()
            killed = time.monotonic()
            load.until_refused(5)
            failover.promote()
            promoted = time.monotonic()
            load.until_acknowledged(100)
            again = load.last_refusal_at
        print(
            f"{name}: {len(load.acknowledged)} acknowledged, {len(failover.lost(load))} of them lost; "
            f"refused {dict(load.refusals)}; promoted {promoted - killed:.1f} s after the end of the primary, "
            f"last refusal {again - killed:.1f} s after it; slowest answer {load.slowest_seconds:.1f} s; "
            f"{rate:.0f} acknowledged a second before",
            flush=True,
        )


def measure_a_primary_that_hangs() -> None:
    """The former primary comes back beside the promoted server, and takes writes as far as it knows."""
    with new_failover() as failover:
        site = register(failover.server.sign_in(), failover.server)
        with failover.hanging_primary():
            began = time.monotonic()
            failover.promote()
            until(failover.is_well, "well on the promoted server")
            well = time.monotonic() - began
            for _ in range(20):  # so that each process has met the promoted server
                until(lambda: site.call_home().status_code == 200, "a heartbeat")
        # Health probes open new connections.
        assert all(failover.is_well() for _ in range(10))
        strays = [port for port in (failover.written_at(site) for _ in range(20)) if port != at_port(failover.replica)]
        print(
            f"primary hangs, then comes back: well {well:.1f} s after the promotion; "
            f"{len(strays)} of 20 heartbeats written to the former primary",
            flush=True,
        )


def main() -> None:
    for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 1):
        measure("remote_apply", is_synchronous=True)
        measure("asynchronous", is_synchronous=False)
        measure("asynchronous, replica cut off for 2 s before", is_synchronous=False, seconds_cut_off=2)
        measure("remote_apply, replica cut off for 2 s before", is_synchronous=True, seconds_cut_off=2)
        measure_a_primary_that_hangs()


if __name__ == "__main__":
    main()

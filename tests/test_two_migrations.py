"""Two migrations that start at the same time: the second waits for the first, and both succeed."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from config.migration_lock import ADVISORY_LOCK
from tests.databases import prepared_postgresql
from tests.running_server import RunningServer

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

WITHIN_SECONDS = 60


@contextmanager
def locked(database_url: str) -> Iterator[None]:
    """As a migration that runs for long."""
    if database_url.startswith("sqlite:///"):
        folder = os.open(Path(database_url.removeprefix("sqlite:///")).parent, os.O_RDONLY)
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
        os.close(folder)
        return
    with psycopg.connect(database_url) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [ADVISORY_LOCK])
        yield


@pytest.fixture(params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, new_sqlite: Callable[[Path], str], tmp_path: Path) -> RunningServer:
    """A database that lacks the newest migration of one app."""
    if request.param == "sqlite":
        url = new_sqlite(tmp_path)
    else:
        url = prepared_postgresql(request.getfixturevalue("postgres_url"), tmp_path)
    server = RunningServer(url, tmp_path)
    assert server.manage("migrate", "idempotency", "zero", "--verbosity=0").returncode == 0
    return server


def test_two_migrations_at_once_run_one_after_the_other(server: RunningServer) -> None:
    with locked(server.database_url):
        both = [server.launch("manage.py", "migrate") for _ in range(2)]
        assert server.manage("migrate", "--check").returncode == 1, "to look does not wait"
        deadline = time.monotonic() + WITHIN_SECONDS
        while server.log.read_text().count("Another process migrates this database") < 2:
            assert time.monotonic() < deadline, "they do not wait"
            assert all(process.poll() is None for process in both), server.log.read_text()
            time.sleep(0.1)
    assert [process.wait(WITHIN_SECONDS) for process in both] == [0, 0], server.log.read_text()
    assert server.log.read_text().count("Applying idempotency.0001_initial") == 1

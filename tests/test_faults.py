"""What happens when the database or Redis is away or hangs, and that all comes back without a restart."""

import os
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest
import requests

from scripts.with_services import as_postgres, free_port, make_cluster, postgresql, postgresql_bin, redis
from tests.databases import copied_postgresql
from tests.faults.service import children
from tests.running_server import Client, RunningServer, Site, register

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=60)]

PATHS = ("/api/sites", "/api/auth/me")


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int, str, int]]:
    """A PostgreSQL and a Redis of our own, to be mistreated."""
    with ExitStack() as stack:
        # PostgreSQL runs as another user, who cannot look into pytest's folders.
        folder = Path(stack.enter_context(temporary_folder()))
        url, pid = stack.enter_context(postgresql(folder))
        redis_url, redis_pid = stack.enter_context(redis(tmp_path_factory.mktemp("redis")))
        yield url, pid, redis_url, redis_pid


def temporary_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="portcullis-")


@pytest.fixture(scope="module")
def server(
    services: tuple[str, int, str, int], tmp_path_factory: pytest.TempPathFactory, postgres_url: str
) -> Iterator[RunningServer]:
    url, _, redis_url, _ = services
    folder = tmp_path_factory.mktemp("server")
    running = RunningServer(copied_postgresql(postgres_url, url, folder), folder, redis_url=redis_url)
    running.start()
    yield running
    running.stop()


@contextmanager
def hanging(pid: int) -> Iterator[None]:
    """Stopped in mid-air: connections are accepted by the kernel and never answered."""
    stopped = [pid, *children(pid)]  # of PostgreSQL, its first process and the others
    for each in stopped:
        os.kill(each, signal.SIGSTOP)
    try:
        yield
    finally:
        for each in stopped:
            os.kill(each, signal.SIGCONT)


def timed(call: Callable[[], requests.Response]) -> tuple[requests.Response, float]:
    started = time.monotonic()
    return call(), time.monotonic() - started


def assert_unavailable(answer: requests.Response, took: float) -> None:
    assert (answer.status_code, answer.headers["Content-Type"]) == (503, "application/problem+json"), answer.text
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.json()["code"] == "unavailable"
    assert took < 5


def eventually(check: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "did not recover"
        time.sleep(0.2)


def assert_well_again(server: RunningServer, site: Site) -> None:
    eventually(lambda: requests.get(f"{server.url}/health", timeout=5).status_code == 200)
    # Every thread has a connection of its own, and each must find out for itself.
    for _ in range(20):
        assert site.call_home().status_code == 200


def test_a_hanging_database_gives_503_in_time_and_recovers(
    server: RunningServer, services: tuple[str, int, str, int]
) -> None:
    api = server.sign_in()
    site = register(api, server)
    site.call_home()
    with hanging(services[1]):
        for path in PATHS:
            assert_unavailable(*timed(lambda path=path: api.get(path)))  # type: ignore[misc]
        assert_unavailable(*timed(site.call_home))
        health, took = timed(lambda: requests.get(f"{server.url}/health", timeout=5))
        assert (health.status_code, health.json()["status"]) == (503, "unavailable")
        assert took < 2
        assert requests.get(f"{server.url}/health/live", timeout=2).status_code == 200
        page, took = timed(lambda: requests.get(f"{server.url}/admin/", timeout=10, allow_redirects=True))
        assert page.status_code in (200, 503)
        assert took < 6
    assert_well_again(server, site)


def test_a_lock_that_is_held_for_long_gives_503_and_not_a_hang(server: RunningServer) -> None:
    api = server.sign_in()
    site = register(api, server)
    with psycopg.connect(server.database_url) as other:
        other.execute("SELECT 1 FROM sites_site WHERE site_id = %s FOR UPDATE", [site.site_id])
        path = f"/api/sites/{site.site_id}/lock"
        assert_unavailable(*timed(lambda: api.post(path, {"reason": "unpaid"})))
        assert site.call_home().status_code == 200, "a heartbeat does not wait for the site's row"
    assert api.post(path, {"reason": "unpaid"}).status_code == 200


def test_a_database_that_hangs_after_a_key_was_claimed_gives_503_in_time(
    server: RunningServer, services: tuple[str, int, str, int]
) -> None:
    """The claim of the Idempotency-Key is not released then: to connect once more would make the response late."""
    api = server.sign_in()
    path = f"/api/sites/{register(api, server).site_id}/extend"
    key = {"Idempotency-Key": "extended-while-it-hangs"}
    with psycopg.connect(server.database_url) as other:
        other.execute("SELECT 1 FROM sites_site FOR UPDATE")
        with ThreadPoolExecutor() as pool:
            extending = pool.submit(lambda: timed(lambda: api.send("POST", path, {"days": 1}, **key)))
            eventually(lambda: is_claimed(server.database_url, key["Idempotency-Key"]))
            with hanging(services[1]):
                assert_unavailable(*extending.result())
    assert api.send("POST", path, {"days": 1}, **key).status_code == 409
    assert api.post(path, {"days": 1}).status_code == 200


def is_claimed(url: str, key: str) -> bool:
    with psycopg.connect(url) as connection:
        query = "SELECT 1 FROM idempotency_idempotentrequest WHERE key = %s AND status IS NULL"
        return connection.execute(query, [key]).fetchone() is not None


def test_a_database_that_was_stopped_gives_503_and_recovers_without_a_restart(
    tmp_path: Path, postgres_url: str
) -> None:
    with temporary_folder() as name:
        folder = Path(name)
        port = free_port()
        make_cluster(folder)
        with running_postgres(folder, port):
            url = copied_postgresql(postgres_url, f"postgres://portcullis@127.0.0.1:{port}/postgres", tmp_path)
            server = RunningServer(url, tmp_path)
            server.start()
            try:
                api = server.sign_in()
                site = register(api, server)
            except BaseException:
                server.stop()
                raise
        try:
            assert_unavailable(*timed(lambda: api.get("/api/sites")))
            assert_unavailable(*timed(site.call_home))
            health, took = timed(lambda: requests.get(f"{server.url}/health", timeout=5))
            assert health.status_code == 503
            assert took < 2
            assert server.manage("list_sites").stderr.startswith("CommandError: The database does not answer")
            with running_postgres(folder, port):
                assert_well_again(server, site)
                assert api.get("/api/sites").status_code == 200
        finally:
            server.stop()


@contextmanager
def running_postgres(folder: Path, port: int) -> Iterator[None]:
    command = [postgresql_bin() / "pg_ctl", "-D", folder / "data", "-w", "-s", "-l", folder / "log"]
    options = ["-o", f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"]
    subprocess.run([*command, *options, "start"], check=True, **as_postgres(folder))  # type: ignore[call-overload]
    try:
        yield
    finally:
        subprocess.run([*command, "-m", "fast", "stop"], check=True, **as_postgres(folder))  # type: ignore[call-overload]


def test_a_redis_that_hangs_or_is_gone_fails_no_request(
    server: RunningServer, services: tuple[str, int, str, int]
) -> None:
    site = register(server.sign_in(), server)
    with hanging(services[3]):
        wrong, took = timed(lambda: site.call_home(key="psk_wrong"))
        assert (wrong.status_code, wrong.json()["code"]) == (401, "invalid_site_credentials")
        assert took < 3
        assert site.call_home().status_code == 200
        login = Client(server).post("/api/auth/login", {"username": "anna", "password": "wrong"})
        assert login.status_code == 401
    assert any(entry["logger"] == "portcullis.redis" for entry in server.log_entries()), "the fault is logged"


def test_a_locked_sqlite_file_gives_503_in_time(tmp_path: Path, new_sqlite: Callable[[Path], str]) -> None:
    server = RunningServer(new_sqlite(tmp_path), tmp_path)
    server.start()
    try:
        api = server.sign_in()
        site = register(api, server)
        hog = sqlite3.connect(tmp_path / "portcullis.sqlite3", isolation_level=None)
        hog.execute("BEGIN IMMEDIATE")
        assert_unavailable(*timed(lambda: api.post(f"/api/sites/{site.site_id}/lock", {"reason": "unpaid"})))
        assert api.get("/api/sites").status_code == 200, "reading goes on"
        hog.execute("ROLLBACK")
        hog.close()
        assert api.post(f"/api/sites/{site.site_id}/lock", {"reason": "unpaid"}).status_code == 200
    finally:
        server.stop()

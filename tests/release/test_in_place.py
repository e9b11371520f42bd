"""gunicorn is told to start its workers again (HUP) or to start itself again (USR2) under load."""

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import requests

from tests.databases import prepared_postgresql
from tests.load import Load, lost, running_load
from tests.nginx import SETTINGS_BEHIND_NGINX, NginxInFront
from tests.release.server import ReleasedServer, until
from tests.running_server import ADMIN, PASSWORD, ROOT, Client, register
from tests.test_container import copy_of_the_tree

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

with_much_time = pytest.mark.skipif(
    "RELEASE_SECONDS" not in os.environ, reason="takes long: `make test-release` runs it"
)
GRACEFUL_SECONDS = 2
LOCK_HELD_SECONDS = 2.5  # less than the timeout of a statement


@pytest.fixture
def server(tmp_path: Path, postgres_url: str, request: pytest.FixtureRequest) -> Iterator[ReleasedServer]:
    settings = SETTINGS_BEHIND_NGINX | {"HTTPS_ONLY": "false", "HEARTBEATS_PER_MINUTE": "10000"}
    running = ReleasedServer(
        prepared_postgresql(postgres_url, tmp_path),
        tmp_path,
        settings=settings | getattr(request, "param", {}),
        root=tmp_path / "current",
    )
    running.point_to(ROOT)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def nginx(server: ReleasedServer, tmp_path: Path) -> Iterator[NginxInFront]:
    (tmp_path / "nginx").mkdir()
    with NginxInFront([server.port], tmp_path / "nginx") as running:
        yield running


@contextmanager
def locked_row(server: ReleasedServer, site_id: str) -> Iterator[Callable[[], None]]:
    """Another transaction holds the row of the site: a request that changes the site waits for it."""
    with psycopg.connect(server.database_url) as other:
        other.execute("SELECT 1 FROM sites_site WHERE site_id = %s FOR UPDATE", [site_id])
        yield other.rollback


class SlowLock:
    """A lock of a site that is sent through nginx and waits for the row."""

    def __init__(self, client: Client, site_id: str) -> None:
        self.path, self.client = f"/api/sites/{site_id}/lock", client
        self.answer: requests.Response | None = None
        self.thread = threading.Thread(target=self.send)
        self.thread.start()
        time.sleep(0.5)  # until a worker has it

    def send(self) -> None:
        self.answer = self.client.post(self.path, {"reason": "unpaid"})

    def status(self) -> int:
        self.thread.join()
        assert self.answer is not None
        return self.answer.status_code


def assert_nothing_failed(load: Load, server: ReleasedServer) -> None:
    assert (dict(load.refusals), dict(load.failed_reads)) == ({}, {})
    assert lost(server.database_url, load) == []


def renew_workers(server: ReleasedServer) -> None:
    before = set(server.workers())
    os.kill(server.pid, signal.SIGHUP)
    until(lambda: len(server.workers()) == 2 and not before & set(server.workers()), "new workers alone")


def test_no_request_fails_while_workers_are_renewed_and_one_of_them_is_slow(
    server: ReleasedServer, nginx: NginxInFront
) -> None:
    api = nginx.sign_in()
    site = register(api, nginx)
    with running_load(api, nginx, nginx.client) as load:
        load.until_acknowledged(50)
        with locked_row(server, site.site_id) as release_row:
            slow = SlowLock(nginx.sign_in(), site.site_id)
            timer = threading.Timer(LOCK_HELD_SECONDS - 0.5, release_row)
            timer.start()
            renew_workers(server)
            assert slow.status() == 200
        load.until_acknowledged(50)
    assert_nothing_failed(load, server)


HANGING = {"GUNICORN_CMD_ARGS": f"--graceful-timeout {GRACEFUL_SECONDS}", "DATABASE_STATEMENT_TIMEOUT_MS": "60000"}


@with_much_time
@pytest.mark.parametrize("server", [HANGING], indirect=True)
def test_a_request_that_outlasts_graceful_timeout_is_ended_with_the_server_and_changes_nothing(
    server: ReleasedServer, nginx: NginxInFront
) -> None:
    site = register(nginx.sign_in(), nginx)
    with locked_row(server, site.site_id):
        slow = SlowLock(nginx.sign_in(), site.site_id)
        began = time.monotonic()
        server.stop()
        assert GRACEFUL_SECONDS <= time.monotonic() - began < GRACEFUL_SECONDS + 10
        assert slow.status() == 502
    server.start()
    events = nginx.sign_in().get(f"/api/sites/{site.site_id}/events").json()["results"]
    assert [event["action"] for event in events] == ["registered"]


@with_much_time
def test_a_second_gunicorn_takes_over_from_another_folder(
    server: ReleasedServer, nginx: NginxInFront, tmp_path: Path
) -> None:
    other = copy_of_the_tree(tmp_path / "other")
    server.point_to(other)
    renew_workers(server)
    assert server.serving_folders() == {ROOT}, "HUP keeps the release"
    with running_load(nginx.sign_in(), nginx, nginx.client) as load:
        load.until_acknowledged(50)
        server.upgrade_in_place()
        assert server.serving_folders() == {other}
        load.until_acknowledged(50)
    assert_nothing_failed(load, server)


def test_a_second_gunicorn_that_cannot_start_leaves_the_first_one_serving(
    server: ReleasedServer, nginx: NginxInFront, tmp_path: Path
) -> None:
    broken = copy_of_the_tree(tmp_path / "broken")
    (broken / "config/settings.py").write_text("raise ImportError('a broken release')")
    server.point_to(broken)
    first = server.pid
    os.kill(first, signal.SIGUSR2)
    until(lambda: "a broken release" in server.log.read_text(), "the second one has failed")
    # What a process imports only when it is needed comes from its own release, although the link has moved.
    shutil.rmtree(broken)
    login = nginx.client().post("/api/auth/login", {"username": ADMIN, "password": PASSWORD})
    assert login.status_code == 200, login.text
    until(lambda: len(server.workers()) == 2, "the second one has ended")
    assert (server.pid, server.serving_folders()) == (first, {ROOT})

"""Lists that are read from a replica: real streaming replication, with a replay that is paused to force a lag."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from django.db import ConnectionHandler

from config import replica
from config.replica import PRIMARY, REPLICA, ReplicaState
from scripts.with_services import postgresql, standby
from tests.databases import copied_postgresql
from tests.panel_session import PanelSession
from tests.running_server import RunningServer, register
from tests.test_faults import eventually, hanging, temporary_folder

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=30)]

PANEL_PAGES = ("/admin/", "/admin/sites/site/", "/admin/audit/event/", "/admin/heartbeat/heartbeat/")
LISTS = ("/api/sites", "/api/sites?status=online", "/api/sites?ordering=-last_seen_at&search=roma")


@dataclass
class Replicated:
    """A primary with its replica, and the product on both."""

    server: RunningServer
    primary: str
    replica: str
    replica_pid: int

    @contextmanager
    def paused(self) -> Iterator[None]:
        """The replica receives the log and does not replay it: it gets older and older."""
        with psycopg.connect(self.replica, autocommit=True) as connection:
            connection.execute("SELECT pg_wal_replay_pause()")
            eventually(
                lambda: connection.execute("SELECT pg_get_wal_replay_pause_state()").fetchone() == ("paused",)  # type: ignore[comparison-overlap]
            )
            try:
                yield
            finally:
                connection.execute("SELECT pg_wal_replay_resume()")


@pytest.fixture(scope="module")
def replicated(tmp_path_factory: pytest.TempPathFactory, postgres_url: str) -> Iterator[Replicated]:
    with ExitStack() as stack:
        folders = [Path(stack.enter_context(temporary_folder())) for _ in range(2)]
        url, _ = stack.enter_context(postgresql(folders[0]))
        primary = copied_postgresql(postgres_url, url, tmp_path_factory.mktemp("template"))
        replica, pid = stack.enter_context(standby(primary, folders[1]))
        settings = {"DATABASE_REPLICA_URL": replica, "WEB_CONCURRENCY": "1", "LOG_LEVEL": "INFO"}
        server = RunningServer(primary, tmp_path_factory.mktemp("server"), settings=settings)
        server.start()
        stack.callback(server.stop)
        yield Replicated(server, primary, replica, pid)


@pytest.fixture
def api(replicated: Replicated) -> Any:
    """Signed in, with the replica in use again after an earlier test."""
    client = replicated.server.sign_in()
    eventually(lambda: reads_from_replica(replicated, lambda: client.get("/api/sites")), seconds=20)
    return client


def reads_from_replica(replicated: Replicated, read: Any) -> bool:
    """Whether the replica got a statement besides the question how far it is."""
    with psycopg.connect(replicated.replica, autocommit=True) as watcher:
        before = last_statement_at(watcher)
        read()
        return last_statement_at(watcher) != before


def last_statement_at(watcher: psycopg.Connection[Any]) -> Any:
    return watcher.execute(
        "SELECT max(query_start) FROM pg_stat_activity"
        " WHERE backend_type = 'client backend' AND application_name = '' AND pid <> pg_backend_pid() AND query !~ 'replay_lsn'"
    ).fetchone()


def test_lists_are_read_from_the_replica_and_nothing_else_is(replicated: Replicated, api: Any) -> None:
    site = register(api, replicated.server)
    site.call_home()
    for path in (*LISTS, f"/api/sites/{site.site_id}/events", f"/api/sites/{site.site_id}/heartbeats"):
        assert reads_from_replica(replicated, lambda path=path: api.get(path)), path
    panel = PanelSession(replicated.server)
    for path in PANEL_PAGES:
        assert reads_from_replica(replicated, lambda path=path: panel.send("GET", path)), path
        assert panel.send("GET", path).status_code == 200
    lock = {"reason": "unpaid"}
    for name, call in {
        "the page of a site, with its form": lambda: panel.send("GET", f"/admin/sites/site/{site.site_id}/change/"),
        "a heartbeat": site.call_home,
        "a sign-in": replicated.server.sign_in,
        "who am I": lambda: api.get("/api/auth/me"),
        "one site with its revision": lambda: api.get(f"/api/sites/{site.site_id}"),
        "a lock": lambda: api.post(f"/api/sites/{site.site_id}/lock", lock),
        "a change": lambda: api.send("PATCH", f"/api/sites/{site.site_id}", {"name": "Roma"}),
    }.items():
        assert not reads_from_replica(replicated, call), name


def test_a_list_shows_what_was_written_a_moment_before(replicated: Replicated, api: Any) -> None:
    site = register(api, replicated.server, name="Read My Writes")
    for number in range(30):
        reason = f"reason {number}"
        assert api.post(f"/api/sites/{site.site_id}/lock", {"reason": reason}).status_code == 200
        (found,) = api.get("/api/sites?search=read my writes").json()["results"]
        assert found["lock_reason"] == reason


def test_a_replica_that_lags_is_not_read(replicated: Replicated, api: Any) -> None:
    site = register(api, replicated.server, name="Lagging")
    with replicated.paused():
        assert api.post(f"/api/sites/{site.site_id}/lock", {"reason": "unpaid"}).status_code == 200
        for _ in range(5):
            began = time.monotonic()
            (found,) = api.get("/api/sites?search=lagging").json()["results"]
            assert found["is_locked"]
            assert time.monotonic() - began < 1
        with psycopg.connect(replicated.replica) as connection:
            assert connection.execute("SELECT is_locked FROM sites_site WHERE name = 'Lagging'").fetchone() == (False,)
    eventually(lambda: reads_from_replica(replicated, lambda: api.get("/api/sites")), seconds=20)


def test_a_replica_that_hangs_costs_one_request_a_second_and_no_answer(replicated: Replicated, api: Any) -> None:
    site = register(api, replicated.server, name="Hanging")
    slow = 0
    with hanging(replicated.replica_pid):
        for _ in range(10):
            began = time.monotonic()
            answer = api.get("/api/sites?search=hanging")
            took = time.monotonic() - began
            assert (answer.status_code, answer.json()["count"]) == (200, 1)
            assert took < 5
            slow += took > 0.5
            assert site.call_home().status_code == 200
    assert slow <= 2
    entries = [entry for entry in replicated.server.log_entries() if entry["logger"] == "portcullis.replica"]
    assert any("read from the primary" in entry["message"] for entry in entries)


def test_a_replica_of_the_former_primary_is_not_read_although_it_is_further_in_the_log(
    monkeypatch: pytest.MonkeyPatch, django_db_blocker: Any
) -> None:
    """Two replicas; one is promoted, and follows no more what the former primary still writes."""
    with ExitStack() as stack:
        folders = [Path(stack.enter_context(temporary_folder())) for _ in range(4)]
        former, _ = stack.enter_context(postgresql(folders[0]))
        promoted, stray, follower = (stack.enter_context(standby(former, folder))[0] for folder in folders[1:])
        source = f"host=127.0.0.1 port={urlsplit(promoted).port} user=portcullis"
        execute(follower, f"ALTER SYSTEM SET primary_conninfo = '{source}'", "SELECT pg_reload_conf()")
        execute(promoted, "SELECT pg_promote()", "CREATE TABLE after_the_promotion ()")
        execute(former, "CREATE TABLE lost AS SELECT generate_series(1, 10000)")
        eventually(lambda: execute(stray, "SELECT to_regclass('lost')") == "lost")
        eventually(lambda: execute(follower, "SELECT to_regclass('after_the_promotion')") == "after_the_promotion")
        # Its own checkpoint, the first of the new timeline; by itself it makes one within `checkpoint_timeout`, 5 minutes.
        execute(promoted, "CHECKPOINT")
        eventually(lambda: execute(follower, "CHECKPOINT", "SELECT timeline_id FROM pg_control_checkpoint()") == 2)
        for url, chosen in ((stray, PRIMARY), (follower, REPLICA)):
            handler = ConnectionHandler({PRIMARY: database_at(promoted), REPLICA: database_at(url)})
            monkeypatch.setattr(replica, "connections", handler)
            monkeypatch.setattr(replica, "state", ReplicaState())
            # A test with a browser may have left its event loop in this process.
            monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
            with django_db_blocker.unblock():
                assert replica.choose() == chosen
                handler.close_all()


def execute(url: str, *statements: str) -> Any:
    """The first value of the last one."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(statement)
        row = cursor.fetchone() if cursor.description else None
    return row[0] if row else None


def database_at(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    where = {"HOST": parts.hostname, "PORT": parts.port, "USER": parts.username, "NAME": parts.path[1:]}
    return {"ENGINE": "config.postgresql", **where}


def test_a_replica_whose_connections_are_cut_all_the_time_fails_no_page(replicated: Replicated, api: Any) -> None:
    register(api, replicated.server, name="Cut Off")
    ends = time.monotonic() + 1
    with psycopg.connect(replicated.replica, autocommit=True) as connection, ThreadPoolExecutor(1) as background:

        def cut() -> None:
            while time.monotonic() < ends:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
                )

        cutting = background.submit(cut)
        while time.monotonic() < ends:
            answer = api.get("/api/sites?search=cut off")
            assert (answer.status_code, answer.json()["count"]) == (200, 1)
        cutting.result()

"""Behind PgBouncer, which hands out connections by transaction: two statements of one thread may meet two sessions."""

import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from scripts.with_services import as_postgres, free_port, running
from tests.databases import empty_postgresql
from tests.doorbell import doorbell_of, wait_until
from tests.running_server import RunningServer, register
from tests.test_faults import temporary_folder

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=30)]

SESSIONS = 2


@pytest.fixture(scope="module")
def direct_url(postgres_url: str) -> str:
    return empty_postgresql(postgres_url)


@pytest.fixture(scope="module")
def pooled_url(direct_url: str) -> Iterator[str]:
    url, port = urlsplit(direct_url), free_port()
    program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
    with temporary_folder() as name:
        folder = Path(name)
        (folder / "users").write_text(f'"{url.username}" ""\n')
        (folder / "pgbouncer.ini").write_text(
            f"[databases]\n* = host={url.hostname} port={url.port}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            f"admin_users = {url.username}\nauth_type = trust\nauth_file = {folder / 'users'}\n"
            f"pool_mode = transaction\ndefault_pool_size = {SESSIONS}\n"
        )
        options: dict[str, Any] = as_postgres(folder)
        if "user" in options:
            for path in (folder, *folder.iterdir()):
                shutil.chown(path, "postgres")
        with running([program, str(folder / "pgbouncer.ini")], port, folder / "log", **options):
            yield f"postgres://{url.username}@127.0.0.1:{port}{url.path}"


@pytest.fixture(scope="module")
def server(pooled_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    settings = {"DATABASE_PREPARED_STATEMENTS": "false", "DATABASE_STATEMENT_TIMEOUT_MS": "0"}
    started = RunningServer(pooled_url, tmp_path_factory.mktemp("server"), settings=settings)
    started.set_up()
    started.start()
    yield started
    started.stop()


def test_sixteen_threads_share_two_sessions(server: RunningServer, pooled_url: str) -> None:
    api = server.sign_in()
    sites = [register(api, server, name=f"Site {number}") for number in range(8)]
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda number: sites[number % 8].call_home(), range(160)))
    assert {answer.status_code for answer in answers} == {200}
    listed = api.get("/api/sites?status=online&ordering=-last_seen_at").json()
    assert listed["count"] == 8
    assert len(api.get(f"/api/sites/{sites[0].site_id}/heartbeats").json()["results"]) == 20
    assert not [entry for entry in server.log_entries() if entry["level"] == "ERROR"]
    with psycopg.connect(pooled_url.rpartition("/")[0] + "/pgbouncer", autocommit=True) as console:
        cursor = psycopg.ClientCursor(console)
        columns = cursor.execute("SHOW CONFIG").description
        assert columns is not None
        assert ("pool_mode", "transaction") in {row[:2] for row in cursor.fetchall()}


def test_commands_go_through_the_pooler_too(server: RunningServer) -> None:
    listed = server.manage("list_sites", "--json")
    assert (listed.returncode, listed.stderr) == (0, "")


def test_a_doorbell_behind_the_pooler_asks_and_says_so(server: RunningServer) -> None:
    """PgBouncer accepts LISTEN, and no notification ever comes."""
    api = server.sign_in()
    site = register(api, server)
    with doorbell_of(server) as doorbell:
        waiting = doorbell.wait_for(site, 1)
        time.sleep(1)
        assert api.post(f"/api/sites/{site.site_id}/lock", {"reason": "unpaid"}).ok
        assert waiting.result(10)[0].json() == {"revision": 2}
        wait_until(lambda: "set DOORBELL_DATABASE_URL" in doorbell.log.read_text(), 30)
        assert doorbell.is_healthy()


def test_a_doorbell_listens_past_the_pooler(server: RunningServer, direct_url: str) -> None:
    api = server.sign_in()
    site = register(api, server)
    before = listening_sessions(direct_url)  # of the pooler, from a doorbell that listened through it
    with doorbell_of(server, DOORBELL_DATABASE_URL=direct_url) as doorbell:
        waiting = doorbell.wait_for(site, 1)
        time.sleep(1)
        assert api.post(f"/api/sites/{site.site_id}/lock", {"reason": "unpaid"}).ok
        assert waiting.result(10)[0].json() == {"revision": 2}
        assert len(listening_sessions(direct_url) - before) == 1


def listening_sessions(url: str) -> set[int]:
    """The process ids of the sessions of doorbells; web processes go on to another channel."""
    with psycopg.connect(url, autocommit=True) as connection:
        sessions = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        listening = f"{sessions} AND query = 'LISTEN portcullis_site_changed'"
        return {pid for (pid,) in connection.execute(listening)}

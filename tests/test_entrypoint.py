"""The container's entrypoint, run from this folder: what starts a server, what only reports, and what it says meanwhile.

tests/test_container.py runs it from the built folder on a read-only root.
"""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from scripts.with_services import free_port, postgresql_bin
from tests.databases import empty_postgresql
from tests.running_server import ROOT
from tests.test_container import production
from tests.test_database_roles import as_role, drop_roles, psql

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=70)]

ENTRYPOINT = ROOT / "scripts/container/entrypoint.sh"


def settings(folder: Path, **extra: str) -> dict[str, str]:
    """Production on an empty database, with this Python if the folder has no virtual environment."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    database = {"DATABASE_URL": f"sqlite:///{folder}/new.sqlite3", "ENV_FILE": "/dev/null", "PATH": path}
    return production(free_port(), **database | extra)


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ENTRYPOINT, *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_security_txt_that_has_expired_is_reported_and_stops_no_server(tmp_path: Path) -> None:
    contact = {"SECURITY_CONTACT": "mailto:security@example.com", "SECURITY_TXT_EXPIRES": "2020-01-01T00:00:00Z"}
    environment = settings(tmp_path, **contact)
    checked = run(environment, "check")
    assert checked.returncode == 1
    assert "portcullis.W001" in checked.stderr

    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen([ENTRYPOINT, "serve"], env=environment, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + 60
        while not answers(f"http://{environment['BIND']}/health/live"):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(40)
    assert "portcullis.W001" in log.read_text()


@pytest.fixture(scope="module")
def roles(postgres_url: str) -> Iterator[tuple[dict[str, str], dict[str, str], str]]:
    """The settings of the owner of a new database and of the role that runs Portcullis, and the name of that role."""
    url, suffix = empty_postgresql(postgres_url), uuid.uuid4().hex[:8]
    owner, app = f"owner_{suffix}", f"app_{suffix}"
    psql(url, "postgresql_roles.sql", owner=owner, app=app)
    path = f"{postgresql_bin()}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = production(free_port(), ENV_FILE="/dev/null", PATH=path)
    yield environment | {"DATABASE_URL": as_role(url, owner)}, environment | {"DATABASE_URL": as_role(url, app)}, app
    drop_roles(url, owner, app)


def test_migrating_makes_the_first_signing_key_and_only_that(
    roles: tuple[dict[str, str], dict[str, str], str],
) -> None:
    as_owner, as_app, app = roles
    assert run(as_owner, "migrate").stderr == ""
    for _ in range(2):
        migrated = run(as_owner, "migrate-and-grant", app)
        assert migrated.returncode == 0, migrated.stderr
        listed = json.loads(run(as_app, "list_signing_keys", "--json").stdout)
        assert [key["state"] for key in listed["results"]] == ["signing"]
    assert json.loads(run(as_app, "create_signing_key", "--json").stdout)["state"] == "published"


def test_waiting_ends_once_the_role_has_its_rights_on_new_tables(
    roles: tuple[dict[str, str], dict[str, str], str], tmp_path: Path
) -> None:
    as_owner, as_app, app = roles
    log = tmp_path / "log"
    assert run(as_owner, "migrate-and-grant", app).returncode == 0
    with psycopg.connect(as_owner["DATABASE_URL"]) as connection:  # as a migration leaves a new table
        connection.execute(sql.SQL("REVOKE ALL ON heartbeat_heartbeat FROM {}").format(sql.Identifier(app)))

    with log.open("wb") as output:
        waiting = subprocess.Popen([ENTRYPOINT, "wait-for-migrations"], env=as_app, stderr=output)
    try:
        wait_until(lambda: "lacks rights on: heartbeat_heartbeat." in log.read_text())
        assert waiting.poll() is None
        assert run(as_owner, "migrate-and-grant", app).returncode == 0
        assert waiting.wait(60) == 0
    finally:
        waiting.kill()
    lines = log.read_text().splitlines()
    assert all(line.startswith("Waiting until the database is up to date. ") for line in lines), lines
    with psycopg.connect(as_app["DATABASE_URL"]) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("DELETE FROM audit_event")


def test_waiting_says_why(tmp_path: Path) -> None:
    for url, reason in (
        (f"postgres://nobody@127.0.0.1:{free_port()}/none", "Connection refused"),
        (f"sqlite:///{tmp_path}/new.sqlite3", "Migrations are missing."),
    ):
        log = tmp_path / "log"
        with log.open("wb") as output:
            waiting = subprocess.Popen(
                [ENTRYPOINT, "wait-for-migrations"], env=settings(tmp_path, DATABASE_URL=url), stderr=output
            )
        try:
            wait_until(lambda log=log, reason=reason: reason in log.read_text())
        finally:
            waiting.kill()
            waiting.wait()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False

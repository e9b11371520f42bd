"""The product runs with a role that can only add to the audit: deploy/postgresql_roles.sql and deploy/postgresql_grants.sql."""

import json
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from scripts.with_services import postgresql_bin
from tests.databases import empty_postgresql
from tests.running_server import PASSWORD, ROOT, RunningServer, register

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=60)]


def psql(url: str, file: str, **variables: str) -> None:
    options = [option for name, value in variables.items() for option in ("-v", f"{name}={value}")]
    subprocess.run(
        [postgresql_bin() / "psql", "-q", "-v", "ON_ERROR_STOP=1", *options, "-f", ROOT / "deploy" / file, url],
        check=True,
    )


def as_role(url: str, role: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{role}@{rest.partition('@')[2]}"


def drop_roles(url: str, *roles: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for role in roles:
            connection.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(sql.Identifier(role)))
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


@pytest.fixture(scope="module")
def roles(postgres_url: str) -> Iterator[tuple[str, str]]:
    """The URLs of a new database for its owner and for the product."""
    url, suffix = empty_postgresql(postgres_url), uuid.uuid4().hex[:8]
    owner, app = f"owner_{suffix}", f"app_{suffix}"
    psql(url, "postgresql_roles.sql", owner=owner, app=app)
    yield as_role(url, owner), as_role(url, app)
    drop_roles(url, owner, app)


@pytest.fixture(scope="module")
def server(roles: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    owner_url, app_url = roles
    folder = tmp_path_factory.mktemp("server")
    RunningServer(owner_url, folder).set_up()
    psql(owner_url, "postgresql_grants.sql", app=app_url.partition("://")[2].partition("@")[0])
    running = RunningServer(app_url, folder, settings={"WEB_CONCURRENCY": "1"})
    running.start()
    yield running
    running.stop()


def test_the_lesser_role_can_back_everything_up(server: RunningServer, roles: tuple[str, str]) -> None:
    dump = subprocess.run([postgresql_bin() / "pg_dump", "-Fc", roles[1]], capture_output=True, check=False)
    assert dump.returncode == 0, dump.stderr


def test_the_product_works_with_the_lesser_role(server: RunningServer) -> None:
    api = server.sign_in()
    site = register(api, server)
    assert site.call_home().status_code == 200
    assert api.post(f"/api/sites/{site.site_id}/lock", {"reason": "unpaid"}).status_code == 200
    assert api.post(f"/api/sites/{site.site_id}/rotate-key", {}).status_code == 200
    assert api.send("DELETE", f"/api/sites/{site.site_id}").status_code == 204
    for command in (["prune"], ["checkpoint_audit", "--json"], ["verify_audit"], ["check", "--deploy"]):
        done = server.manage(*command)
        assert done.returncode == 0, done.stderr
    assert json.loads(server.manage("list_sites", "--json").stdout)["count"] == 0
    assert "belongs to another role" in server.manage("partition_history").stderr


def test_the_lesser_role_has_the_rights_of_the_doorbell(server: RunningServer) -> None:
    asked = """
import uuid
from doorbell.lookups import Caller, notify, revisions_by_key, revisions_of
from heartbeat.failures import count_failure
print(revisions_by_key([Caller(uuid.uuid4(), ("0" * 64,))]), revisions_of([uuid.uuid4()]))
notify("probe")
count_failure("198.51.100.1")
"""
    done = server.manage("shell", "--verbosity=0", "-c", asked)
    assert (done.returncode, done.stdout) == (0, "{} {}\n"), done.stderr


def test_the_lesser_role_erases_a_site_and_no_more(server: RunningServer) -> None:
    """It may set one column of an event; the trigger decides whether, and empties the contents."""
    passwords = {"DJANGO_SUPERUSER_PASSWORD": PASSWORD}
    assert (
        server.manage("createsuperuser", "--noinput", "--username=carla", "--email=c@c.example", **passwords).returncode
        == 0
    )
    api = server.sign_in()
    site = register(api, server, name="Zanzibar", owner_name="Giulietta", contact_email="giulietta@zanzibar.example")
    site.call_home()
    api.send("DELETE", f"/api/sites/{site.site_id}")
    step = {"PORTCULLIS_PASSWORD": PASSWORD}
    for arguments in (["--request", "--admin=anna", "--reason=ticket 12"], ["--confirm", "--admin=carla"]):
        done = server.manage("erase_site", site.site_id, *arguments, **step)
        assert done.returncode == 0, done.stderr
    with psycopg.connect(server.database_url) as connection:
        for table in ("audit_event", "sites_site", "sites_siteimport", "idempotency_idempotentrequest"):
            rows = connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table))).fetchall()
            assert "giulietta" not in str(rows).casefold()
    with psycopg.connect(server.database_url) as connection, pytest.raises(psycopg.errors.IntegrityConstraintViolation):
        connection.execute("UPDATE audit_event SET erasure_id = 1 WHERE erasure_id IS NULL")
    assert "requested by anna, confirmed by carla" in server.manage("verify_audit").stdout


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_event SET reason = 'never happened'",
        "UPDATE audit_event SET erasure_id = 1, reason = 'never happened'",
        "DELETE FROM audit_event",
        "TRUNCATE audit_event",
        "ALTER TABLE audit_event DISABLE TRIGGER ALL",
        "DROP TRIGGER audit_event_append_only ON audit_event",
        "DELETE FROM audit_checkpoint",
        "SET session_replication_role = replica",
        "UPDATE django_migrations SET name = name",
        "CREATE TEMPORARY TABLE audit_event (sequence bigint)",
    ],
)
def test_the_lesser_role_cannot_change_the_audit(server: RunningServer, statement: str) -> None:
    with psycopg.connect(server.database_url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement)


def test_the_owner_records_backups_which_the_lesser_role_can_read_but_neither_invent_nor_change(
    server: RunningServer, roles: tuple[str, str], tmp_path: Path
) -> None:
    invented = "INSERT INTO backup_lastbackup VALUES (1, now(), 'portcullis.zip', 1, 1)"
    with psycopg.connect(server.database_url) as connection:
        assert connection.execute("SELECT count(*) FROM backup_lastbackup").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(invented)
    owner = RunningServer(roles[0], tmp_path)
    for _ in range(2):  # the second one replaces the row
        done = owner.manage("backup", "--folder", str(tmp_path / "backups"))
        assert (done.returncode, "could not be recorded" in done.stderr) == (0, False), done.stderr
    newest = max(file.name for file in (tmp_path / "backups").iterdir())
    with psycopg.connect(server.database_url, autocommit=True) as connection:
        assert connection.execute("SELECT file FROM backup_lastbackup").fetchall() == [(newest,)]
        for statement in ("UPDATE backup_lastbackup SET made_at = now()", "DELETE FROM backup_lastbackup"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


def test_after_the_owner_has_partitioned_the_history_the_lesser_role_does_all_that_it_did(
    server: RunningServer, roles: tuple[str, str], tmp_path: Path
) -> None:
    owner_url, app_url = roles
    done = RunningServer(owner_url, tmp_path).manage("partition_history")
    assert done.returncode == 0, done.stderr
    dump = subprocess.run([postgresql_bin() / "pg_dump", "-Fc", app_url], capture_output=True, check=False)
    assert dump.returncode == 0, dump.stderr
    assert register(server.sign_in(), server).call_home().status_code == 200
    done = server.manage("prune")
    assert done.returncode == 0, done.stderr


def test_the_settings_of_the_files_are_written_down() -> None:
    runbook = (ROOT / "docs" / "runbook.md").read_text()
    for file in Path(ROOT / "deploy").glob("postgresql_*.sql"):
        assert f"deploy/{file.name}" in runbook

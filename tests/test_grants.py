"""deploy/grant.sh gives the role of `database_url` its rights, and shows no password in the list of processes."""

import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from scripts.with_services import postgresql_bin
from tests.databases import prepared_postgresql
from tests.installation.script import put_program, run_script
from tests.running_server import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PASSWORD = "hunter2-of-the-owner"
MAY = "SELECT has_table_privilege(%s, 'sites_site', 'UPDATE'), has_table_privilege(%s, 'audit_event', 'DELETE')"


@pytest.fixture
def database(postgres_url: str, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A database of ours with a role that serves, which is not named portcullis."""
    url, app = prepared_postgresql(postgres_url, tmp_path), f"app_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(app)))
        yield url, app
        connection.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(app)))
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(app)))


def with_user(url: str, user: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{user}@{rest.rpartition('@')[2]}"


def grant(folder: Path, owner_url: str, app_url: str) -> subprocess.CompletedProcess[str]:
    secrets = folder / "etc/secrets"
    secrets.mkdir(parents=True)
    (secrets / "owner_database_url").write_text(owner_url + "\n")
    (secrets / "database_url").write_text(app_url + "\n")
    (folder / "etc/portcullis.env").write_text("DEBUG=true\n")
    put_program(folder, "runuser", 'shift 3; exec "$@"')
    put_program(folder, "psql", f'echo "$@" >>{folder}/arguments; exec {postgresql_bin()}/psql "$@"')
    return run_script(ROOT / "deploy/grant.sh", folder)


def test_the_role_of_the_url_may_write_and_cannot_delete_events(database: tuple[str, str], tmp_path: Path) -> None:
    url, app = database
    granted = grant(tmp_path, with_user(url, f"{conninfo_to_dict(url)['user']}:{PASSWORD}"), with_user(url, f"{app}:x"))
    assert (granted.returncode, granted.stderr) == (0, "")
    with psycopg.connect(url) as connection:
        assert connection.execute(MAY, [app, app]).fetchone() == (True, False)
    assert f"app={app}" in (tmp_path / "arguments").read_text()
    assert PASSWORD not in (tmp_path / "arguments").read_text()


def test_a_statement_that_fails_is_a_failure(database: tuple[str, str], tmp_path: Path) -> None:
    url, _ = database
    granted = grant(tmp_path, url, with_user(url, "nobody_of_this_name"))
    assert granted.returncode != 0
    assert "nobody_of_this_name" in granted.stderr


def test_one_role_for_both_is_refused(database: tuple[str, str], tmp_path: Path) -> None:
    granted = grant(tmp_path, database[0], database[0])
    assert granted.returncode == 1
    assert "must name two roles" in granted.stderr

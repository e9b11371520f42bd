"""The command portcullis of an installed server runs each management command as the right user."""

import subprocess
from pathlib import Path

import pytest

from tests.installation.script import put_program, run_script
from tests.running_server import ROOT

pytestmark = pytest.mark.e2e

OWNERS = ["migrate", "backup", "restore", "partition_history", "partition_telemetry"]


def portcullis(folder: Path, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    put_program(folder, "id", "echo 0")
    put_program(folder, "runuser", 'echo "as $2"; shift 3; exec "$@"')
    put_program(folder, "current/.venv/bin/python", f'shift; echo "$* with $DATABASE_URL_FILE"; exit {status}')
    put_program(folder, "current/deploy/grant.sh", "echo granted")
    return run_script(ROOT / "deploy/portcullis", folder, *arguments)


@pytest.mark.parametrize("command", OWNERS)
def test_what_changes_every_table_is_the_owners(tmp_path: Path, command: str) -> None:
    lines = portcullis(tmp_path, command, "FILE").stdout.splitlines()
    assert lines[:2] == ["as portcullis_owner", f"{command} FILE with {tmp_path}/etc/secrets/owner_database_url"]


def test_the_rest_has_the_rights_of_the_server(tmp_path: Path) -> None:
    lines = portcullis(tmp_path, "list_sites", "--json").stdout.splitlines()
    assert lines == ["as portcullis", f"list_sites --json with {tmp_path}/etc/secrets/database_url"]


@pytest.mark.parametrize("command", OWNERS)
def test_new_tables_get_their_grants(tmp_path: Path, command: str) -> None:
    makes_tables = command in ("migrate", "restore")
    assert ("granted" in portcullis(tmp_path, command).stdout) == makes_tables


def test_a_failed_restore_fails_and_grants_nothing(tmp_path: Path) -> None:
    failed = portcullis(tmp_path, "restore", "FILE", status=3)
    assert (failed.returncode, "granted" in failed.stdout) == (3, False)

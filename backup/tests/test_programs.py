"""Which of PostgreSQL's programs is used."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from backup import postgresql
from backup.errors import BackupDoesNotFit, BackupFailed, RestoreFailed


def program_of(version: int, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    file = folder / "pg_dump"
    file.write_text(f"#!/bin/sh\necho 'pg_dump (PostgreSQL) {version}.3 (Debian {version}.3-1)'\n")
    file.chmod(0o755)


@pytest.fixture(autouse=True)
def _only_these(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")


def of_server(version: int, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(postgresql, "server_version", lambda: version * 10_000 + 4)
    return postgresql.program("pg_dump")


def test_a_program_of_the_servers_version_or_later_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program_of(98, tmp_path)
    assert of_server(98, monkeypatch) == of_server(97, monkeypatch) == str(tmp_path / "pg_dump")


def test_an_older_program_is_refused_with_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program_of(98, tmp_path)
    with pytest.raises(BackupDoesNotFit, match=r"needs pg_dump of 99 or later, .* install postgresql-client-99"):
        of_server(99, monkeypatch)


def test_a_program_that_fails_says_why_in_one_line() -> None:
    with (
        pytest.raises(BackupFailed, match="sh failed: no such table"),
        postgresql.running(["/bin/sh", "-c", "echo no such table >&2; exit 1"], BackupFailed, stdout=subprocess.PIPE),
    ):
        pass


@pytest.mark.parametrize("sizes", [[10], [3_000, 3_000], [1_000_000]])
def test_a_program_that_ends_before_it_has_read_all_says_why(sizes: list[int]) -> None:
    def write() -> None:
        with postgresql.running(command, RestoreFailed, stdin=subprocess.PIPE) as process:
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            for size in sizes:
                process.stdin.write(bytes(size))

    command = ["/bin/sh", "-c", "echo no such table >&2"]
    with pytest.raises(RestoreFailed, match="sh failed: no such table"):
        write()


def test_a_program_is_ended_if_its_output_cannot_be_used() -> None:
    def fail() -> None:
        with postgresql.running(["/bin/sleep", "600"], BackupFailed) as process:
            processes.append(process)
            raise OSError

    processes: list[subprocess.Popen[bytes]] = []
    with pytest.raises(OSError):  # noqa: PT011
        fail()
    assert processes[0].returncode == -9


@pytest.fixture
def _two_hosts_and_a_schema(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """DATABASE_URL with two hosts, of which only the second answers, and with a schema of its own."""
    connection.ensure_connection()
    info, settings = connection.connection.info, connection.settings_dict
    options = {"options": "-c search_path=elsewhere", "target_session_attrs": "read-write"}
    with monkeypatch.context() as patch:
        patch.setitem(settings, "HOST", f"{info.host},{info.host}")
        patch.setitem(settings, "PORT", f"1,{info.port}")
        patch.setitem(settings, "OPTIONS", settings["OPTIONS"] | options)
        connection.close()
        yield
    connection.close()


@pytest.mark.postgresql
@pytest.mark.usefixtures("_two_hosts_and_a_schema")
def test_a_program_works_on_the_server_and_the_schema_of_our_connection() -> None:
    command, variables = postgresql.client("psql", "-Atc", "SHOW search_path")
    info = connection.connection.info
    assert command[command.index("-h") + 1] == info.host
    assert command[command.index("-p") + 1] == str(info.port)
    assert variables["PGTARGETSESSIONATTRS"] == "read-write"
    with postgresql.running(command, BackupFailed, variables, stdout=subprocess.PIPE) as psql:
        said = psql.stdout.read().decode().strip()
    assert said == "elsewhere"

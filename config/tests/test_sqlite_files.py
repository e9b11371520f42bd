"""SQLite's files and the folder that the project makes for them are for their owner alone, whatever the umask."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections

from config import databases

pytestmark = [
    pytest.mark.skipif(connection.vendor != "sqlite", reason="is about SQLite's files"),
    pytest.mark.django_db,
]

FILES = ("db.sqlite3", "db.sqlite3-wal", "db.sqlite3-shm")


@pytest.fixture(params=[0o000, 0o022, 0o077])
def _umask(request: pytest.FixtureRequest) -> Iterator[None]:
    usual = os.umask(request.param)
    yield
    os.umask(usual)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def connect(file: Path) -> Any:
    """A connection like those of the web processes, with something written."""
    database = connections.create_connection("default")
    database.settings_dict = {**connection.settings_dict, "NAME": str(file)}
    with database.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS written (number)")
    return database


@pytest.mark.usefixtures("_umask")
def test_a_new_database_and_its_logs_are_readable_by_the_owner_alone(tmp_path: Path) -> None:
    database = connect(tmp_path / "db.sqlite3")
    assert [mode(tmp_path / name) for name in FILES] == [0o600] * 3
    database.close()


@pytest.mark.usefixtures("_umask")
def test_files_of_an_earlier_release_are_closed_to_others_at_the_next_connection(tmp_path: Path) -> None:
    first = connect(tmp_path / "db.sqlite3")
    for name in FILES:
        (tmp_path / name).chmod(0o644)
    second = connect(tmp_path / "db.sqlite3")
    assert [mode(tmp_path / name) for name in FILES] == [0o600] * 3
    first.close()
    second.close()


@pytest.mark.usefixtures("_umask")
def test_the_folder_that_is_made_is_readable_by_the_owner_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'new' / 'db.sqlite3'}")
    databases.database(tmp_path)
    assert mode(tmp_path / "new") == 0o700


@pytest.mark.usefixtures("_umask")
def test_var_is_closed_to_others_if_an_earlier_release_made_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATABASE_URL", "")
    (tmp_path / "var").mkdir()
    (tmp_path / "var").chmod(0o755)
    databases.database(tmp_path)
    assert mode(tmp_path / "var") == 0o700


def test_a_folder_of_somebody_else_keeps_its_mode(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o755)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'shared' / 'db.sqlite3'}")
    databases.database(tmp_path)
    assert mode(tmp_path / "shared") == 0o755

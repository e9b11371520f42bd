"""SQLite: a copy by VACUUM INTO, restored page by page in one transaction of the target."""

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from zipfile import ZipFile

from django.db import connection

from backup.archive import Copied, scratch_file
from backup.errors import BackupUnreadable, RestoreFailed

COPY = "database.sqlite3"
LOCKED_FOR_SECONDS = 30


def described_version() -> str:
    return sqlite3.sqlite_version


def database_name() -> str:
    return Path(connection.settings_dict["NAME"]).name


def write_copy(archive: ZipFile, scratch: Path) -> Copied:
    """Copy the database as of one moment, while others write."""
    with scratch_file(scratch) as copy:
        with connection.cursor() as cursor:
            cursor.execute("VACUUM INTO %s", [str(copy)])
        with archive.open(COPY, "w", force_zip64=True) as member, copy.open("rb") as source:
            shutil.copyfileobj(source, member)
        with closing(sqlite3.connect(copy)) as opened:
            migrations = opened.execute("SELECT app || '.' || name FROM django_migrations ORDER BY 1")
            return Copied(count_rows(opened), [name for (name,) in migrations])


def count_rows(opened: sqlite3.Connection) -> dict[str, int]:
    tables = opened.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~'"
    )
    return {
        table: opened.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]  # noqa: S608 - a name from the schema
        for (table,) in tables.fetchall()
    }


def tables_with_rows() -> list[str]:
    connection.ensure_connection()
    return sorted(table for table, rows in count_rows(connection.connection).items() if rows)


def rows_in(archive: ZipFile, scratch: Path) -> dict[str, int]:
    """The rows of each table in the copy, after SQLite has examined every page of it."""
    with extracted(archive, scratch) as copy:
        return count_rows(copy)


def load(archive: ZipFile, scratch: Path, changes: dict[str, str]) -> None:
    """Replace the content of the database in one transaction: if anything fails, it is as it was.

    `changes` has a statement for each table, which is run on the copy if the table is there.
    """
    with extracted(archive, scratch) as copy:
        tables = count_rows(copy)
        for table, statement in changes.items():
            if table in tables:
                copy.execute(statement)
        copy.commit()
        connection.ensure_connection()
        try:
            copy.backup(connection.connection, pages=-1, progress=patience())
        except sqlite3.Error as error:
            raise RestoreFailed(f"The database cannot be written: {error}. Is the server stopped?") from error
    connection.close()


def patience() -> Callable[[int, int, int], None]:
    """Python waits without end for a locked database, and calls this each time."""
    deadline = time.monotonic() + LOCKED_FOR_SECONDS

    def give_up(status: int, remaining: int, total: int) -> None:
        if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) and time.monotonic() > deadline:
            raise RestoreFailed("The database is locked by another process: stop the server first.")

    return give_up


def refresh_statistics() -> None:
    """The copy has them."""


@contextmanager
def extracted(archive: ZipFile, scratch: Path) -> Iterator[sqlite3.Connection]:
    with scratch_file(scratch) as copy:
        with archive.open(COPY) as member, copy.open("wb") as target:
            shutil.copyfileobj(member, target)
        with closing(sqlite3.connect(copy)) as opened:
            try:
                said = opened.execute("PRAGMA integrity_check").fetchone()[0]
            except sqlite3.Error as error:
                said = str(error)
            if said != "ok":
                raise BackupUnreadable(f"SQLite finds the copy in the backup damaged: {said}")
            yield opened

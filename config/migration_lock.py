"""One migration of a database at a time.

Django does not see to it: of two that start together, both plan the same migrations, and the second fails at a table that
exists. A lock ends with its process, whatever happens to that.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db.backends.base.base import BaseDatabaseWrapper

# Of our own choice; PostgreSQL keeps advisory locks for each database apart.
ADVISORY_LOCK = 20_261_128
RETRY_SECONDS = 0.5


@contextmanager
def one_migration_at_a_time(connection: BaseDatabaseWrapper, *, on_wait: Callable[[], None]) -> Iterator[None]:
    """Wait until no other process migrates this database; `on_wait` is called once if one does."""
    lock = advisory_lock(connection) if connection.vendor == "postgresql" else folder_lock(connection)
    with lock as try_to_acquire:
        waits = False
        while not try_to_acquire():
            if not waits:
                on_wait()
            waits = True
            time.sleep(RETRY_SECONDS)
        yield


@contextmanager
def advisory_lock(connection: BaseDatabaseWrapper) -> Iterator[Callable[[], bool]]:
    """A lock of a transaction, on a connection of its own: a pooler keeps these together until the transaction ends."""
    other = connection.copy()
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")

            def try_to_acquire() -> bool:
                cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [ADVISORY_LOCK])
                return bool(cursor.fetchone()[0])

            yield try_to_acquire
    finally:
        other.close()


@contextmanager
def folder_lock(connection: BaseDatabaseWrapper) -> Iterator[Callable[[], bool]]:
    """A lock on the folder of SQLite's file. To open the file itself would drop SQLite's own locks when it is closed."""
    name = str(connection.settings_dict["NAME"])
    if name.startswith(("file:", ":memory:")):  # in memory, as in tests: no other process sees it
        yield lambda: True
        return
    folder = os.open(Path(name).parent, os.O_RDONLY | os.O_DIRECTORY)

    def try_to_acquire() -> bool:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    try:
        yield try_to_acquire
    finally:
        os.close(folder)

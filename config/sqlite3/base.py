"""Django's SQLite backend, with files that only their owner can read, and names in the order of the alphabet."""

import os
import stat
from pathlib import Path
from threading import Lock
from typing import Any

from django.db.backends.sqlite3 import base

from common.alphabet import SQLITE_FUNCTION, alphabetical_key

READABLE_BY_OTHERS = stat.S_IRWXG | stat.S_IRWXO
FOR_THE_OWNER = stat.S_IRUSR | stat.S_IWUSR
lock = Lock()


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        name = str(conn_params["database"])
        if not name.startswith((":memory:", "file:")):
            make_private(Path(name))
        connection = super().get_new_connection(conn_params)
        connection.create_function(SQLITE_FUNCTION, 1, alphabetical_key, deterministic=True)
        return connection


def make_private(file: Path) -> None:
    """Create the file for its owner alone, or close it and its logs to others. SQLite gives new logs the file's mode.

    A file that exists is never opened: closing it would drop the locks that SQLite holds on it for other threads.
    """
    with lock:
        try:
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FOR_THE_OWNER)
            os.close(descriptor)
        except OSError:
            pass  # it exists; of what else is wrong SQLite reports the details
    for name in (f"{file}", f"{file}-wal", f"{file}-shm"):
        try:
            if stat.S_IMODE(os.stat(name).st_mode) & READABLE_BY_OTHERS:
                os.chmod(name, FOR_THE_OWNER)
        except (FileNotFoundError, PermissionError):
            pass  # there is no log yet, or the file belongs to another user

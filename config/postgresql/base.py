"""Django's PostgreSQL backend, with a driver that never waits for ever."""

import select
import time
from typing import Any

from django.db.backends.postgresql import base

from config.postgresql import driver

HEALTH_CHECK_DEADLINE_SECONDS = 1.0
WELL_FOR_SECONDS = 1.0


class DatabaseWrapper(base.DatabaseWrapper):
    """Takes two more options than Django's: `deadline_seconds`, for every wait on the server, and `prepared_statements`."""

    Database = driver

    def get_connection_params(self) -> dict[str, Any]:
        params = super().get_connection_params()
        params.pop("deadline_seconds", None)
        params.pop("prepared_statements", None)
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> driver.DeadlineConnection:
        connection = super().get_new_connection(conn_params)
        connection.deadline_seconds = self.settings_dict["OPTIONS"].get("deadline_seconds")
        # At the first use, but only for PreparedCursor: Django's own cursors write the values into the statement.
        connection.prepare_threshold = 0 if self.settings_dict["OPTIONS"].get("prepared_statements") else None
        connection.prepared_cursor = driver.PreparedCursor(connection)
        return connection

    def prepared_cursor(self) -> Any:
        """A cursor whose statements the server parses and plans once for each connection, if the settings allow it.

        For a few statements that run very often. All others are better planned for the values that they come with.
        Always the same cursor: not to be closed, and to be read before the next statement.
        """
        if not self.settings_dict["OPTIONS"].get("prepared_statements"):
            return self.cursor()
        self.close_if_health_check_failed()
        self.ensure_connection()
        wrapper: Any = self
        with self.wrap_database_errors:
            return wrapper._prepare_cursor(self.connection.prepared_cursor)

    def is_usable(self) -> bool:
        """Django asks this before the first query of a request, to find out about a server that has gone meanwhile.

        One that hangs up says so, and what it said waits in the socket: looking there costs no round trip. Only if
        something waits is the server asked, and a hung one must not cost all the time. A connection that was well a
        moment ago is not looked at again.
        """
        if self.connection is None or self.connection.closed:
            return False
        now = time.monotonic()
        if now - self.connection.well_at < WELL_FOR_SECONDS:
            return True
        if not something_waits(self.connection.pgconn.socket):
            self.connection.well_at = now
            return True
        usual = self.connection.deadline_seconds
        self.connection.deadline_seconds = HEALTH_CHECK_DEADLINE_SECONDS
        try:
            return super().is_usable()
        finally:
            if self.connection is not None:
                self.connection.deadline_seconds = usual


def something_waits(socket: int) -> bool:
    poll = select.poll()
    poll.register(socket, select.POLLIN)
    return bool(poll.poll(0))

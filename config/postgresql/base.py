"""Django's PostgreSQL backend, with a deadline on every wait and with prepared statements."""

import select
import time
from typing import Any

from django.db.backends.postgresql import base, operations

from config.postgresql import driver, hosts

HEALTH_CHECK_DEADLINE_SECONDS = 1.0
USABLE_FOR_SECONDS = 1.0


class DatabaseOperations(operations.DatabaseOperations):
    def last_executed_query(self, cursor: Any, sql: Any, params: Any) -> Any:
        """For Django's query log: the statement without the values, which a prepared cursor sends apart from it."""
        if isinstance(cursor, driver.PreparedCursor):
            return str(sql)
        return super().last_executed_query(cursor, sql, params)


class DatabaseWrapper(base.DatabaseWrapper):
    """Takes two more options than Django's: `deadline_seconds`, for every wait on the server, and `prepared_statements`."""

    Database = driver
    ops_class = DatabaseOperations

    def get_connection_params(self) -> dict[str, Any]:
        params = super().get_connection_params()
        params.pop("deadline_seconds", None)
        params.pop("prepared_statements", None)
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> driver.DeadlineConnection:
        connection = super().get_new_connection(hosts.last_one_first(conn_params))
        hosts.remember(conn_params, connection)
        connection.deadline_seconds = self.settings_dict["OPTIONS"].get("deadline_seconds")
        # At the first use, but only for PreparedCursor: Django's own cursors write the values into the statement.
        connection.prepare_threshold = 0 if self.settings_dict["OPTIONS"].get("prepared_statements") else None
        connection.prepared_cursor = driver.PreparedCursor(connection)
        return connection

    def set_autocommit(self, autocommit: bool, force_begin_transaction_with_broken_autocommit: bool = False) -> None:
        """Django calls this after a rollback that failed, too, and would wait for a new connection just to set its default."""
        if autocommit and self.connection is None:
            return
        super().set_autocommit(autocommit, force_begin_transaction_with_broken_autocommit)

    def prepared_cursor(self) -> Any:
        """A cursor whose statements the server parses and plans once for each connection, if the settings allow it.

        For a few statements that run very often. PostgreSQL plans all others better when it knows their values.
        It is always the same cursor: do not close it, and read its rows before the next statement.
        """
        if not self.settings_dict["OPTIONS"].get("prepared_statements"):
            return self.cursor()
        self.close_if_health_check_failed()
        self.ensure_connection()
        self.validate_thread_sharing()
        cursor = self.connection.prepared_cursor
        return self.make_debug_cursor(cursor) if self.queries_logged else self.make_cursor(cursor)

    def is_usable(self) -> bool:
        """Whether the connection still works; Django asks before the first query of a request.

        A server that closes a connection sends a notice first, and the notice waits in the socket. Looking there costs no
        round trip. Only if something waits is the server asked, with a short deadline in case it hangs. A connection that
        was usable within the last second is not looked at again.
        """
        if self.connection is None or self.connection.closed:
            return False
        now = time.monotonic()
        if now - self.connection.checked_at < USABLE_FOR_SECONDS:
            return True
        if not has_unread_input(self.connection.pgconn.socket):
            self.connection.checked_at = now
            return True
        usual = self.connection.deadline_seconds
        self.connection.deadline_seconds = HEALTH_CHECK_DEADLINE_SECONDS
        try:
            return super().is_usable()
        finally:
            if self.connection is not None:
                self.connection.deadline_seconds = usual


def has_unread_input(socket: int) -> bool:
    poll = select.poll()
    poll.register(socket, select.POLLIN)
    return bool(poll.poll(0))

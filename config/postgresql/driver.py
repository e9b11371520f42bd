"""psycopg with a deadline on every wait.

PostgreSQL's own `statement_timeout` needs a server that still runs. A server that hangs (stopped, swapped out, behind a
dead network path) would hold a worker thread without end, and soon all of them. Here the client gives up by itself and
closes the connection, so that the caller can answer 503.
"""

from collections.abc import Generator
from typing import Any, TypeVar

import psycopg
from psycopg import *  # noqa: F403 - Django looks up the driver's exceptions in this module

Result = TypeVar("Result")


class DeadlineConnection(psycopg.Connection[Any]):
    """A connection whose operations end after `deadline_seconds`; None waits without end."""

    deadline_seconds: float | None = None
    checked_at = float("-inf")  # when it was last found usable, by time.monotonic
    prepared_cursor: "PreparedCursor"  # one for all: making a cursor costs as much as sending a statement

    def wait(
        self,
        gen: Generator[Any, Any, Result],
        interval: float = 0.1,
        timeout: float | None = None,
    ) -> Result:
        seconds = timeout or self.deadline_seconds
        try:
            return super().wait(gen, interval=interval, timeout=seconds)
        except psycopg.OperationalError as error:
            if error.sqlstate is not None:  # the server has answered, with an error: the connection is still good
                raise
            # The server did not answer in time, or is gone. An answer may be half read, so only closing helps.
            self.pgconn.finish()
            raise psycopg.OperationalError(f"no answer from the database within {seconds} s: {error}") from error


class PreparedCursor(psycopg.Cursor[Any]):
    """Sends values apart from the statement, which the connection prepares at its first use; gets results in binary."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> "PreparedCursor":
        return super().execute(query, params, binary=True, **options)


connect = DeadlineConnection.connect

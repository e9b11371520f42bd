"""psycopg with a deadline on every wait.

PostgreSQL's own `statement_timeout` needs a server that still runs. One that hangs (stopped, swapped out,
behind a dead network path) would hold a worker thread for ever, and with it every other request.
Here the client gives up by itself and closes the connection, so that the caller can answer 503.
"""

from collections.abc import Generator
from typing import Any, TypeVar

import psycopg
from psycopg import *  # noqa: F403 - Django looks up the driver's exceptions in this module
from psycopg import errors

Result = TypeVar("Result")


class DeadlineConnection(psycopg.Connection[Any]):
    """A connection whose operations end after `deadline_seconds`; None waits for ever."""

    deadline_seconds: float | None = None
    well_at = float("-inf")  # when it was looked at last, by time.monotonic
    prepared_cursor: "PreparedCursor"  # one for all: making a cursor costs as much as sending a statement

    def wait(
        self,
        gen: Generator[Any, Any, Result],
        interval: float = 0.1,
        timeout: float | None = None,
    ) -> Result:
        try:
            return super().wait(gen, interval=interval, timeout=timeout or self.deadline_seconds)
        except errors._WaitTimeout as error:
            # The protocol stands in mid-answer: nothing but closing brings it back to order.
            self.pgconn.finish()
            raise psycopg.OperationalError(
                f"the database did not answer within {timeout or self.deadline_seconds} s"
            ) from error


class PreparedCursor(psycopg.Cursor[Any]):
    """Values travel apart from the statement, which the connection prepares at its first use. Results come in binary."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> "PreparedCursor":
        return super().execute(query, params, binary=True, **options)

    def _convert_query(self, query: Any, params: Any = None) -> Any:
        """psycopg forgets the text of a statement that is prepared already; Django logs it, without the values."""
        self._query = super()._convert_query(query, params)
        return self._query


connect = DeadlineConnection.connect

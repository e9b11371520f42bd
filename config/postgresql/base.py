"""Django's PostgreSQL backend, with a driver that never waits for ever."""

from typing import Any

from django.db.backends.postgresql import base

from config.postgresql import driver

HEALTH_CHECK_DEADLINE_SECONDS = 1.0


class DatabaseWrapper(base.DatabaseWrapper):
    """Takes one more option than Django's: `deadline_seconds`, for every wait on the server."""

    Database = driver

    def get_connection_params(self) -> dict[str, Any]:
        params = super().get_connection_params()
        params.pop("deadline_seconds", None)
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> driver.DeadlineConnection:
        connection = super().get_new_connection(conn_params)
        connection.deadline_seconds = self.settings_dict["OPTIONS"].get("deadline_seconds")
        return connection

    def is_usable(self) -> bool:
        """Django asks this before the first query of a request; a hung server must not cost all the time."""
        if self.connection is None:
            return False
        usual = self.connection.deadline_seconds
        self.connection.deadline_seconds = HEALTH_CHECK_DEADLINE_SECONDS
        try:
            return super().is_usable()
        finally:
            if self.connection is not None:
                self.connection.deadline_seconds = usual

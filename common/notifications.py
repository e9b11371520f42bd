"""How a process connects to PostgreSQL to listen for notifications, beside Django's connections."""

from typing import Any

from django.conf import settings
from django.db import connections

CONNECT_TIMEOUT_SECONDS = 3
# Parameters of Django's that bind the connection to Django.
ONLY_FOR_DJANGO = ("context", "cursor_factory", "prepare_threshold", "server_side_binding")


def listening_parameters() -> tuple[str, dict[str, Any]]:
    """Of DOORBELL_DATABASE_URL, otherwise those of Django's connections, for psycopg: the address and keyword arguments."""
    if settings.DOORBELL_DATABASE_URL:
        return settings.DOORBELL_DATABASE_URL, {"connect_timeout": CONNECT_TIMEOUT_SECONDS}
    parameters = connections["default"].get_connection_params()
    return "", {name: value for name, value in parameters.items() if name not in ONLY_FOR_DJANGO}

"""Reading the database as of one moment, in several queries, while others write."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction


@contextmanager
def one_snapshot() -> Iterator[None]:
    """All queries see the database as of the first one. Inside a transaction of the caller, that one's rules apply."""
    connection: Any = transaction.get_connection()
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "postgresql":
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
    else:
        connection.ensure_connection()
        usual = connection.transaction_mode
        connection.transaction_mode = "DEFERRED"  # it takes no lock that keeps others from writing
        try:
            with transaction.atomic():
                yield
        finally:
            connection.transaction_mode = usual

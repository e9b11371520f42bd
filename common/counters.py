"""A cache of counters in a table. It counts exactly across processes and needs no Redis.

Django's own database cache reads a value, adds to it in Python and writes it back, and so loses counts between processes.
It also deletes live entries when it holds more than 300, so that an attacker who varies the key resets the counters of
others. This cache counts inside the database and deletes only what has expired.
"""

import random
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.db import connection

# In seconds since the epoch: the expiry of a counter without an end.
NEVER = 2**53
# One `add` in this many also deletes expired counters, at most CLEAN_UP_BATCH of them.
ADDS_PER_CLEAN_UP = 100
CLEAN_UP_BATCH = 1000


class SqlCounterCache(BaseCache):
    """Values are integers. `add` and `incr` are single statements, so that concurrent calls are all counted."""

    def __init__(self, table: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        self.table = table

    def _execute(self, sql: str, params: list[Any], **words: str) -> tuple[Any, ...] | None:
        with connection.cursor() as cursor:
            cursor.execute(sql.format(table=self.table, **words), params)
            return cursor.fetchone() if cursor.description else None

    def _expiry(self, timeout: object) -> float:
        at = self.get_backend_timeout(timeout)  # type: ignore[arg-type]
        return NEVER if at is None else at

    def add(self, key: str, value: int, timeout: object = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        if random.randrange(ADDS_PER_CLEAN_UP) == 0:  # noqa: S311 - no secret depends on it
            self.drop_expired()
        row = self._execute(
            "INSERT INTO {table} AS held (key, value, expires_at) VALUES (%s, %s, %s) ON CONFLICT (key) DO UPDATE"
            " SET value = excluded.value, expires_at = excluded.expires_at WHERE held.expires_at <= %s RETURNING value",
            [self._key(key, version), value, self._expiry(timeout), time.time()],
        )
        return row is not None

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        row = self._execute(
            "UPDATE {table} SET value = value + %s WHERE key = %s AND expires_at > %s RETURNING value",
            [delta, self._key(key, version), time.time()],
        )
        if row is None:
            raise ValueError("no such counter")
        return int(row[0])

    def count(self, key: str, timeout: object = DEFAULT_TIMEOUT) -> int:
        """Add one, and return the sum since the counter began; a new counter expires after `timeout`."""
        while not self.add(key, 1, timeout):
            # A concurrent call may delete the counter, or it may expire: then a new one begins.
            with suppress(ValueError):
                return self.incr(key)
        return 1

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        row = self._execute(
            "SELECT value FROM {table} WHERE key = %s AND expires_at > %s", [self._key(key, version), time.time()]
        )
        return default if row is None else int(row[0])

    def expires_at(self, key: str, version: int | None = None) -> float | None:
        """When the counter expires, in seconds since the epoch; None if there is no such counter."""
        row = self._execute(
            "SELECT expires_at FROM {table} WHERE key = %s AND expires_at > %s",
            [self._key(key, version), time.time()],
        )
        return None if row is None else float(row[0])

    def set(self, key: str, value: int, timeout: object = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        self._execute(
            "INSERT INTO {table} (key, value, expires_at) VALUES (%s, %s, %s) ON CONFLICT (key) DO UPDATE"
            " SET value = excluded.value, expires_at = excluded.expires_at",
            [self._key(key, version), value, self._expiry(timeout)],
        )

    def get_many(self, keys: Iterable[str], version: int | None = None) -> dict[str, int]:
        given = {self._key(key, version): key for key in keys}
        if not given:
            return {}
        marks = ", ".join(["%s"] * len(given))
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT key, value FROM {self.table} WHERE key IN ({marks}) AND expires_at > %s",  # noqa: S608 - the table's name is a setting
                [*given, time.time()],
            )
            return {given[key]: int(value) for key, value in cursor.fetchall()}

    def set_many(
        self, data: Mapping[str, int], timeout: object = DEFAULT_TIMEOUT, version: int | None = None
    ) -> list[str]:
        expiry = self._expiry(timeout)
        # Sorted, so that two processes that set the same counters cannot deadlock.
        rows = sorted((self._key(key, version), value, expiry) for key, value in data.items())
        if rows:
            self._execute(
                "INSERT INTO {table} (key, value, expires_at) VALUES {rows} ON CONFLICT (key) DO UPDATE"
                " SET value = excluded.value, expires_at = excluded.expires_at",
                [part for row in rows for part in row],
                rows=", ".join(["(%s, %s, %s)"] * len(rows)),
            )
        return []

    def delete(self, key: str, version: int | None = None) -> bool:
        row = self._execute("DELETE FROM {table} WHERE key = %s RETURNING value", [self._key(key, version)])
        return row is not None

    def touch(self, key: str, timeout: object = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        row = self._execute(
            "UPDATE {table} SET expires_at = %s WHERE key = %s AND expires_at > %s RETURNING value",
            [self._expiry(timeout), self._key(key, version), time.time()],
        )
        return row is not None

    def clear(self) -> None:
        self._execute("DELETE FROM {table}", [])

    def drop_expired(self, at: float | None = None) -> int:
        """Delete up to CLEAN_UP_BATCH expired counters, and return their number."""
        with connection.cursor() as cursor:
            cursor.execute(
                f"DELETE FROM {self.table} WHERE key IN"  # noqa: S608 - the table's name is a setting
                f" (SELECT key FROM {self.table} WHERE expires_at <= %s LIMIT %s)",
                [time.time() if at is None else at, CLEAN_UP_BATCH],
            )
            return int(cursor.rowcount)

    def _key(self, key: str, version: int | None) -> str:
        return str(self.make_and_validate_key(key, version=version))


def prune_counters(*, at: datetime) -> dict[str, int]:
    """Delete all expired counters. The result is empty: their number is of no use to an operator."""
    for alias in settings.CACHES:
        cache = caches[alias]
        if isinstance(cache, SqlCounterCache):
            while cache.drop_expired(at=at.timestamp()):
                pass
    return {}

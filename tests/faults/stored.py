"""Reads from the database, past the product, what it holds in the end."""

import sqlite3
import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import psycopg

from tests.faults.check import Stored

SITES = "SELECT site_id, name, lock_reason, is_active, license_expires_at FROM sites_site"
EVENTS = "SELECT subject_id, action, count(*) FROM audit_event WHERE subject_type = 'site' GROUP BY subject_id, action"
HEARTBEATS = "SELECT uptime_seconds, count(*) FROM heartbeat_heartbeat GROUP BY uptime_seconds"


def read_stored(database_url: str) -> Stored:
    if database_url.startswith("sqlite:///"):
        with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as file:
            return read(lambda query: file.execute(query).fetchall())
    with psycopg.connect(database_url) as connection:
        return read(lambda query: connection.execute(query).fetchall())  # type: ignore[arg-type]


def read(rows: Callable[[str], list[Any]]) -> Stored:
    stored = Stored(
        events=Counter({(str(uuid.UUID(subject)), action): count for subject, action, count in rows(EVENTS)}),
        heartbeats=Counter(dict(rows(HEARTBEATS))),
    )
    for site_id, name, reason, is_active, ends_at in rows(SITES):
        stored.names[name] += 1
        stored.sites[str(uuid.UUID(str(site_id)))] = {
            "lock_reason": reason,
            "is_active": bool(is_active),
            "license_expires_at": instant(ends_at),
        }
    return stored


def instant(value: str | datetime) -> datetime:
    """SQLite has text in UTC without a zone."""
    return value if isinstance(value, datetime) else datetime.fromisoformat(value).replace(tzinfo=UTC)

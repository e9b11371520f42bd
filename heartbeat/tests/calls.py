"""Heartbeats over HTTP, with valid or forged credentials, and as calls of the service at a chosen instant."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from rest_framework.test import APIClient

from common.keys import generate_key
from conftest import RegisteredSite
from heartbeat.services import Reply, Report, SiteCredentials, record_heartbeat

REPORT = {"version": "1.0.0", "uptime_seconds": 60}
NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def call(
    site_id: str | None, key: str | None, *, body: Any = REPORT, address: str = "192.0.2.1", **headers: str
) -> Any:
    """POST to /api/heartbeat. A header that is None is left out."""
    credentials = {"X-Site-ID": site_id, "X-Site-Key": key, **headers}
    return APIClient().post(
        "/api/heartbeat",
        body,
        format="json",
        headers={name: value for name, value in credentials.items() if value is not None},
        REMOTE_ADDR=address,
    )


def call_at(
    site: RegisteredSite, at: datetime, *, version: str = "1.0.0", uptime_seconds: int = 60, ip: str | None = None
) -> Reply:
    report = Report(version, uptime_seconds)
    return record_heartbeat(SiteCredentials(site.site_id, site.key), report, ip=ip, at=at)


def wrong_key() -> str:
    """A well-formed key that belongs to no site."""
    return generate_key()


def unknown_id() -> str:
    return str(uuid.uuid4())


def rows_of_every_table() -> str:
    """The content of all tables, as text."""
    with connection.cursor() as cursor:
        rows = []
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            rows += [table, *map(repr, cursor.fetchall())]
    return "\n".join(rows)

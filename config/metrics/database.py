"""What is read from the database and the disk for each scrape.

On PostgreSQL each statement has STATEMENT_TIMEOUT_MS. If the database does not answer in time, the scrape says so and shows the
counters all the same.
"""

import logging
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import Error, connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from backup.models import LastBackup
from config.metrics.alerts import alert_gauges
from config.metrics.jobs import job_gauges
from config.metrics.sites import gauge, site_gauges
from licensing.models import SigningKey

STATEMENT_TIMEOUT_MS = 1_000
log = logging.getLogger("portcullis.metrics")

CONNECTIONS = """
    SELECT coalesce(state, 'other'), count(*)
    FROM pg_stat_activity
    WHERE datname = current_database()
    GROUP BY 1
"""
CAPACITY = """
    SELECT
        (SELECT sum(numbackends) FROM pg_stat_database),
        current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
        pg_database_size(current_database())
"""
# The other states of PostgreSQL are counted as "other".
STATES = {"active": "active", "idle": "idle", "idle in transaction": "idle_in_transaction"}


class PresentState(Collector):
    """Gauges that no process has to keep, because the database and the disk know them."""

    def collect(self) -> Iterator[Metric]:
        began = time.perf_counter()
        yield InfoMetricFamily("portcullis_build", "The version that runs.", {"version": settings.VERSION})
        interval = settings.HEARTBEAT_INTERVAL.total_seconds()
        yield single("portcullis_heartbeat_interval_seconds", "Time between two heartbeats of a site.", interval)
        yield from disk_gauges()
        metrics, answers = database_metrics()
        yield from metrics
        yield single("portcullis_database_answers", "Whether the database answered this scrape in time.", answers)
        took = time.perf_counter() - began
        yield single("portcullis_present_state_seconds", "How long the gauges of this scrape took to read.", took)


def database_metrics() -> tuple[list[Metric], bool]:
    """What was read, and whether it is all."""
    metrics: list[Metric] = []
    now = timezone.now()
    readers: list[Callable[[], Iterator[Metric]]] = [
        lambda: site_gauges(at=now),
        lambda: job_gauges(at=now),
        lambda: signing_key_gauges(at=now),
        lambda: backup_gauges(at=now),
        lambda: alert_gauges(at=now),
    ]
    if connection.vendor == "postgresql":
        readers.append(connection_gauges)
    try:
        with limited_statements():
            for read in readers:
                metrics += read()
    except Error as error:  # also of a schema that is not migrated yet
        log.error("the present state could not be read from the database: %s", error)
        return metrics, False
    return metrics, True


@contextmanager
def limited_statements() -> Iterator[None]:
    """On PostgreSQL. On SQLite nothing, since a transaction of ours takes the lock for writing, which heartbeats need."""
    if connection.vendor != "postgresql":
        yield
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = {STATEMENT_TIMEOUT_MS}")
        yield


def signing_key_gauges(*, at: datetime) -> Iterator[Metric]:
    """None while there is no signing key."""
    activated_at = SigningKey.objects.signing().values_list("activated_at", flat=True).first()
    if activated_at:
        age = (at - activated_at).total_seconds()
        yield single("portcullis_signing_key_age_seconds", "Since the key that signs leases was activated.", age)


def backup_gauges(*, at: datetime) -> Iterator[Metric]:
    """The age is always there. Without a backup it counts from the installation; a date in the future is no backup."""
    backup = LastBackup.objects.filter(made_at__lte=at).first()
    since = backup.made_at if backup else MigrationRecorder.Migration.objects.earliest("pk").applied
    explanation = "Since the newest verified backup was begun, or since the installation."
    yield single("portcullis_backup_age_seconds", explanation, (at - since).total_seconds())
    if backup:
        yield single("portcullis_backup_size_bytes", "Size of the newest backup.", backup.size_bytes)
        yield single("portcullis_backup_duration_seconds", "Of the newest backup.", backup.duration_ms / 1000)


def connection_gauges() -> Iterator[Metric]:
    with connection.cursor() as cursor:
        cursor.execute(CONNECTIONS)
        numbers = dict.fromkeys([*STATES.values(), "other"], 0)
        for state, number in cursor.fetchall():
            numbers[STATES.get(state, "other")] += number
        cursor.execute(CAPACITY)
        used, limit, size = cursor.fetchone()
    yield gauge("portcullis_database_connections", "Connections to our database.", "state", numbers)
    yield single("portcullis_database_connections_used", "Connections to all databases of the server.", used)
    yield single("portcullis_database_connections_limit", "Connections that the server accepts from us.", limit)
    yield single("portcullis_database_size_bytes", "Size of our database.", size)


def disk_gauges() -> Iterator[Metric]:
    """Of the file system with the project, or with the SQLite database."""
    is_file = connection.vendor == "sqlite"
    folder = Path(settings.DATABASES["default"]["NAME"]).parent if is_file else settings.BASE_DIR
    disk = shutil.disk_usage(folder)
    yield single("portcullis_disk_free_bytes", "Free on the disk that the server writes to.", disk.free)
    yield single("portcullis_disk_size_bytes", "Size of that disk.", disk.total)


def single(name: str, documentation: str, value: float) -> Metric:
    return GaugeMetricFamily(name, documentation, value=float(value))

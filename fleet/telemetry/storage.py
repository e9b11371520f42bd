"""What health and telemetry take of the disk, and what a month of reports costs."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection
from django.db.models import Exists, OuterRef, Sum

from fleet.devices.models import Device
from fleet.telemetry.buckets import day_of
from fleet.telemetry.models import (
    HealthDay,
    HealthHour,
    HealthSample,
    MarkedHour,
    TelemetryDay,
    TelemetryHour,
    TelemetryPeriod,
)
from fleet.telemetry.partitions import DAY, PERIODS, SAMPLES, DayTable, partitioned_days

MONTH_DAYS = 30
MEASURED_DAYS = 7
PERIODS_A_DAY = 24  # of a device, where they cannot be counted cheaply
# Bytes of a row with its index, as measured on PostgreSQL: for SQLite, and for tables with few rows.
ROW_BYTES = {
    HealthSample: 150,
    TelemetryPeriod: 300,
    HealthHour: 260,
    HealthDay: 260,
    TelemetryHour: 350,
    TelemetryDay: 350,
    MarkedHour: 130,
}
FEW_ROWS = 1_000

SIZES = "SELECT coalesce(sum(pg_total_relation_size(name)), 0) FROM unnest(%s::regclass[]) AS name"
PARTITIONS = "SELECT coalesce(sum(pg_total_relation_size(relid)), 0) FROM pg_partition_tree(%s::regclass)"
ROWS = "SELECT reltuples FROM pg_class WHERE oid = %s::regclass"


class TableSize(NamedTuple):
    """Bytes with the indexes: now, and what a day of reports adds. `kept` is for how long, None for what is not kept."""

    table: str
    total: int
    a_day: int
    kept: timedelta | None


class StorageUse(NamedTuple):
    """`is_measured` on PostgreSQL. On SQLite the sizes are numbers of rows times the usual size of a row."""

    tables: Sequence[TableSize]
    is_measured: bool

    @property
    def total(self) -> int:
        return sum(table.total for table in self.tables)

    @property
    def a_month(self) -> int:
        """What 30 days of reports take."""
        return MONTH_DAYS * sum(table.a_day for table in self.tables)

    @property
    def at_most(self) -> int:
        """What they take in the end, if as much comes each day, and is kept as long as the settings say."""
        return sum(table.a_day * table.kept.days for table in self.tables if table.kept)


def storage_use(*, at: datetime) -> StorageUse:
    """By the last full days. A handful of statements for each table, one of which looks up each device."""
    day = day_of(at) - DAY
    reporting = {model: devices_with(model, day) for model in (HealthDay, TelemetryDay)}
    hours, days = settings.FLEET_HOURS_KEPT, settings.FLEET_DAYS_KEPT
    tables = [
        raw_table(HealthSample, SAMPLES, settings.HEALTH_SAMPLES_KEPT, day, rows=samples_of(day)),
        raw_table(
            TelemetryPeriod,
            PERIODS,
            settings.TELEMETRY_PERIODS_KEPT,
            day,
            rows=PERIODS_A_DAY * reporting[TelemetryDay],
        ),
        table_of_buckets(HealthHour, hours, rows=24 * reporting[HealthDay]),
        table_of_buckets(TelemetryHour, hours, rows=24 * reporting[TelemetryDay]),
        table_of_buckets(HealthDay, days, rows=reporting[HealthDay]),
        table_of_buckets(TelemetryDay, days, rows=reporting[TelemetryDay]),
        table_of_buckets(MarkedHour, None, rows=0),
    ]
    return StorageUse(tables, is_measured=is_measured())


def is_measured() -> bool:
    return connection.vendor == "postgresql"


def devices_with(model: Any, day: datetime) -> int:
    """The number of devices that have a row of that day."""
    return Device.objects.filter(Exists(model.objects.filter(device=OuterRef("pk"), at=day))).count()


def samples_of(day: datetime) -> int:
    """On SQLite; PostgreSQL measures the partition instead."""
    if is_measured():
        return 0
    return HealthDay.objects.filter(at=day).aggregate(number=Sum("samples"))["number"] or 0


def raw_table(model: Any, table: DayTable, kept: timedelta, day: datetime, *, rows: int) -> TableSize:
    """On PostgreSQL by the newest full partitions, else by `rows` a day."""
    if not is_measured():
        return TableSize(table.table, model.objects.count() * ROW_BYTES[model], rows * ROW_BYTES[model], kept)
    full = [each for each in partitioned_days(table) if each <= day.date()][-MEASURED_DAYS:]
    measured = size(SIZES, [table.partition(each) for each in full])
    return TableSize(table.table, size(PARTITIONS, table.table), measured // max(1, len(full)), kept)


def table_of_buckets(model: Any, kept: timedelta | None, *, rows: int) -> TableSize:
    """`rows` are those of a day."""
    name, row_bytes = model._meta.db_table, ROW_BYTES[model]
    if not is_measured():
        return TableSize(name, model.objects.count() * row_bytes, rows * row_bytes, kept)
    total, stored = size(SIZES, [name]), size(ROWS, name)
    if stored >= FEW_ROWS:
        row_bytes = total // stored
    return TableSize(name, total, rows * row_bytes, kept)


def size(statement: str, named: str | list[str]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, [named])
        (number,) = cursor.fetchone()
    return int(number)

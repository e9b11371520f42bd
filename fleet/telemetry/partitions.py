"""Samples and periods in one partition for each day (UTC), on PostgreSQL; old days are dropped as a whole (decisions/0113).

The tables are partitioned from their first migration on. Rows of a day without a partition go into a default partition, so
that no call fails for want of one; when the day gets its partition, they are moved there.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from django.db import connection

from fleet.telemetry.models import HealthSample, MarkedHour, TelemetryPeriod
from heartbeat.partitions import COPY_RIGHTS, changing_the_table, execute, one_value

DAY = timedelta(days=1)
DAYS_AHEAD = 3
DAYS_LOCK = 20_261_129  # an advisory lock: one process changes the partitions

IS_OWNER = "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = '{table}'::regclass"
PARTITIONS = """
SELECT right(child.relname, 8)
  FROM pg_inherits
  JOIN pg_class AS child ON child.oid = inhrelid
 WHERE inhparent = '{table}'::regclass
   AND child.relname ~ '_[0-9]{{8}}$'
 ORDER BY 1
"""
DAYS_OF_OTHER_ROWS = "SELECT DISTINCT ({column} AT TIME ZONE 'UTC')::date FROM {table}_other"

# As for a month of heartbeats (heartbeat/partitions.py): most rows are moved while others come in.
NEW_DAY = "CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)"
MOVE_ROWS = """
WITH moved AS (
    DELETE FROM {table}_other
     WHERE {column} >= '{start:%Y-%m-%d}T00:00:00Z' AND {column} < '{end:%Y-%m-%d}T00:00:00Z'
 RETURNING *
)
INSERT INTO {name} SELECT * FROM moved
"""
STOP_ROWS = """
LOCK TABLE ONLY {table} IN SHARE ROW EXCLUSIVE MODE;
LOCK TABLE {table}_other IN ACCESS EXCLUSIVE MODE
"""
ATTACH_DAY = """
ALTER TABLE {table}
  ATTACH PARTITION {name} FOR VALUES FROM ('{start:%Y-%m-%d}T00:00:00Z') TO ('{end:%Y-%m-%d}T00:00:00Z')
"""
DROP_DAY = "DROP TABLE IF EXISTS {name}"


class DayTable(NamedTuple):
    """A table with one partition for each day, by the column."""

    table: str
    column: str
    kind: str  # of the marked hours that are computed from it

    def partition(self, day: date) -> str:
        return f"{self.table}_{day:%Y%m%d}"


SAMPLES = DayTable(HealthSample._meta.db_table, "at", MarkedHour.Kind.HEALTH)
PERIODS = DayTable(TelemetryPeriod._meta.db_table, "period_start", MarkedHour.Kind.TELEMETRY)
TABLES = (SAMPLES, PERIODS)


def can_change(table: DayTable) -> bool:
    """On PostgreSQL, for the owner of the table: another role may not change it."""
    return connection.vendor == "postgresql" and bool(one_value(IS_OWNER.format(table=table.table)))


def partitioned_days(table: DayTable) -> list[date]:
    """The oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(PARTITIONS.format(table=table.table))
        return [datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC).date() for (day,) in cursor.fetchall()]


def missing_days(table: DayTable, *, at: datetime, ahead: int = DAYS_AHEAD) -> list[date]:
    """Today and the next `ahead` days, and each day that has rows in the default partition, if they have no partition."""
    today = at.astimezone(UTC).date()
    wanted = {today + number * DAY for number in range(ahead + 1)} | set(days_of_other_rows(table))
    return sorted(wanted - set(partitioned_days(table)))


def days_of_other_rows(table: DayTable) -> Iterable[date]:
    with connection.cursor() as cursor:
        cursor.execute(DAYS_OF_OTHER_ROWS.format(table=table.table, column=table.column))
        return [day for (day,) in cursor.fetchall()]


def add_days(table: DayTable, *, at: datetime, ahead: int = DAYS_AHEAD) -> int:
    """Returns the number of days that got a partition."""
    missing = missing_days(table, at=at, ahead=ahead)
    for day in missing:
        changing_the_table(lambda day=day: add_day(table, day))  # type: ignore[misc]
    return len(missing)


def add_day(table: DayTable, day: date) -> None:
    """In a transaction."""
    if not one_value(f"SELECT pg_try_advisory_xact_lock({DAYS_LOCK})"):
        return  # another process adds days
    if day in partitioned_days(table):
        return  # another process has added it
    name = table.partition(day)
    for statement in (NEW_DAY, MOVE_ROWS, STOP_ROWS, MOVE_ROWS, ATTACH_DAY):
        execute(
            statement.format(name=name, table=table.table, column=table.column, start=day, end=day + DAY),
        )
    execute(COPY_RIGHTS.format(name=name, model=table.table))


def old_days(table: DayTable, *, before: datetime) -> list[date]:
    """The days with a partition all of whose rows are older, and of which no hour is waiting to be computed."""
    oldest = MarkedHour.objects.filter(kind=table.kind).order_by("hour").values_list("hour", flat=True).first()
    end = min(before, oldest) if oldest else before
    return [day for day in partitioned_days(table) if start_of(day + DAY) <= end]


def drop_old_days(table: DayTable, *, before: datetime) -> int:
    """Returns their number."""
    old = old_days(table, before=before)
    for day in old:
        changing_the_table(lambda day=day: execute(DROP_DAY.format(name=table.partition(day))))  # type: ignore[misc]
    return len(old)


def start_of(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)

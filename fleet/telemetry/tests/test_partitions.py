"""On PostgreSQL samples and periods are in one partition for each day; old ones are deleted everywhere."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from conftest import Clock
from fleet.telemetry import partitions, prune
from fleet.telemetry.models import HealthDay, HealthHour, HealthSample, MarkedHour, TelemetryHour, TelemetryPeriod
from fleet.telemetry.partitions import PERIODS, SAMPLES, TABLES, add_days, old_days, partitioned_days
from fleet.telemetry.prune import make_day_partitions, prune_telemetry
from fleet.telemetry.rollup import compute_marked_hours
from fleet.telemetry.services import Period, Sample, store_periods, store_samples
from fleet.telemetry.storage import storage_use
from fleet.telemetry.tests.conftest import Reporter

pytestmark = pytest.mark.django_db
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="is about PostgreSQL")
on_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="is about SQLite")


def store(till: Reporter, *moments: datetime) -> None:
    for moment in moments:
        store_samples(till.id, [Sample(moment, 1, 1, 1)], at=moment)
        store_periods(till.id, [Period(moment, moment + HOUR, {"total_a": 1})], at=moment)


def partition_of(moment: datetime) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM telemetry_healthsample WHERE at = %s", [moment])
        ((name,),) = cursor.fetchall()
    return str(name)


@on_postgresql
def test_the_migration_makes_the_partitions_of_the_first_days(db: None) -> None:
    today = timezone.now().astimezone(UTC).date()
    for table in TABLES:
        assert {today + number * DAY for number in (0, 1, 2)} <= set(partitioned_days(table))


@on_postgresql
def test_rows_without_a_partition_are_moved_when_their_day_gets_one(till: Reporter, clock: Clock) -> None:
    late = clock.at - 20 * DAY
    store(till, clock.at, late)
    assert partition_of(clock.at) == partition_of(late) == "telemetry_healthsample_other"
    made = make_day_partitions(at=clock.at)
    assert made == {"sample_partitions": 5, "period_partitions": 5}, "today, three days ahead, and the late one"
    assert partition_of(clock.at) == "telemetry_healthsample_20260601"
    assert partition_of(late) == "telemetry_healthsample_20260512"
    store(till, clock.at + 3 * DAY, clock.at + 4 * DAY)
    assert partition_of(clock.at + 3 * DAY) == "telemetry_healthsample_20260604"
    assert partition_of(clock.at + 4 * DAY) == "telemetry_healthsample_other"
    assert HealthSample.objects.count() == TelemetryPeriod.objects.count() == 4
    assert make_day_partitions(at=clock.at) == {"sample_partitions": 1, "period_partitions": 1}
    assert make_day_partitions(at=clock.at) is None


@on_postgresql
def test_a_partition_has_the_rules_of_its_table(till: Reporter, clock: Clock) -> None:
    add_days(SAMPLES, at=clock.at)
    statement = """
        SELECT conname FROM pg_constraint
         WHERE conrelid = %s::regclass AND conname NOT LIKE '%%not_null' ORDER BY 1
    """
    with connection.cursor() as cursor:
        found = []
        for name in ("telemetry_healthsample", "telemetry_healthsample_20260601"):
            cursor.execute(statement, [name])
            found.append([conname.replace(name, "table") for (conname,) in cursor.fetchall()])
    assert found[0] == found[1]
    assert "table_pkey" in found[0]
    assert len(found[0]) == 5


@on_postgresql
def test_days_are_dropped_as_a_whole(till: Reporter, clock: Clock) -> None:
    store(till, *(clock.at - days * DAY for days in (34, 35, 36, 37)))
    make_day_partitions(at=clock.at)
    compute_marked_hours(at=clock.at)
    assert prune_telemetry(at=clock.at)["health_sample_partitions"] == 2
    left = HealthSample.objects.order_by("at").values_list("at", flat=True)
    assert list(left) == [clock.at - days * DAY for days in (35, 34)], "a day is kept until all of it is too old"
    assert TelemetryPeriod.objects.count() == 4
    assert HealthHour.objects.count() == HealthDay.objects.count() == 4


@on_postgresql
def test_a_day_whose_hours_are_not_computed_is_not_dropped(till: Reporter, clock: Clock) -> None:
    old = clock.at - 40 * DAY
    store(till, old)
    make_day_partitions(at=clock.at)
    assert old.date() not in old_days(SAMPLES, before=clock.at)
    compute_marked_hours(at=clock.at)
    assert old.date() in old_days(SAMPLES, before=clock.at)


def test_nothing_is_deleted_that_is_not_in_its_hour(till: Reporter, clock: Clock) -> None:
    """Even if the job did not run for weeks."""
    store(till, clock.at - 40 * DAY)
    prune_telemetry(at=clock.at)
    assert HealthSample.objects.count() == 0
    assert HealthHour.objects.get().samples == 1


@pytest.mark.parametrize("owner", [True, False], ids=["owner", "other role"])
def test_each_kind_of_row_is_deleted_at_its_time(
    till: Reporter, clock: Clock, monkeypatch: pytest.MonkeyPatch, settings: Any, owner: bool
) -> None:
    settings.FLEET_HOURS_KEPT, settings.FLEET_DAYS_KEPT = 200 * DAY, 300 * DAY
    if not owner:
        for module in (partitions, prune):
            monkeypatch.setattr(module, "can_change", lambda table: False)
    store(till, *(clock.at - days * DAY for days in (30, 40, 90, 110, 190, 210, 290, 310)))
    answer = prune_telemetry(at=clock.at)
    assert answer["fleet_hours"] == 2 * 3
    assert answer["fleet_days"] == 2
    assert (HealthSample.objects.count(), TelemetryPeriod.objects.count()) == (1, 3)
    assert (HealthHour.objects.count(), TelemetryHour.objects.count(), HealthDay.objects.count()) == (5, 5, 7)
    assert not MarkedHour.objects.exists()


@on_postgresql
def test_another_role_says_what_it_could_not_do(till: Reporter, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    store(till, clock.at - 40 * DAY)
    make_day_partitions(at=clock.at - 40 * DAY)
    monkeypatch.setattr(prune, "can_change", lambda table: False)
    answer = prune_telemetry(at=clock.at)
    assert answer["health_samples"] == 1
    assert answer["health_sample_partitions_not_dropped"] == 4
    assert answer["health_sample_partitions_not_made"] == 4


@on_postgresql
def test_the_command_makes_and_drops_partitions(till: Reporter, clock: Clock) -> None:
    output = StringIO()
    call_command("partition_telemetry", "--json", "--days-ahead=10", stdout=output)
    answer = json.loads(output.getvalue())
    assert answer["made"] == {"sample_partitions": 11, "period_partitions": 11}
    clock.move(days=40)
    call_command("partition_telemetry", stdout=output)
    assert clock.at.date() in partitioned_days(PERIODS)
    assert clock.at.date() - 40 * DAY not in partitioned_days(SAMPLES)
    with pytest.raises(CommandError, match="0 to 400"):
        call_command("partition_telemetry", "--days-ahead=401")


@on_sqlite
def test_sqlite_has_no_partitions(db: None) -> None:
    with pytest.raises(CommandError, match="Only PostgreSQL has partitions"):
        call_command("partition_telemetry")
    assert make_day_partitions(at=timezone.now()) is None


def test_what_a_month_of_reports_takes_of_the_disk(till: Reporter, clock: Clock) -> None:
    assert storage_use(at=clock.at).a_month >= 0
    yesterday = clock.at.replace(hour=0) - DAY
    for number in range(50):
        store_samples(till.id, [Sample(yesterday + number * timedelta(minutes=20), 1, 1, 1)], at=clock.at)
    store_periods(till.id, [Period(yesterday, yesterday + HOUR, {"a": 1})], at=clock.at)
    if connection.vendor == "postgresql":
        for table in TABLES:
            partitions.add_day(table, yesterday.date())
    compute_marked_hours(at=clock.at)
    use = storage_use(at=clock.at)
    by_table = {table.table: table for table in use.tables}
    assert use.is_measured == (connection.vendor == "postgresql")
    assert by_table["telemetry_healthsample"].a_day >= 50 * 60
    assert by_table["telemetry_healthhour"].a_day == 24 * 260
    assert use.a_month == 30 * sum(table.a_day for table in use.tables)
    assert use.at_most > use.a_month
    assert use.total > 0

"""The partitions of a history, in a transaction that is undone. tests/test_partitions.py converts a table under load."""

from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from conftest import RegisteredSite
from heartbeat.models import Heartbeat
from heartbeat.partitions import BOUND_ROWS, BUILD_KEY, Month, add_month, add_months, execute, one_value, swap
from heartbeat.prune import prune_heartbeats
from heartbeat.tests.calls import call_at

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]

NOW = timezone.now()
BOUNDARY = Month.of(NOW).later(2)
ROLE = "history_reader_in_tests"


def convert() -> None:
    """As `partition_history` does, in this transaction."""
    execute(BUILD_KEY.replace("CONCURRENTLY", ""))
    execute(BOUND_ROWS.format(boundary=BOUNDARY.start))
    swap(BOUNDARY)
    add_months(at=NOW)


@pytest.fixture
def _role() -> None:
    """One that has of the history what deploy/postgresql_grants.sql gives."""
    execute(f"CREATE ROLE {ROLE}")
    execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON heartbeat_heartbeat TO {ROLE}")
    execute(f"GRANT USAGE, SELECT ON heartbeat_heartbeat_id_seq TO {ROLE}")


def relations() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'heartbeat_heartbeat'::regclass"
        )
        return [name for (name,) in cursor.fetchall()]


@pytest.mark.usefixtures("_role")
def test_each_partition_and_the_sequence_have_the_privileges_of_the_former_table() -> None:
    """A dump by another role than the owner reads them one by one."""
    convert()
    names = ["heartbeat_heartbeat", *relations()]
    assert {"heartbeat_other_months", f"heartbeat_before_{BOUNDARY}", f"heartbeat_{BOUNDARY}"} <= set(names)
    for name in names:
        for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE"):
            assert one_value(f"SELECT has_table_privilege('{ROLE}', '{name}', '{privilege}')"), (name, privilege)
        assert not one_value(f"SELECT has_table_privilege('{ROLE}', '{name}', 'TRUNCATE')"), name
    for privilege in ("USAGE", "SELECT"):
        assert one_value(f"SELECT has_sequence_privilege('{ROLE}', 'heartbeat_heartbeat_id_seq', '{privilege}')")


@pytest.mark.usefixtures("_role")
def test_each_partition_belongs_to_the_owner_of_the_former_table() -> None:
    """Also if a superuser converts it."""
    execute(f"GRANT USAGE, CREATE ON SCHEMA public TO {ROLE}")
    execute(f"ALTER TABLE heartbeat_heartbeat OWNER TO {ROLE}")
    convert()
    for name in ["heartbeat_heartbeat", "heartbeat_heartbeat_id_seq", *relations()]:
        assert one_value(f"SELECT relowner::regrole::text FROM pg_class WHERE oid = '{name}'::regclass") == ROLE, name


# --- What prune does --------------------------------------------------------------------------------------------------

KEEP = timedelta(days=30)
LONG_AGO = Month.of(NOW).later(-6)


@pytest.fixture
def _long_ago_converted() -> None:
    """The former table is gone, and there is a month that is too old."""
    convert()
    execute(f"DROP TABLE heartbeat_before_{BOUNDARY}")
    add_month(LONG_AGO)
    add_months(at=NOW)


def heartbeats_of(site: RegisteredSite, *moments: datetime) -> None:
    for moment in moments:
        call_at(site, moment)


def in_month(month: Month) -> datetime:
    return month.start + timedelta(days=9)


@pytest.mark.usefixtures("_long_ago_converted")
def test_old_rows_of_a_month_without_a_partition_are_deleted(roma: RegisteredSite) -> None:
    young = NOW - timedelta(days=1)
    heartbeats_of(roma, *(in_month(LONG_AGO.later(-2)) + timedelta(hours=hour) for hour in range(5)), young)
    assert one_value("SELECT count(*) FROM heartbeat_other_months") == 5
    assert prune_heartbeats(at=NOW, keep=KEEP, batch_size=2)["heartbeats"] == 5
    assert Heartbeat.objects.get().received_at == young


@pytest.mark.usefixtures("_long_ago_converted")
def test_months_that_are_too_old_are_dropped_although_the_coming_ones_cannot_be_made(roma: RegisteredSite) -> None:
    heartbeats_of(roma, in_month(LONG_AGO), in_month(LONG_AGO.later(-1)))
    coming = Month.of(NOW).later(13).partition
    execute(f"DROP TABLE {coming}")
    execute(f"CREATE TABLE {coming} ()")  # in the way
    with pytest.raises(Exception, match="already exists"):
        prune_heartbeats(at=NOW, keep=KEEP)
    assert LONG_AGO.partition not in relations()
    assert not Heartbeat.objects.exists()


@pytest.mark.usefixtures("_long_ago_converted")
def test_a_month_that_another_process_has_added_is_left_as_it_is(roma: RegisteredSite) -> None:
    heartbeats_of(roma, NOW)
    add_month(Month.of(NOW))
    assert relations().count(Month.of(NOW).partition) == 1
    assert Heartbeat.objects.count() == 1


@pytest.mark.usefixtures("_long_ago_converted")
def test_the_present_month_is_made_also_if_no_older_one_is_left(roma: RegisteredSite) -> None:
    for name in relations():
        if name < Month.of(NOW).later(2).partition:
            execute(f"DROP TABLE {name}")
    heartbeats_of(roma, NOW)
    prune_heartbeats(at=NOW, keep=KEEP)
    assert one_value("SELECT tableoid::regclass::text FROM heartbeat_heartbeat") == Month.of(NOW).partition


@pytest.mark.usefixtures("_role", "_long_ago_converted")
def test_the_lesser_role_deletes_rows_and_says_which_partitions_it_left(roma: RegisteredSite) -> None:
    heartbeats_of(roma, in_month(LONG_AGO), in_month(LONG_AGO.later(-1)), NOW)
    execute(f"DROP TABLE {Month.of(NOW).later(13).partition}")
    execute(f"SET LOCAL ROLE {ROLE}")
    old = Month.of(NOW - KEEP).later(-1)
    left = (old.year - LONG_AGO.year) * 12 + old.month - LONG_AGO.month + 1
    assert prune_heartbeats(at=NOW, keep=KEEP) == {
        "heartbeats": 2,
        "heartbeat_partitions_not_dropped": left,
        "heartbeat_partitions_not_made": 1,
    }
    assert Heartbeat.objects.count() == 1


@pytest.mark.usefixtures("_role", "_long_ago_converted")
def test_a_person_reads_who_must_drop_the_partitions() -> None:
    execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {ROLE}")
    execute(f"SET LOCAL ROLE {ROLE}")
    output = StringIO()
    call_command("prune", heartbeat_days=30, stdout=output)
    explained = "the table belongs to another role. Run partition_history with its DATABASE_URL."
    assert f"heartbeat partitions not dropped: {explained}" in output.getvalue()

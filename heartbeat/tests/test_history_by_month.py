"""The partitions of a history, in a transaction that is undone. tests/test_partitions.py converts a table under load."""

import pytest
from django.db import connection
from django.utils import timezone

from heartbeat.partitions import BOUND_ROWS, BUILD_KEY, Month, add_months, execute, one_value, swap

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

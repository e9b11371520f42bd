"""What was recorded can be neither changed nor taken away: the database itself refuses."""

from collections.abc import Callable

import pytest
from django.db import IntegrityError, connection, transaction

from audit.models import Event
from conftest import RegisteredSite


def execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def save_changed_event() -> None:
    event = Event.objects.get()
    event.reason = "never happened"
    event.save()


COPY_OF_ITSELF = ", ".join(field.column for field in Event._meta.concrete_fields)

ATTEMPTS: dict[str, Callable[[], object]] = {
    "update": lambda: Event.objects.update(reason="never happened"),
    "save": save_changed_event,
    "bulk update": lambda: Event.objects.bulk_update(Event.objects.all(), ["reason"]),
    "delete": lambda: Event.objects.all().delete(),
    "delete one": lambda: Event.objects.get().delete(),
    "raw update": lambda: execute("UPDATE audit_event SET reason = 'never happened'"),
    "raw update to the same": lambda: execute("UPDATE audit_event SET reason = reason"),
    "raw delete": lambda: execute("DELETE FROM audit_event"),
    "raw upsert": lambda: execute(
        f"INSERT INTO audit_event ({COPY_OF_ITSELF}) SELECT {COPY_OF_ITSELF} FROM audit_event WHERE true "
        "ON CONFLICT (sequence) DO UPDATE SET reason = 'never happened'"
    ),
}
SQLITE_ONLY: dict[str, Callable[[], object]] = {
    "replace": lambda: execute(f"REPLACE INTO audit_event ({COPY_OF_ITSELF}) SELECT {COPY_OF_ITSELF} FROM audit_event"),
    "replace by id": lambda: execute(
        f"INSERT OR REPLACE INTO audit_event ({COPY_OF_ITSELF}) "
        f"SELECT {COPY_OF_ITSELF.replace('sequence', 'sequence + 1', 1)} FROM audit_event"
    ),
    "update or replace": lambda: execute("UPDATE OR REPLACE audit_event SET reason = 'never happened'"),
}
POSTGRESQL_ONLY: dict[str, Callable[[], object]] = {
    "truncate": lambda: execute("TRUNCATE audit_event"),
    "truncate all that hangs on it": lambda: execute("TRUNCATE audit_event CASCADE"),
    "truncate from above": lambda: execute("TRUNCATE accounts_admin CASCADE"),
    "delete and count": lambda: execute("WITH gone AS (DELETE FROM audit_event RETURNING 1) SELECT count(*) FROM gone"),
    "merge": lambda: execute(
        "MERGE INTO audit_event USING (SELECT 1) AS one ON true WHEN MATCHED THEN UPDATE SET reason = 'never happened'"
    ),
}
ATTEMPTS |= {"sqlite": SQLITE_ONLY, "postgresql": POSTGRESQL_ONLY}[connection.vendor]


@pytest.mark.parametrize("attempt", ATTEMPTS.values(), ids=ATTEMPTS)
def test_history_is_not_rewritten(roma: RegisteredSite, attempt: Callable[[], object]) -> None:
    connection.check_constraints()  # checks that wait for the commit would refuse a TRUNCATE in the trigger's place
    before = list(Event.objects.values())
    with pytest.raises(IntegrityError, match="audit events are append-only"), transaction.atomic():
        attempt()
    assert list(Event.objects.values()) == before


def test_history_goes_on_after_a_refusal(roma: RegisteredSite) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Event.objects.all().delete()
    assert Event.objects.count() == 1
    assert roma.call_home().status_code == 200

"""How an event comes to be: in the change's own transaction, by somebody with a name."""

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError
from rest_framework.test import APIClient

from accounts.models import Admin
from audit.actors import COMMAND, SYSTEM, Actor, acting_system
from audit.models import Event
from audit.services import Subject, record_event
from conftest import RegisteredSite

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
A_THING = {
    "action": "thing.made",
    "at": NOW,
    "subject_type": "thing",
    "subject_id": "7",
    "subject_name": "Roma",
    "source": "api",
}


def record(by: Actor, **facts: Any) -> Event:
    return record_event("thing.made", subject=Subject("thing", uuid.uuid4(), "Roma"), by=by, at=NOW, **facts)


def test_an_event_outside_a_transaction_is_a_defect(transactional_db: None) -> None:
    with pytest.raises(RuntimeError, match="transaction"):
        record(COMMAND)
    assert not Event.objects.exists()


def test_an_event_falls_with_its_change(transactional_db: None) -> None:
    def change_that_fails() -> None:
        record(COMMAND)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), transaction.atomic():
        change_that_fails()
    assert not Event.objects.exists()


@pytest.mark.parametrize(("by", "source"), [(COMMAND, "command"), (SYSTEM, "system")])
def test_commands_and_the_system_have_no_name(db: None, by: Actor, source: str) -> None:
    event = record(by)
    event.refresh_from_db()
    assert (event.source, event.actor, event.actor_name, event.role) == (source, None, None, None)
    assert (event.ip, event.request_id, event.reason, event.changes) == (None, None, None, {})


def test_the_system_may_be_moved_by_an_address(db: None) -> None:
    assert record(acting_system("203.0.113.7")).ip == "203.0.113.7"


def test_an_admins_name_and_role_stand_as_they_were_then(anna: Admin) -> None:
    event = record(Actor(Event.Source.ADMIN, anna, "203.0.113.7", "trace-1"), reason="unpaid")
    Admin.objects.update(username="anne", role="viewer")
    event.refresh_from_db()
    assert (event.actor_name, event.role, event.source) == ("anna", "sysadmin", "admin")
    assert (event.ip, event.request_id, event.reason) == ("203.0.113.7", "trace-1", "unpaid")


def test_changes_are_pairs_of_before_and_after(db: None) -> None:
    event = record(COMMAND, changes={"is_locked": (False, True), "lock_reason": (None, "unpaid")})
    event.refresh_from_db()
    assert event.changes == {"is_locked": [False, True], "lock_reason": [None, "unpaid"]}


def test_the_order_is_the_order_of_recording_even_at_one_instant(db: None) -> None:
    recorded = [record(COMMAND).pk for _ in range(5)]
    assert list(Event.objects.newest_first().values_list("pk", flat=True)) == recorded[::-1]


@pytest.mark.parametrize("missing", ["actor_name", "role"])
def test_an_actor_has_a_name_and_a_role(anna: Admin, missing: str) -> None:
    facts = {"actor": anna, "actor_name": "anna", "role": "sysadmin", missing: None}
    with pytest.raises(IntegrityError, match="event_actor_named"), transaction.atomic():
        Event.objects.create(**A_THING, **facts)


@pytest.mark.parametrize("named", [{"actor_name": "anna"}, {"role": "sysadmin"}])
def test_nobody_has_no_name(db: None, named: dict[str, str]) -> None:
    with pytest.raises(IntegrityError, match="event_actor_named"), transaction.atomic():
        Event.objects.create(**A_THING, **named)


def test_an_events_id_is_its_own(db: None) -> None:
    event = record(COMMAND)
    with pytest.raises(IntegrityError), transaction.atomic():
        Event.objects.create(id=event.id, **A_THING)


@pytest.mark.parametrize(
    "wrong",
    [
        {"action": "made"},
        {"action": "other.made"},
        {"action": "things.made"},
        {"action": "other.thing.made"},
        {"action": "Thing.made"},
        {"subject_type": "thin_"},
        {"subject_type": "", "action": ".made"},
    ],
)
def test_an_action_is_in_the_namespace_of_its_subject(db: None, wrong: dict[str, str]) -> None:
    with pytest.raises(IntegrityError, match=r"event_action_in_namespace_of_subject|event_subject_identified"):
        Event.objects.create(**{**A_THING, **wrong})


def test_a_subject_has_an_id(db: None) -> None:
    with pytest.raises(IntegrityError, match="event_subject_identified"):
        Event.objects.create(**{**A_THING, "subject_id": ""})


def test_a_subject_is_of_any_kind_with_a_uuid_or_a_number(db: None) -> None:
    ids = [uuid.uuid4(), 7]
    for subject_id in ids:
        record_event("thing.made", subject=Subject("thing", subject_id, "x"), by=COMMAND, at=NOW)
        record_event("other.made", subject=Subject("other", subject_id, "x"), by=COMMAND, at=NOW)
    for subject_id in ids:
        (event,) = Event.objects.of("thing", subject_id)
        assert (event.action, event.short_action, event.subject_id) == ("thing.made", "made", str(subject_id))


def test_an_admin_who_did_something_cannot_be_deleted(anna: Admin, roma: RegisteredSite) -> None:
    with pytest.raises(ProtectedError):
        anna.delete()

    def delete_without_asking() -> None:
        Admin.objects.all()._raw_delete("default")
        connection.check_constraints()

    with pytest.raises(IntegrityError), transaction.atomic():
        delete_without_asking()
    assert Event.objects.get().actor == anna


def test_a_change_that_is_refused_leaves_no_event(api: APIClient, roma: RegisteredSite) -> None:
    for body in ({"days": 0}, {"until": "2001-01-01T00:00:00Z"}, {}):
        assert api.post(f"{roma.path}/extend", body).status_code == 400
    assert Event.objects.count() == 1


def test_the_events_address_is_the_callers_and_no_forged_one(api: APIClient, roma: RegisteredSite) -> None:
    api.post(f"{roma.path}/lock", {"reason": "x"}, headers={"X-Forwarded-For": "203.0.113.66"})
    assert Event.objects.newest_first()[0].ip == "127.0.0.1"


def test_an_unacceptable_request_id_is_not_recorded(api: APIClient, roma: RegisteredSite) -> None:
    answer = api.post(f"{roma.path}/lock", {"reason": "x"}, headers={"X-Request-ID": "a b;c"})
    recorded = Event.objects.newest_first()[0].request_id
    assert recorded == answer.headers["X-Request-ID"] != "a b;c"

"""The contents of events can be erased, on record and in no other way; everything else of them stays."""

import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.models import Admin
from audit.actors import SYSTEM, Actor
from audit.chain import ERASED, emptied, hash_of
from audit.erasure import erase_events
from audit.models import Event
from audit.services import Subject, add_checkpoint, record_event
from audit.tests.test_hashes import verify, without_triggers

SITE = Subject("site", "0b6f", "Trattoria Roma")
CONTENTS = {"subject_name", "reason", "changes", "salt", "ip"}
FORGED: dict[str, Any] = {
    "sequence": 4711,
    "id": "0b6f0000-0000-4000-8000-000000000000",
    "at": timezone.now(),
    "action": "site.unlocked",
    "subject_type": "si",
    "subject_id": "forged",
    "subject_name": "forged",
    "actor": None,
    "actor_name": "forged",
    "role": "viewer",
    "source": "api",
    "token_name": "forged",
    "ip": "198.51.100.9",
    "request_id": "forged",
    "reason": "forged",
    "changes": {"forged": [1, 2]},
    "previous_hash": "f" * 64,
    "hash": "f" * 64,
    "salt": "f" * 32,
}


@pytest.fixture
def events(anna: Admin, db: None) -> list[Event]:
    """Two about a site, by an admin and by the site itself."""
    with transaction.atomic():
        by = Actor(Event.Source.ADMIN, anna, "203.0.113.7", "ticket-4711")
        changes = {"lock_reason": (None, "Giulia did not pay")}
        record_event(
            "site.locked", subject=SITE, by=by, at=timezone.now(), reason="Giulia did not pay", changes=changes
        )
        by = Actor(Event.Source.SYSTEM, None, "198.51.100.1")
        record_event("site.key_retired", subject=SITE, by=by, at=timezone.now(), changes={"live_keys": (["…x7Qa"], [])})
    return list(Event.objects.order_by("sequence"))


def erase(events: list[Event]) -> Event:
    anna = Admin.objects.get(username="anna")
    with transaction.atomic():
        return erase_events(
            events,
            action="site.erased",
            subject=Subject("site", events[0].subject_id, ERASED),
            by=Actor(Event.Source.ADMIN, anna),
            at=timezone.now(),
            reason="ticket 12",
            changes={"requested_by": (None, "ben")},
        )


def test_the_contents_are_emptied_and_the_rest_stays(events: list[Event]) -> None:
    before = {event.pk: event for event in events}
    erasure = erase(events)
    for event in Event.objects.exclude(pk=erasure.pk):
        kept = {field.attname for field in Event._meta.concrete_fields} - CONTENTS - {"erasure_id"}
        assert {name: getattr(event, name) for name in kept} == {name: getattr(before[event.pk], name) for name in kept}
        assert (event.subject_name, event.reason, event.changes, event.salt) == (ERASED, None, {}, "")
        assert event.erasure_id == erasure.pk


def test_the_address_of_an_admin_stays_and_that_of_a_site_goes(events: list[Event]) -> None:
    erase(events)
    assert [event.ip for event in Event.objects.order_by("sequence")[:2]] == ["203.0.113.7", None]


def test_the_log_is_verified_as_before_and_names_the_erasure(events: list[Event]) -> None:
    add_checkpoint(at=timezone.now())
    erasure = erase(events)
    add_checkpoint(at=timezone.now())
    words = verify()
    assert "All 3 events are as they were written, or erased on record." in words
    told = (
        f"the contents of 2 events were erased, for site 0b6f; requested by ben, confirmed by anna (event {erasure.id})"
    )
    assert told in words
    output = StringIO()
    call_command("verify_audit", json=True, stdout=output)
    [listed] = json.loads(output.getvalue())["erasures"]
    assert (listed["requested_by"], listed["confirmed_by"], listed["events"]) == ("ben", "anna", 2)
    assert listed["event_id"] == str(erasure.id)


def test_the_next_event_continues_the_chain(events: list[Event]) -> None:
    erase(events)
    with transaction.atomic():
        record_event("site.unlocked", subject=SITE, by=SYSTEM, at=timezone.now())
    assert "All 4" in verify()


# --- What the database refuses ------------------------------------------------------------------------------------


def test_every_column_is_tried() -> None:
    names = {field.name for field in Event._meta.concrete_fields}
    assert set(FORGED) == names - {"erasure"}


@pytest.mark.parametrize("column", FORGED)
def test_an_erasure_changes_nothing_else(events: list[Event], column: str) -> None:
    """An update that also sets another column is refused, although the erasure is on record."""
    with transaction.atomic():
        erasure = record_erasure(events)
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        Event.objects.filter(pk=events[0].pk).update(**{"erasure": erasure, column: FORGED[column]})


@pytest.mark.parametrize("column", FORGED)
def test_an_erased_event_does_not_change_again(events: list[Event], column: str) -> None:
    erasure = erase(events)
    before = list(Event.objects.values())
    for event, values in ((events[0], {}), (events[0], {"erasure": erasure}), (erasure, {})):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            Event.objects.filter(pk=event.pk).update(**{column: FORGED[column], **values})
    assert list(Event.objects.values()) == before


def record_erasure(
    events: list[Event], *, action: str = "site.erased", about: str = "0b6f", by: Actor = SYSTEM, **changes: Any
) -> Event:
    """An erasure on record, before it is carried out."""
    listed = {str(event.sequence): [event.hash, hash_of(emptied(event))] for event in events}
    changes = {"erased_events": (None, listed), **changes}
    subject = Subject(action.partition(".")[0], about, ERASED)
    return record_event(action, subject=subject, by=by, at=timezone.now(), changes=changes)


UNRECORDED: dict[str, Callable[[list[Event]], Any]] = {
    "no event at all": lambda events: 4711,
    "an event that lists nothing": lambda events: events[1].pk,
    "an erasure of another event": lambda events: record_erasure(events[1:]).pk,
    "an erasure of another hash": lambda events: (
        record_erasure(events, erased_events=(None, {str(events[0].pk): ["0" * 64, "0" * 64]})).pk
    ),
    "an event of another action": lambda events: record_erasure(events, action="site.updated").pk,
    "an erasure of another site": lambda events: record_erasure(events, about="another").pk,
    "an erasure of another kind of subject": lambda events: record_erasure(events, action="admin.erased").pk,
}


@pytest.mark.parametrize("erasure", UNRECORDED.values(), ids=UNRECORDED)
def test_without_an_erasure_on_record_nothing_is_emptied(
    events: list[Event], erasure: Callable[[list[Event]], Any]
) -> None:
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        Event.objects.filter(pk=events[0].pk).update(erasure_id=erasure(events))
    assert Event.objects.filter(pk=events[0].pk, reason="Giulia did not pay").exists()


def test_an_erasure_is_not_taken_back(events: list[Event]) -> None:
    erase(events)
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        Event.objects.update(erasure=None)


def test_erased_events_are_not_deleted(events: list[Event]) -> None:
    erase(events)
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        Event.objects.filter(pk=events[0].pk).delete()


def test_an_export_is_emptied_by_the_erasure_of_any_site(events: list[Event]) -> None:
    with transaction.atomic():
        subject = Subject("site_list", "all", "the list of sites")
        filters = {"filters": (None, "q=giulia")}
        export = record_event("site_list.exported", subject=subject, by=SYSTEM, at=timezone.now(), changes=filters)
    erase([*events, export])
    assert Event.objects.get(pk=export.pk).changes == {}
    assert "All 4" in verify()


@pytest.mark.parametrize("subject", ["device", "rollout"])
def test_events_of_devices_and_roll_outs_are_emptied_by_the_erasure_of_any_site(
    events: list[Event], subject: str
) -> None:
    with transaction.atomic():
        changes = {"name": (None, "Giulia's till")}
        of_fleet = record_event(
            f"{subject}.created",
            subject=Subject(subject, "77", "Giulia's"),
            by=SYSTEM,
            at=timezone.now(),
            changes=changes,
        )
    erase([*events, of_fleet])
    assert Event.objects.get(pk=of_fleet.pk).changes == {}
    assert "All 4" in verify()


@pytest.mark.parametrize("subject", ["firmware", "organization", "admin"])
def test_events_of_other_subjects_are_not(events: list[Event], subject: str) -> None:
    with transaction.atomic():
        other = record_event(
            f"{subject}.created", subject=Subject(subject, "77", "x"), by=SYSTEM, at=timezone.now(), reason="kept"
        )
    with pytest.raises(IntegrityError, match="append-only"):
        erase([*events, other])
    assert Event.objects.get(pk=other.pk).reason == "kept"


@pytest.mark.skipif(
    connection.vendor != "postgresql", reason="the schema of temporary tables comes first on PostgreSQL"
)
def test_a_temporary_table_does_not_stand_in_for_the_log(events: list[Event]) -> None:
    with transaction.atomic():
        erasure = record_erasure(events)
        other = record_event("site.updated", subject=SITE, by=SYSTEM, at=timezone.now())
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TEMPORARY TABLE audit_event AS SELECT * FROM public.audit_event WHERE sequence = {erasure.pk}"
        )
        cursor.execute(f"UPDATE pg_temp.audit_event SET sequence = {other.pk}")
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            cursor.execute(f"UPDATE public.audit_event SET erasure_id = {other.pk} WHERE sequence = {events[0].pk}")
        cursor.execute("DROP TABLE pg_temp.audit_event")


@pytest.mark.skipif(connection.vendor != "sqlite", reason="other names of the first column exist on SQLite only")
@pytest.mark.parametrize("name", ["rowid", "_rowid_", "oid"])
def test_the_number_does_not_change_by_its_other_names(events: list[Event], name: str) -> None:
    with connection.cursor() as cursor, pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        cursor.execute(f"UPDATE audit_event SET {name} = 4711 WHERE sequence = {events[0].pk}")


# --- What verify_audit notices, if the triggers were switched off --------------------------------------------------

TAMPERED: dict[str, tuple[Callable[[list[Event]], Any], str]] = {
    "other contents": (lambda events: change(events[0], reason="harmless", subject_name="Roma"), "after its erasure"),
    "another actor": (lambda events: change(events[0], actor_name="eva"), "was changed after its erasure"),
    "another time": (lambda events: change(events[0], at="2020-01-01T00:00:00Z"), "was changed after its erasure"),
    "another hash": (lambda events: change(events[0], hash="0" * 64), "was changed after its erasure"),
    "contents without the mark": (lambda events: change(events[0], erasure=None, reason="x"), "has contents, although"),
    "another list": (
        lambda events: change(Event.objects.last(), changes={"erased_events": [None, {}]}),
        "no event records",
    ),
    **{
        f"a list of another shape, {shape}": (
            lambda events, shape=shape: change(Event.objects.last(), changes={"erased_events": shape}),
            "no event records",
        )
        for shape in ("x", 7, [], [None, None], [None, ["x"]], [None, {"x": ["0", "0"]}], [None, {"1": "0"}])
    },
    "another reason of the erasure": (
        lambda events: change(Event.objects.last(), reason="x"),
        "was changed, or inserted",
    ),
    "no erased event": (lambda events: Event.objects.filter(pk=events[0].pk).delete(), "an event was removed"),
}


def change(event: Event | None, **values: Any) -> None:
    assert event
    Event.objects.filter(pk=event.pk).update(**values)


@pytest.mark.parametrize(("tamper", "words"), TAMPERED.values(), ids=TAMPERED)
def test_what_was_done_past_the_triggers_is_noticed(
    events: list[Event], tamper: Callable[[list[Event]], Any], words: str
) -> None:
    erase(events)
    with without_triggers():
        tamper(events)
    with pytest.raises(CommandError, match=words):
        verify()


EMPTIED_BY: dict[str, tuple[dict[str, Any], str]] = {
    "another action": ({"action": "site.updated"}, "no event records its erasure"),
    "another site": ({"about": "another"}, "was emptied by an erasure that is not about it"),
}


@pytest.mark.parametrize(("forged", "words"), EMPTIED_BY.values(), ids=EMPTIED_BY)
def test_an_event_that_another_event_claims_to_have_erased_is_noticed(
    events: list[Event], anna: Admin, forged: dict[str, Any], words: str
) -> None:
    with without_triggers(), transaction.atomic():
        by = Actor(Event.Source.ADMIN, anna)
        erasure = record_erasure(events, by=by, requested_by=(None, "ben"), **forged)
        for event in events:
            ip = event.ip if event.actor_id else None
            change(event, subject_name=ERASED, reason=None, changes={}, salt="", ip=ip, erasure=erasure)
    with pytest.raises(CommandError, match=words):
        verify()


@pytest.mark.parametrize("requester", [None, "anna"])
def test_an_erasure_that_does_not_name_two_people_is_noticed(
    events: list[Event], anna: Admin, requester: str | None
) -> None:
    with transaction.atomic():
        record_erasure([], by=Actor(Event.Source.ADMIN, anna), requested_by=(None, requester))
    with pytest.raises(CommandError, match="does not name two people"):
        verify()


def test_an_erasure_that_nobody_confirmed_is_noticed(events: list[Event]) -> None:
    with transaction.atomic():
        record_erasure([], requested_by=(None, "ben"))
    with pytest.raises(CommandError, match="does not name two people"):
        verify()


def test_an_event_that_was_emptied_without_an_erasure_is_noticed(events: list[Event]) -> None:
    with without_triggers():
        change(events[0], subject_name=ERASED, reason=None, changes={}, salt="", erasure=events[1])
    with pytest.raises(CommandError, match="no event records its erasure"):
        verify()


def test_a_removed_erasure_is_noticed(events: list[Event]) -> None:
    erasure = erase(events)
    with without_triggers():
        Event.objects.filter(pk__in=[event.pk for event in events]).update(erasure=None)
        erasure.delete()
    with pytest.raises(CommandError, match="was changed, or inserted"):
        verify()


def test_the_hash_does_not_tell_what_was_erased(events: list[Event]) -> None:
    """Without the salt, a right guess has another hash than the event."""
    guess = Event.objects.get(pk=events[0].pk)
    assert hash_of(guess) == guess.hash
    erase(events)
    guess.salt = Event.objects.get(pk=guess.pk).salt
    assert hash_of(guess) != guess.hash


def test_an_event_from_before_there_were_salts_is_verified_and_can_be_erased(events: list[Event]) -> None:
    old = Event(action="site.edited", at=timezone.now(), subject_type="site", subject_id="old", subject_name="Giulia")
    old.source = Event.Source.SYSTEM
    old.hash = hash_of(old)
    old.save(force_insert=True)
    assert "All 3" in verify()
    erase([old])
    assert "All 4" in verify()
    assert Event.objects.get(pk=old.pk).subject_name == ERASED

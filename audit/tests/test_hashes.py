"""Somebody who can write to the database past the triggers is noticed: `verify_audit` names the first event that is wrong."""

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, connections, transaction
from django.utils import timezone

from accounts.events import UNKNOWN_ADMIN
from accounts.models import Admin
from audit import triggers
from audit.actors import SYSTEM
from audit.chain import hash_of
from audit.models import Checkpoint, Event
from audit.services import add_checkpoint, record_event
from conftest import RegisteredSite
from sites.events import SITE


@contextmanager
def without_triggers() -> Iterator[None]:
    """As the owner of the tables can."""
    run(triggers.DROP_CURRENT[connection.vendor])
    yield
    run(triggers.CREATE_CURRENT[connection.vendor])


def run(statements: list[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def verify(**options: Any) -> str:
    output = StringIO()
    call_command("verify_audit", stdout=output, **options)
    return output.getvalue()


def checkpoint(**options: Any) -> dict[str, Any]:
    output = StringIO()
    call_command("checkpoint_audit", json=True, stdout=output, **options)
    result: dict[str, Any] = json.loads(output.getvalue())
    return result


def test_the_newest_checkpoint_can_be_printed_again(events: list[Event]) -> None:
    """The worker may have made it, and cron fetches it."""
    made = checkpoint()
    assert checkpoint(newest=True) == made
    assert checkpoint() is None


@pytest.fixture
def events(roma: RegisteredSite, register: Any, api: Any) -> list[Event]:
    """Of two sites, by turns."""
    other = register(name="Napoli")
    for reason in ("unpaid", "unpaid: called", "unpaid, called twice"):
        for site in (roma, other):
            assert api.post(f"{site.path}/lock", {"reason": reason}).status_code == 200
    return list(Event.objects.of(SITE, roma.site_id).order_by("sequence"))


def test_each_event_holds_the_hash_of_the_one_before_it_about_the_same_subject(events: list[Event]) -> None:
    assert [event.previous_hash for event in events] == ["", *(event.hash for event in events[:-1])]
    assert all(event.hash == hash_of(event) for event in Event.objects.all())
    assert len({event.hash for event in Event.objects.all()}) == Event.objects.count()
    assert "All" in verify()


def test_what_is_stored_gives_the_same_hash_as_what_was_recorded(roma: RegisteredSite, api: Any) -> None:
    """Whatever characters a reason has, and from whatever address it came."""
    for address in ("2001:DB8::1", "203.0.113.7"):
        reason = f'Zeichen: ä, 日本, \U0001f512, "quoted\\" {address}'
        answer = api.post(f"{roma.path}/lock", {"reason": reason}, REMOTE_ADDR=address)
        assert answer.status_code == 200
    assert verify()


CHANGES: dict[str, Callable[[Event], Any]] = {
    "reason": lambda event: Event.objects.filter(pk=event.pk).update(reason="harmless"),
    "time": lambda event: Event.objects.filter(pk=event.pk).update(at="2020-01-01T00:00:00Z"),
    "actor": lambda event: Event.objects.filter(pk=event.pk).update(
        actor=Admin.objects.create_user("eva", "eva@vendor.example", "x"), actor_name="eva"
    ),
    "changes": lambda event: Event.objects.filter(pk=event.pk).update(changes={}),
    "address": lambda event: Event.objects.filter(pk=event.pk).update(ip="198.51.100.1"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_event_is_named(events: list[Event], change: Callable[[Event], Any]) -> None:
    with without_triggers():
        change(events[1])
    with pytest.raises(CommandError, match=f"{events[1].id}.* was changed"):
        verify()


def test_a_changed_event_with_a_new_hash_is_noticed_at_the_next_one(events: list[Event]) -> None:
    with without_triggers():
        events[1].reason = "harmless"
        events[1].hash = hash_of(events[1])
        events[1].save()
    with pytest.raises(CommandError, match=f"{events[2].id}.* does not follow"):
        verify()


def test_a_removed_event_is_noticed_at_the_next_one(events: list[Event]) -> None:
    with without_triggers():
        events[1].delete()
    with pytest.raises(CommandError, match=f"{events[2].id}.* does not follow"):
        verify()


def test_an_inserted_event_is_named(events: list[Event]) -> None:
    columns = ", ".join(field.column for field in Event._meta.concrete_fields if field.column not in ("sequence", "id"))
    new_id = "'0b6f0000000000000000000000000000'" if connection.vendor == "sqlite" else "gen_random_uuid()"
    values = columns.replace("previous_hash", "''").replace(" hash", " ''")
    source = f"SELECT {new_id}, {values} FROM audit_event WHERE sequence = {events[0].pk}"
    run([f"INSERT INTO audit_event (id, {columns}) {source}"])
    inserted = Event.objects.order_by("-sequence").first()
    assert inserted
    with pytest.raises(CommandError, match=f"{inserted.id}.* inserted by hand"):
        verify()


def test_an_event_inserted_by_hand_does_not_keep_its_subject_from_being_changed(
    events: list[Event], roma: RegisteredSite, api: Any
) -> None:
    """As an older version of the product does, which knows no hashes."""
    twin = Event.objects.get(pk=events[-1].pk)
    twin.pk, twin.id, twin.hash, twin.previous_hash = None, uuid.uuid4(), "", ""
    twin.save(force_insert=True)
    assert api.post(f"{roma.path}/unlock", {}).status_code == 200


def test_an_event_with_a_number_that_no_checkpoint_covers_is_named(events: list[Event]) -> None:
    facts = {"subject_type": SITE, "subject_id": "x", "subject_name": "x", "source": "system"}
    event = Event(pk=-1, action="site.locked", at=timezone.now(), **facts)
    event.hash = hash_of(event)
    event.save(force_insert=True)
    with pytest.raises(CommandError, match=f"{event.id}.* inserted by hand"):
        verify()


def test_the_database_refuses_two_events_after_the_same_one(events: list[Event]) -> None:
    twin = Event.objects.get(pk=events[1].pk)
    twin.pk, twin.id = None, uuid.uuid4()
    with pytest.raises(IntegrityError), transaction.atomic():
        twin.save(force_insert=True)


def test_a_removed_newest_event_is_noticed_by_the_checkpoint(events: list[Event]) -> None:
    assert checkpoint()["events"] == Event.objects.count()
    with without_triggers():
        events[-1].delete()
    with pytest.raises(CommandError, match="are not those of the checkpoint"):
        verify()


def test_a_checkpoint_covers_the_events_since_the_one_before(
    events: list[Event], roma: RegisteredSite, api: Any
) -> None:
    first = checkpoint()
    assert checkpoint() is None
    api.post(f"{roma.path}/unlock", {})
    second = checkpoint()
    assert (second["events"], second["last_sequence"]) == (1, first["last_sequence"] + 1)
    assert "All" in verify()


def test_a_log_that_was_rewritten_as_a_whole_differs_from_a_checkpoint_kept_elsewhere(
    events: list[Event], tmp_path: Path
) -> None:
    kept = tmp_path / "checkpoints.jsonl"
    checkpoint(file=kept)
    assert "All" in verify(kept=kept)
    with without_triggers():
        Checkpoint.objects.all().delete()
        newest: dict[str, str] = {}
        for event in Event.objects.order_by("sequence"):
            event.reason = event.reason and "harmless"
            event.previous_hash = newest.get(event.subject_id, "")
            event.hash = newest[event.subject_id] = hash_of(event)
            event.save()
    checkpoint()
    assert "All" in verify()
    with pytest.raises(CommandError, match="that was kept is not the one in the database"):
        verify(kept=kept)


def test_a_finding_as_json_names_the_event(events: list[Event]) -> None:
    with without_triggers():
        Event.objects.filter(pk=events[1].pk).update(reason="harmless")
    output = StringIO()
    with pytest.raises(CommandError):
        call_command("verify_audit", json=True, stdout=output)
    assert json.loads(output.getvalue())["event_id"] == str(events[1].id)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"at": 1}'])
def test_a_file_that_holds_no_checkpoints_is_refused(db: None, tmp_path: Path, content: str) -> None:
    kept = tmp_path / "kept"
    kept.write_text(content)
    with pytest.raises(CommandError, match="kept"):
        verify(kept=kept)


def test_checkpoints_cannot_be_changed_or_deleted(events: list[Event]) -> None:
    checkpoint()
    for attempt in (
        lambda: Checkpoint.objects.update(events=1),
        lambda: Checkpoint.objects.all().delete(),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            attempt()


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_events_about_one_subject_at_the_same_time_form_one_chain() -> None:
    """Sign-ins of unknown admins are recorded without a row to lock."""

    def record(number: int) -> None:
        with transaction.atomic():
            record_event(
                "admin.sign_in_blocked", subject=UNKNOWN_ADMIN, by=SYSTEM, at=timezone.now(), reason=str(number)
            )
            time.sleep(0.02)
        connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(record, range(40)))
    assert Event.objects.count() == 40
    assert "All 40" in verify()


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_checkpoint_waits_for_events_that_are_not_committed_yet() -> None:
    """Otherwise an event with a smaller number would appear behind it."""
    inserted, go_on = threading.Event(), threading.Event()

    def record_slowly() -> None:
        with transaction.atomic():
            record_event("admin.sign_in_blocked", subject=UNKNOWN_ADMIN, by=SYSTEM, at=timezone.now())
            inserted.set()
            go_on.wait(10)
        connections.close_all()

    slow = threading.Thread(target=record_slowly)
    slow.start()
    inserted.wait(10)
    threading.Timer(0.3, go_on.set).start()
    stored = add_checkpoint(at=timezone.now())
    slow.join()
    assert stored
    assert stored.events == Event.objects.count() == 1


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_checkpoint_soon_gives_up_so_that_others_go_on() -> None:
    """Whoever records an event queues behind a checkpoint that waits."""
    inserted, go_on = threading.Event(), threading.Event()

    def record_slowly() -> None:
        with transaction.atomic():
            record_event("admin.sign_in_blocked", subject=UNKNOWN_ADMIN, by=SYSTEM, at=timezone.now())
            inserted.set()
            go_on.wait(10)
        connections.close_all()

    slow = threading.Thread(target=record_slowly)
    slow.start()
    inserted.wait(10)
    try:
        with pytest.raises(CommandError, match="try again"):
            checkpoint()
    finally:
        go_on.set()
        slow.join()
    assert checkpoint()["events"] == 1


def test_events_from_before_the_hashes_are_chained_by_the_migration(events: list[Event]) -> None:
    expected = list(Event.objects.order_by("sequence").values_list("previous_hash", "hash"))
    with without_triggers():
        Event.objects.update(previous_hash="", hash="")
    fill = import_module("audit.migrations.0003_hashes_of_older_events").fill
    run(triggers.FORBID_ERASURE[connection.vendor])  # the triggers of that time
    fill(apps, Editor())
    run(triggers.ALLOW_ERASURE[connection.vendor])
    assert list(Event.objects.order_by("sequence").values_list("previous_hash", "hash")) == expected
    with pytest.raises(IntegrityError), transaction.atomic():
        Event.objects.update(reason="the triggers are back")


class Editor:
    """What the migration uses of a schema editor, which SQLite does not have in a test's transaction."""

    connection = connection

    def execute(self, statement: str) -> None:
        run([statement])

"""Notes about a site: added once, by an admin, and never changed."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Admin
from accounts.tests.side_by_side import side_by_side
from audit.actors import COMMAND, Actor
from audit.models import Event
from common.errors import InvalidInput
from conftest import RegisteredSite
from sites.errors import NoteAlreadyAdded, SiteErased, SiteNotFound
from sites.models import Site, SiteNote
from sites.services import add_note
from sites.tests.conftest import UNKNOWN_ID, actions, newest_event

TEXT = "Called the owner.\nShe pays on Monday."


def by(admin: Admin) -> Actor:
    return Actor(Event.Source.ADMIN, admin, "203.0.113.9", "ticket-4711")


def note(admin: Admin, site: RegisteredSite | str, text: str = TEXT, note_id: uuid.UUID | None = None) -> SiteNote:
    site_id = uuid.UUID(site if isinstance(site, str) else site.site_id)
    return add_note(site_id, text=text, note_id=note_id, by=by(admin), at=timezone.now())


def test_a_note_says_who_wrote_what_and_when(ben: Admin, roma: RegisteredSite) -> None:
    added = note(ben, roma, f"  {TEXT}\r\n")
    stored = SiteNote.objects.get()
    assert (str(stored.site_id), stored.admin, stored.admin_name, stored.text, stored.at) == (
        roma.site_id,
        ben,
        "ben",
        TEXT,
        added.at,
    )


def test_its_event_does_not_hold_the_text(ben: Admin, roma: RegisteredSite) -> None:
    added, event = note(ben, roma), newest_event()
    assert (event.action, event.actor_name, event.at) == ("site.note_added", "ben", added.at)
    assert (event.reason, event.changes) == (None, {})


def test_a_note_changes_neither_the_revision_nor_the_site(ben: Admin, roma: RegisteredSite) -> None:
    before = Site.objects.values().get()
    note(ben, roma)
    assert Site.objects.values().get() == before


def test_the_same_form_twice_is_one_note(ben: Admin, roma: RegisteredSite) -> None:
    form = uuid.uuid4()
    first, second = (note(ben, roma, note_id=form) for _ in range(2))
    assert first == second
    assert actions() == ["registered", "note_added"]


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_the_same_form_many_times_at_one_moment_is_one_note(ben: Admin, roma: RegisteredSite) -> None:
    form = uuid.uuid4()
    added = side_by_side(*[lambda: note(ben, roma, note_id=form).pk] * 8)
    assert len(set(added)) == SiteNote.objects.count() == 1
    assert actions() == ["registered", "note_added"]


def test_the_same_form_with_another_text_is_refused(ben: Admin, roma: RegisteredSite) -> None:
    form = uuid.uuid4()
    note(ben, roma, note_id=form)
    with pytest.raises(NoteAlreadyAdded):
        note(ben, roma, "something else", note_id=form)
    assert SiteNote.objects.get().text == TEXT


def test_the_same_text_twice_is_two_notes(ben: Admin, roma: RegisteredSite) -> None:
    for _ in range(2):
        note(ben, roma)
    assert SiteNote.objects.count() == 2


def test_a_deregistered_site_may_get_a_note_and_an_erased_one_may_not(
    anna: Admin, roma: RegisteredSite, api: APIClient
) -> None:
    api.delete(roma.path)
    note(anna, roma)
    Site.objects.update(erased_at=timezone.now())
    with pytest.raises(SiteErased):
        note(anna, roma)
    assert SiteNote.objects.count() == 1


@pytest.mark.parametrize("text", ["", " \n ", "x" * 2001, "a\x00b", "\udcff"])
def test_a_text_that_is_empty_too_long_or_unprintable_is_refused(ben: Admin, roma: RegisteredSite, text: str) -> None:
    with pytest.raises(InvalidInput):
        note(ben, roma, text)
    assert actions() == ["registered"]


def test_line_breaks_of_a_browser_count_once(ben: Admin, roma: RegisteredSite) -> None:
    assert len(note(ben, roma, "x\r\n" * 999 + "xx").text) == 2000


def test_an_unknown_site_gets_no_note(ben: Admin) -> None:
    with pytest.raises(SiteNotFound):
        note(ben, UNKNOWN_ID)


def test_a_note_is_by_an_admin(roma: RegisteredSite) -> None:
    with pytest.raises(ValueError, match="by an admin"):
        add_note(uuid.UUID(roma.site_id), text=TEXT, by=COMMAND, at=timezone.now())


# --- The database ---


def execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.mark.parametrize(
    "attempt",
    [
        lambda: SiteNote.objects.update(text="never said"),
        lambda: SiteNote.objects.get().save(),
        lambda: execute("UPDATE sites_sitenote SET text = text"),
    ],
    ids=["update", "save", "raw update"],
)
def test_the_database_refuses_to_change_a_note(ben: Admin, roma: RegisteredSite, attempt: Callable[[], object]) -> None:
    note(ben, roma)
    with pytest.raises(IntegrityError, match="notes are never changed"), transaction.atomic():
        attempt()
    assert SiteNote.objects.get().text == TEXT


@pytest.mark.parametrize(
    ("constraint", "columns"),
    [
        ("sitenote_text_length", {"text": ""}),
        ("sitenote_text_length", {"text": "x" * 2001}),
        ("sitenote_admin_named", {"admin_name": ""}),
        ("sitenote_once", {}),
    ],
)
def test_the_database_refuses_a_wrong_note(
    ben: Admin, roma: RegisteredSite, constraint: str, columns: dict[str, Any]
) -> None:
    added = note(ben, roma)
    facts = {
        "note_id": added.note_id if constraint == "sitenote_once" else uuid.uuid4(),
        "admin_name": "ben",
        "text": TEXT,
    }
    with pytest.raises(Exception, match=rf"{constraint}|sitenote\.note_id|too long"), transaction.atomic():
        SiteNote.objects.create(site_id=roma.site_id, admin=ben, at=added.at, **{**facts, **columns})

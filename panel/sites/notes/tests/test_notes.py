"""Notes on a site's page: who sees them, who adds them, and what becomes of a form that is sent twice."""

import re
import uuid
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Admin
from audit.actors import Actor
from audit.models import Event
from conftest import RegisteredSite
from panel.sites.page.tests.site_form import open_page
from panel.tests.screen import FormReader, browser_of
from sites.models import Site, SiteNote
from sites.services import add_note

pytestmark = pytest.mark.any_database


def notes_page(site: RegisteredSite) -> str:
    return f"/admin/sites/site/{site.site_id}/notes/"


def add(admin: Admin, site: RegisteredSite, text: str, note_id: str | None = None) -> Any:
    facts = {"note_id": note_id or str(uuid.uuid4()), "text": text}
    return browser_of(admin).post(notes_page(site), facts, follow=True)


@pytest.mark.parametrize("person", ["anna", "ben"])
def test_a_note_is_added_on_the_page_of_the_site(
    request: pytest.FixtureRequest, roma: RegisteredSite, person: str
) -> None:
    admin = request.getfixturevalue(person)
    [note_id] = FormReader(open_page(admin, roma).html).fields["note_id"]
    answer = add(admin, roma, "She pays on Monday.", note_id)
    assert answer.redirect_chain == [(f"/admin/sites/site/{roma.site_id}/change/#notes", 302)]
    assert "Note added." in answer.content.decode()
    note = SiteNote.objects.get()
    assert (note.admin_name, note.text, str(note.note_id)) == (person, "She pays on Monday.", note_id)
    text = open_page(admin, roma).text
    assert re.search(rf"Notes .*{person}, .*She pays on Monday\. .*Last 90 days", text)


def test_notes_leave_the_history_to_what_was_done(anna: Admin, roma: RegisteredSite) -> None:
    by = Actor(Event.Source.ADMIN, anna)
    for number in range(25):
        add_note(uuid.UUID(roma.site_id), text=f"note {number}", by=by, at=timezone.now())
    history = open_page(anna, roma).text.partition("History")[2]
    assert "Registered by anna" in history
    assert "Note added" not in history
    events = browser_of(anna).get("/admin/audit/event/", {"subject_type": "site", "subject_id": roma.site_id})
    assert events.content.decode().count("<strong>Note added</strong>") == 25


def test_a_viewer_reads_notes_and_adds_none(vera: Admin, ben: Admin, roma: RegisteredSite) -> None:
    assert "No notes." in open_page(vera, roma).text
    add(ben, roma, "She pays on Monday.")
    assert "She pays on Monday." in open_page(vera, roma).text
    assert "note-form" not in open_page(vera, roma).html
    assert "note-form" not in browser_of(vera).get(notes_page(roma)).content.decode()
    assert add(vera, roma, "mine").status_code == 403
    assert SiteNote.objects.count() == 1


def test_a_note_is_plain_text_with_its_line_breaks(ben: Admin, roma: RegisteredSite) -> None:
    add(ben, roma, "<b>first</b>\r\nhttps://evil.example")
    html = open_page(ben, roma).html
    assert '<p class="note-text">&lt;b&gt;first&lt;/b&gt;\nhttps://evil.example</p>' in html


def test_the_newest_five_are_shown_and_all_on_a_page_of_their_own(ben: Admin, roma: RegisteredSite) -> None:
    for number in range(1, 6):
        add(ben, roma, f"note {number}")
    page = open_page(ben, roma)
    assert re.findall(r"note \d+", page.html) == [f"note {number}" for number in (5, 4, 3, 2, 1)]
    assert "Show all" not in page.html.partition("Last 90 days")[0]
    add(ben, roma, "note 6")
    page = open_page(ben, roma)
    assert re.findall(r"note \d+", page.html) == [f"note {number}" for number in (6, 5, 4, 3, 2)]
    assert f'<a href="{notes_page(roma)}">Show all 6 notes</a>' in page.html
    every = browser_of(ben).get(notes_page(roma)).content.decode()
    assert re.findall(r"note \d+", every) == [f"note {number}" for number in (6, 5, 4, 3, 2, 1)]


def test_very_many_notes_are_on_several_pages(ben: Admin, roma: RegisteredSite) -> None:
    facts = {"site_id": roma.site_id, "admin": ben, "admin_name": "ben", "at": timezone.now()}
    SiteNote.objects.bulk_create(SiteNote(note_id=uuid.uuid4(), text=f"note {n}", **facts) for n in range(60))
    browser = browser_of(ben)
    first, second = (browser.get(notes_page(roma), {"page": page}).content.decode() for page in (1, 2))
    assert (len(re.findall(r"note \d+", first)), len(re.findall(r"note \d+", second))) == (50, 10)
    assert "Page 1 of 2" in first
    for page in ("0", "99", "x"):
        assert browser.get(notes_page(roma), {"page": page}).status_code == 200


def test_a_form_that_is_sent_twice_adds_one_note(ben: Admin, roma: RegisteredSite) -> None:
    note_id = str(uuid.uuid4())
    for _ in range(2):
        assert "Note added." in add(ben, roma, "once", note_id).content.decode()
    assert SiteNote.objects.count() == 1


def test_another_text_in_a_form_that_was_sent_before_is_not_lost(ben: Admin, roma: RegisteredSite) -> None:
    """As after going back to the page and typing the next note."""
    note_id = str(uuid.uuid4())
    add(ben, roma, "first", note_id)
    answer = add(ben, roma, "second", note_id)
    page = answer.content.decode()
    assert "Not added yet" in page
    assert re.search(r"<textarea[^>]*>\s*second</textarea>", page)
    [fresh] = FormReader(page).fields["note_id"]
    assert fresh != note_id
    add(ben, roma, "second", fresh)
    assert {note.text for note in SiteNote.objects.all()} == {"first", "second"}


@pytest.mark.parametrize("text", ["", " ", "x" * 2001, "a\x07b"])
def test_a_text_that_is_refused_comes_back(ben: Admin, roma: RegisteredSite, text: str) -> None:
    answer = add(ben, roma, text)
    assert answer.status_code == 200
    assert 'class="errorlist"' in answer.content.decode()
    assert not SiteNote.objects.exists()


def test_a_note_does_not_make_an_open_form_stale(anna: Admin, roma: RegisteredSite, api: APIClient) -> None:
    page = open_page(anna, roma)
    add(anna, roma, "in between")
    page.type(name="Renamed").save()
    assert Site.objects.get().name == "Renamed"
    page = open_page(anna, roma)
    api.patch(roma.path, {"owner_name": "Somebody"})
    add(anna, roma, "after that")
    page.type(name="Again").save()
    changes = page.text.partition("Changes since you opened the page")[2].partition("Last 90 days")[0]
    assert "There are more changes" not in changes
    assert "Owner Giulia → became Somebody" in changes
    assert "Note added" not in changes


def test_a_deregistered_site_gets_notes_and_an_erased_one_none(
    anna: Admin, roma: RegisteredSite, api: APIClient
) -> None:
    api.delete(roma.path)
    assert "note-form" in open_page(anna, roma).html
    add(anna, roma, "moved to Palermo")
    assert "moved to Palermo" in open_page(anna, roma).text
    Site.objects.update(erased_at=timezone.now())
    assert "note-form" not in open_page(anna, roma).html
    assert "was erased" in add(anna, roma, "too late").content.decode()
    assert SiteNote.objects.count() == 1

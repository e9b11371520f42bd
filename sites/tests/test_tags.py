"""Tags: one spelling for each, a bounded number, an event for each change, and nothing that a restaurant would notice."""

import uuid
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Admin
from audit.actors import COMMAND
from audit.models import Event
from common.errors import DomainError, InvalidInput
from conftest import Register, RegisteredSite
from sites.errors import SiteNotFound, TooManyTags
from sites.models import Site, SiteTag
from sites.services import add_tags, remove_tags
from sites.tests.conftest import newest_event


def add(site: RegisteredSite, *tags: str) -> Site:
    return add_tags(uuid.UUID(site.site_id), tags=tags, by=COMMAND, at=timezone.now())


def remove(site: RegisteredSite, *tags: str) -> Site:
    return remove_tags(uuid.UUID(site.site_id), tags=tags, by=COMMAND, at=timezone.now())


def tags_of(site: RegisteredSite) -> list[str]:
    return [tag.name for tag in SiteTag.objects.filter(site=site.site_id)]


def test_tags_are_added_and_removed_with_one_event_that_says_before_and_after(roma: RegisteredSite) -> None:
    add(roma, "pilot", "north")
    assert (tags_of(roma), newest_event().changes) == (["north", "pilot"], {"tags": [[], ["north", "pilot"]]})
    remove(roma, "north", "never there")
    assert (tags_of(roma), newest_event().changes) == (["pilot"], {"tags": [["north", "pilot"], ["pilot"]]})
    assert [event.action for event in Event.objects.order_by("sequence")][-2:] == ["site.tags_changed"] * 2


def test_what_changes_nothing_writes_nothing(roma: RegisteredSite) -> None:
    add(roma, "pilot")
    before = (Event.objects.count(), list(SiteTag.objects.values()))
    assert add(roma, "pilot", " PILOT ").just_changed == {}
    assert remove(roma, "north").just_changed == {}
    assert add(roma).just_changed == remove(roma).just_changed == {}
    assert (Event.objects.count(), list(SiteTag.objects.values())) == before


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("  Pilot ", "pilot"),
        ("two   words", "two words"),
        ("ÜBERSEE", "übersee"),
        ("e\u0301te\u0301", "été"),
        ("<b>bold</b>", "<b>bold</b>"),
        ("x" * 40, "x" * 40),
        ("ΟΔΟΣ", "οδος"),
        ("pilot\u200b", "pilot"),
        (" \u202e pilot \u200f ", "pilot"),
        ("\U0001f469\u200d\U0001f373", "\U0001f469\u200d\U0001f373"),
    ],
)
def test_a_tag_has_one_spelling(roma: RegisteredSite, typed: str, stored: str) -> None:
    add(roma, typed)
    assert len(tags_of(roma)) == 1
    assert tags_of(roma)[0].replace("ς", "σ") == stored.replace("ς", "σ")
    assert add(roma, stored, typed).just_changed == {}


@pytest.mark.parametrize(
    "typed", ["", "  ", "x" * 41, "a,b", "a\0b", "a\x1bb", "\ud800", "\u200b", "\u200b \u202e", "\u200b\u0301"]
)
def test_what_is_no_tag_is_refused(roma: RegisteredSite, typed: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        add(roma, "good", typed)
    assert refusal.value.field == "tags"
    assert tags_of(roma) == []


def test_a_site_has_at_most_twenty_tags(roma: RegisteredSite) -> None:
    add(roma, *(f"tag {number}" for number in range(19)))
    with pytest.raises(TooManyTags):
        add(roma, "one", "more")
    add(roma, "one", "tag 1")
    assert len(tags_of(roma)) == 20


def test_tags_change_neither_the_revision_nor_the_etag(api: APIClient, roma: RegisteredSite) -> None:
    before = (api.get(roma.path).headers["ETag"], Site.objects.values().get())
    add(roma, "pilot")
    assert (api.get(roma.path).headers["ETag"], Site.objects.values().get()) == before


def test_a_deregistered_site_keeps_its_tags_and_gets_no_others(api: APIClient, roma: RegisteredSite) -> None:
    add(roma, "pilot")
    api.delete(roma.path)
    for change in (add, remove):
        with pytest.raises(SiteNotFound):
            change(roma, "pilot")
    assert tags_of(roma) == ["pilot"]


def test_a_change_of_tags_is_in_the_history_that_the_api_shows(
    api: APIClient, anna: Admin, roma: RegisteredSite
) -> None:
    add(roma, "pilot")
    shown: Any = api.get(f"{roma.path}/events").json()["results"][0]
    assert (shown["action"], shown["changes"]) == ("tags_changed", {"tags": [[], ["pilot"]]})


def test_the_refusal_of_too_many_tags_says_how_many_there_can_be(roma: RegisteredSite, register: Register) -> None:
    with pytest.raises(DomainError, match="at most 20 tags"):
        add(roma, *(f"tag {number}" for number in range(21)))

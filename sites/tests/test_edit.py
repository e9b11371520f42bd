"""Changing a site's data with PUT and PATCH."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from conftest import Clock, RegisteredSite
from sites.models import Site
from sites.tests.conftest import FACTS, actions, assert_problem, newest_event

EVERYTHING: dict[str, Any] = {
    "name": "Osteria Nuova",
    "owner_name": "Marco",
    "contact_email": "marco@nuova.example",
    "contact_phone": "+39 (06) 5550-123",
    "timezone": "Europe/Rome",
    "license_expires_at": "2030-01-01T00:00:00Z",
    "is_active": False,
}


@pytest.mark.parametrize("method", ["put", "patch"])
def test_everything_that_may_be_edited_can_be(api: APIClient, roma: RegisteredSite, method: str) -> None:
    before = api.get(roma.path).json()
    answer = getattr(api, method)(roma.path, EVERYTHING)
    assert answer.status_code == 200
    after = api.get(roma.path).json()
    del after["last_heartbeat"]
    assert answer.json() == after
    changed = {field for field in after if after[field] != before[field]}
    assert changed == {*EVERYTHING, "licensed", "updated_at"}
    assert {field: after[field] for field in EVERYTHING} == EVERYTHING


@pytest.mark.parametrize("field", EVERYTHING)
def test_patch_changes_one_field_and_the_history_says_from_what_to_what(
    api: APIClient, roma: RegisteredSite, field: str
) -> None:
    before = api.get(roma.path).json()
    after = api.patch(roma.path, {field: EVERYTHING[field]}).json()
    assert after[field] == EVERYTHING[field]
    event = newest_event()
    assert (event.action, event.changes) == ("site.updated", {field: [before[field], EVERYTHING[field]]})
    assert actions() == ["registered", "updated"]


def test_put_keeps_what_was_left_out(api: APIClient, roma: RegisteredSite) -> None:
    api.patch(roma.path, EVERYTHING)
    site = api.put(roma.path, FACTS).json()
    assert {field: site[field] for field in EVERYTHING} == {**EVERYTHING, **FACTS}


@pytest.mark.parametrize("missing", FACTS)
def test_put_needs_name_owner_and_email(api: APIClient, roma: RegisteredSite, missing: str) -> None:
    answer = api.put(roma.path, {field: value for field, value in EVERYTHING.items() if field != missing})
    assert_problem(answer, 400, "invalid", f"/{missing}")
    assert actions() == ["registered"]


@pytest.mark.parametrize("method", ["put", "patch"])
def test_read_only_and_unknown_fields_are_ignored(api: APIClient, roma: RegisteredSite, method: str) -> None:
    before = api.get(roma.path)
    foreign = {
        "site_id": "0b6f4c1e-6d0f-4f0e-9d53-3a3c1f5d2b11",
        "is_locked": True,
        "lock_reason": "mine",
        "locked_at": "2026-01-01T00:00:00Z",
        "licensed": False,
        "status": "online",
        "last_seen_at": "2026-01-01T00:00:00Z",
        "last_seen_ip": 5,
        "version": None,
        "uptime_seconds": "x",
        "due_at": [],
        "created_at": "x",
        "updated_at": None,
        "key_hint": "…0000",
        "revision": 99,
        "deregistered_at": "2026-01-01T00:00:00Z",
        "search_text": "",
        "colour": 10**30,
    }
    answer = getattr(api, method)(roma.path, {**FACTS, **foreign})
    assert answer.status_code == 200
    after = api.get(roma.path)
    assert (after.json(), after.headers["ETag"]) == (before.json(), before.headers["ETag"])
    assert actions() == ["registered"]


@pytest.mark.parametrize(
    "same",
    [
        {},
        {"name": "Trattoria Roma"},
        {"name": "  Trattoria Roma  "},
        {"license_expires_at": "2027-06-01T14:00:00+02:00"},
        {**FACTS, "timezone": "UTC", "is_active": True, "license_expires_at": "2027-06-01T12:00:00.000000Z"},
    ],
)
def test_a_change_to_what_is_already_so_leaves_no_trace(
    api: APIClient, clock: Clock, roma: RegisteredSite, same: dict[str, Any]
) -> None:
    assert api.get(roma.path).json()["license_expires_at"] == "2027-06-01T12:00:00Z"
    before = Site.objects.values().get()
    clock.move(hours=1)
    assert api.patch(roma.path, same).status_code == 200
    assert Site.objects.values().get() == before
    assert actions() == ["registered"]


def test_a_change_moves_updated_at(api: APIClient, clock: Clock, roma: RegisteredSite) -> None:
    clock.move(hours=1)
    site = api.patch(roma.path, {"name": "Roma"}).json()
    assert (site["created_at"], site["updated_at"]) == ("2026-06-01T12:00:00Z", "2026-06-01T13:00:00Z")


@pytest.mark.parametrize("zone", ["UTC", "Europe/Rome", "America/Argentina/Buenos_Aires", "Asia/Kolkata", "Etc/GMT+5"])
def test_iana_zones_are_taken(api: APIClient, roma: RegisteredSite, zone: str) -> None:
    assert api.patch(roma.path, {"timezone": zone}).json()["timezone"] == zone


def test_the_last_of_two_changes_stands_and_both_are_remembered(api: APIClient, roma: RegisteredSite) -> None:
    api.patch(roma.path, {"name": "A"})
    api.patch(roma.path, {"name": "B"})
    assert newest_event().changes == {"name": ["A", "B"]}
    assert actions() == ["registered", "updated", "updated"]


def test_an_edit_leaves_a_lock_alone(api: APIClient, roma: RegisteredSite) -> None:
    api.post(f"{roma.path}/lock", {"reason": "unpaid"})
    site = api.put(roma.path, {**EVERYTHING, "is_locked": False, "lock_reason": None}).json()
    assert (site["is_locked"], site["lock_reason"]) == (True, "unpaid")


def test_one_wrong_field_spoils_the_whole_change(api: APIClient, roma: RegisteredSite) -> None:
    answer = api.patch(roma.path, {"name": "Roma", "timezone": "Mars/Phobos", "is_active": "no"})
    assert_problem(answer, 400, "invalid", "/timezone", "/is_active")
    assert Site.objects.get().name == "Trattoria Roma"

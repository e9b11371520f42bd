"""Registering a site, and the key that is shown once."""

import hashlib
import hmac
import re
import zlib
from typing import Any

import pytest
from django.conf import settings
from rest_framework.test import APIClient

from common.keys import generate_key, is_well_formed
from conftest import Clock, Register, RegisteredSite
from sites.models import Site, SiteKey
from sites.tests.conftest import FACTS, assert_problem, newest_event

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@pytest.fixture
def register(api: APIClient) -> Register:
    """By a request, which is tested here; the fixture of the other tests sends none."""

    def register() -> RegisteredSite:
        answer = api.post("/api/sites", FACTS)
        assert answer.status_code == 201, answer.content
        return RegisteredSite(answer.data["site_id"], answer.data["secret_key"])

    return register


def test_a_new_site_has_what_was_sent_and_a_year_in_utc(api: APIClient, clock: Clock) -> None:
    answer = api.post("/api/sites", FACTS)
    assert answer.status_code == 201
    site = answer.json()
    key, site_id = site.pop("secret_key"), site.pop("site_id")
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", site_id)
    assert site == {
        **FACTS,
        "contact_phone": "",
        "timezone": "UTC",
        "is_active": True,
        "is_locked": False,
        "lock_reason": None,
        "locked_at": None,
        "license_expires_at": "2027-06-01T12:00:00Z",
        "licensed": True,
        "status": "never_seen",
        "last_seen_at": None,
        "last_seen_ip": None,
        "version": None,
        "uptime_seconds": None,
        "due_at": None,
        "created_at": "2026-06-01T12:00:00Z",
        "updated_at": "2026-06-01T12:00:00Z",
        "key_hint": "…" + key[-4:],
        "last_refused_at": None,
        "clone_suspected_at": None,
        "delivered_revision": None,
        "applied_revision": None,
        "applied_state": None,
        "applied_at": None,
        "lock_known_since": None,
        "agent": None,
        "organization_id": None,
    }


def test_zone_and_expiry_are_taken_when_they_are_given(api: APIClient) -> None:
    body = {**FACTS, "timezone": "Europe/Rome", "license_expires_at": "2030-01-01T01:30:00+01:30"}
    site = api.post("/api/sites", body).json()
    assert (site["timezone"], site["license_expires_at"]) == ("Europe/Rome", "2030-01-01T00:00:00Z")


@pytest.mark.parametrize("path", ["/api/sites", "/api/sites/", "/api/v1/sites", "/api/v1/sites/"])
def test_the_location_leads_to_the_site(api: APIClient, path: str) -> None:
    answer = api.post(path, FACTS)
    assert answer.headers["Location"] == f"{path.rstrip('/')}/{answer.json()['site_id']}"
    found = api.get(answer.headers["Location"])
    assert (found.status_code, found.json()["site_id"]) == (200, answer.json()["site_id"])
    assert found.headers["ETag"] == answer.headers["ETag"]


def test_text_is_trimmed(api: APIClient) -> None:
    assert api.post("/api/sites", {**FACTS, "name": "  Roma \n"}).json()["name"] == "Roma"


@pytest.mark.parametrize("missing", FACTS)
def test_name_owner_and_email_are_needed(api: APIClient, missing: str) -> None:
    answer = api.post("/api/sites", {field: value for field, value in FACTS.items() if field != missing})
    assert_problem(answer, 400, "invalid", f"/{missing}")
    assert answer.json()["errors"][0]["code"] == "required"
    assert not Site.objects.exists()


def test_an_empty_body_names_all_that_is_missing(api: APIClient) -> None:
    assert_problem(api.post("/api/sites"), 400, "invalid", "/name", "/owner_name", "/contact_email")


def test_what_is_not_asked_for_is_ignored(api: APIClient) -> None:
    foreign: dict[str, Any] = {
        "site_id": "0b6f4c1e-6d0f-4f0e-9d53-3a3c1f5d2b11",
        "is_locked": True,
        "lock_reason": "x",
        "is_active": False,
        "secret_key": "psk_mine",
        "created_at": "2001-01-01T00:00:00Z",
        "colour": {"of": ["the", "door"]},
    }
    site = api.post("/api/sites", {**FACTS, **foreign}).json()
    assert (site["is_locked"], site["lock_reason"], site["is_active"]) == (False, None, True)
    assert not {site["site_id"], site["secret_key"], site["created_at"]} & {str(value) for value in foreign.values()}
    assert "colour" not in site


def test_the_same_restaurant_twice_is_two_sites(register: Register) -> None:
    first, second = register(), register()
    assert first.site_id != second.site_id
    assert first.key != second.key


def test_the_history_begins_with_the_registration(roma: RegisteredSite) -> None:
    event = newest_event()
    assert (event.action, event.actor_name, event.subject_id) == ("site.registered", "anna", roma.site_id)
    assert event.changes["name"] == [None, "Trattoria Roma"]


# --- The key ---


def test_the_key_opens_the_door(roma: RegisteredSite) -> None:
    assert roma.call_home().status_code == 200


def read_base62(digits: str) -> int:
    number = 0
    for digit in digits:
        number = number * 62 + ALPHABET.index(digit)
    return number


def test_the_key_holds_256_bits_of_randomness() -> None:
    numbers = {read_base62(generate_key()[4:-6]) for _ in range(100)}
    assert len(numbers) == 100
    for bit in range(256):
        assert len({number >> bit & 1 for number in numbers}) == 2, bit
    assert max(numbers) < 2**256


def test_the_key_has_a_prefix_and_a_checksum(roma: RegisteredSite) -> None:
    assert re.fullmatch(r"psk_[0-9A-Za-z]{49}", roma.key)
    body, check = roma.key[4:-6], roma.key[-6:]
    assert read_base62(check) == zlib.crc32(body.encode())
    assert is_well_formed(roma.key)


@pytest.mark.parametrize("position", [4, 20, 46, 52])
def test_a_typing_error_in_the_key_shows(roma: RegisteredSite, position: int) -> None:
    typed = "b" if roma.key[position] == "a" else "a"
    assert not is_well_formed(roma.key[:position] + typed + roma.key[position + 1 :])


def test_a_key_of_another_length_or_prefix_is_not_well_formed(roma: RegisteredSite) -> None:
    for key in ("", "psk_", roma.key[:-1], roma.key + "0", "sk_" + roma.key[4:], roma.key[4:], "é" * 53):
        assert not is_well_formed(key), key


def test_the_database_holds_a_keyed_hash_and_not_the_key(roma: RegisteredSite) -> None:
    digest = hmac.new(settings.SITE_KEY_PEPPERS[0].encode(), roma.key.encode(), hashlib.sha256).hexdigest()
    key = SiteKey.objects.values().get()
    assert key["digest"] == digest
    assert key["hint"] == "…" + roma.key[-4:]
    assert roma.key[:-4] not in str(key)


def test_the_key_is_shown_once_and_its_hash_never(api: APIClient, roma: RegisteredSite) -> None:
    roma.call_home()
    digest = SiteKey.objects.get().digest
    for path in (roma.path, "/api/sites", f"{roma.path}/events", f"{roma.path}/heartbeats"):
        shown = api.get(path).content.decode()
        assert "secret_key" not in shown
        assert roma.key not in shown
        assert digest not in shown
    for answer in (api.post(f"{roma.path}/lock", {"reason": "x"}), api.patch(roma.path, {"name": "Roma"})):
        assert "secret_key" not in answer.json()
        assert roma.key not in answer.content.decode()
        assert digest not in answer.content.decode()

"""A new key, and how long the old one works."""

import re
from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from conftest import Clock, Register, RegisteredSite
from sites.models import SiteKey
from sites.tests.conftest import TICK, actions, assert_problem, newest_event


def rotate(api: APIClient, site: RegisteredSite, **body: Any) -> str:
    answer = api.post(f"{site.path}/rotate-key", body)
    assert answer.status_code == 200, answer.content
    return str(answer.json()["secret_key"])


def works(site: RegisteredSite, key: str) -> bool:
    answer = site.call_home(key)
    if answer.status_code != 200:
        assert_problem(answer, 401, "invalid_site_credentials")
    return bool(answer.status_code == 200)


def test_a_rotation_shows_the_new_key_and_the_end_of_the_old_one(
    api: APIClient, roma: RegisteredSite, clock: Clock
) -> None:
    answer = api.post(f"{roma.path}/rotate-key")
    assert answer.status_code == 200
    assert set(answer.json()) == {"secret_key", "previous_key_expires_at"}
    assert answer.json()["previous_key_expires_at"] == "2026-06-02T12:00:00Z"
    key = answer.json()["secret_key"]
    assert re.fullmatch(r"psk_[0-9A-Za-z]{49}", key)
    assert key != roma.key
    assert api.get(roma.path).json()["key_hint"] == "…" + key[-4:]


@pytest.mark.parametrize(("hours", "end"), [(0, "01T12"), (1, "01T13"), (168, "08T12")])
def test_the_overlap_is_0_to_168_hours(
    api: APIClient, roma: RegisteredSite, clock: Clock, hours: int, end: str
) -> None:
    answer = api.post(f"{roma.path}/rotate-key", {"overlap_hours": hours})
    assert answer.json()["previous_key_expires_at"] == f"2026-06-{end}:00:00Z"


def test_both_keys_work_during_the_overlap(api: APIClient, roma: RegisteredSite) -> None:
    new = rotate(api, roma)
    assert [works(roma, key) for key in (roma.key, new, roma.key, roma.key)] == [True] * 4


def test_the_old_key_stops_at_the_end_of_the_overlap(api: APIClient, roma: RegisteredSite, clock: Clock) -> None:
    new = rotate(api, roma, overlap_hours=2)
    clock.at += timedelta(hours=2) - TICK
    assert works(roma, roma.key)
    clock.at += TICK
    assert not works(roma, roma.key)
    assert works(roma, new)


def test_without_an_overlap_the_old_key_stops_at_once(api: APIClient, roma: RegisteredSite, clock: Clock) -> None:
    new = rotate(api, roma, overlap_hours=0)
    assert not works(roma, roma.key)
    assert works(roma, new)
    assert works(roma, new)
    assert actions() == ["registered", "key_rotated"]  # nothing was left to retire


def test_a_key_ended_at_once_stays_ended_if_the_clock_was_ahead(
    api: APIClient, roma: RegisteredSite, clock: Clock
) -> None:
    clock.move(days=365)
    new = rotate(api, roma, overlap_hours=0)
    clock.move(days=-365)
    assert [works(roma, key) for key in (roma.key, new)] == [False, True]


def test_the_second_use_of_the_new_key_retires_the_old_one(api: APIClient, roma: RegisteredSite) -> None:
    new = rotate(api, roma)
    assert works(roma, new)
    assert works(roma, roma.key)
    assert works(roma, new)
    assert not works(roma, roma.key)
    assert works(roma, new)


def test_uses_of_the_old_key_retire_nothing(api: APIClient, roma: RegisteredSite) -> None:
    new = rotate(api, roma)
    for _ in range(5):
        assert works(roma, roma.key)
    assert works(roma, new)
    assert works(roma, roma.key)


def test_a_wrong_key_counts_as_no_use(api: APIClient, roma: RegisteredSite) -> None:
    new = rotate(api, roma)
    assert works(roma, new)
    assert not works(roma, new[:-1] + "_")
    assert works(roma, roma.key)


def test_the_retirement_is_the_systems_and_happens_once(api: APIClient, roma: RegisteredSite) -> None:
    new = rotate(api, roma)
    for _ in range(4):
        roma.call_home(new)
    assert actions() == ["registered", "key_rotated", "key_retired"]
    event = api.get(f"{roma.path}/events").json()["results"][0]
    assert (event["action"], event["source"], event["actor"], event["role"]) == ("key_retired", "system", None, None)
    assert event["ip"] == "127.0.0.1"
    assert "…" + roma.key[-4:] in str(event["changes"])
    assert roma.key not in str(event)


def test_the_rotation_is_the_admins_and_names_the_hints(api: APIClient, roma: RegisteredSite) -> None:
    new = rotate(api, roma)
    event = newest_event()
    assert (event.action, event.actor_name, event.source) == ("site.key_rotated", "anna", "api")
    assert event.changes == {"key_hint": ["…" + roma.key[-4:], "…" + new[-4:]]}


def test_two_rotations_leave_three_keys_that_work(api: APIClient, roma: RegisteredSite, clock: Clock) -> None:
    second = rotate(api, roma, overlap_hours=2)
    third = rotate(api, roma, overlap_hours=5)
    assert [works(roma, key) for key in (roma.key, second, third)] == [True] * 3
    clock.move(hours=2)
    assert [works(roma, key) for key in (roma.key, second)] == [False, True]
    assert works(roma, third)
    assert not works(roma, second)


def test_a_second_rotation_without_an_overlap_ends_every_older_key(api: APIClient, roma: RegisteredSite) -> None:
    second = rotate(api, roma, overlap_hours=168)
    third = rotate(api, roma, overlap_hours=0)
    assert [works(roma, key) for key in (roma.key, second, third)] == [False, False, True]


def test_two_uses_of_a_key_that_was_rotated_since_retire_nothing(api: APIClient, roma: RegisteredSite) -> None:
    second = rotate(api, roma)
    assert works(roma, second)
    third = rotate(api, roma)
    for _ in range(3):
        assert works(roma, second)
    assert works(roma, roma.key)
    assert works(roma, third)


def test_one_newest_key_is_left_however_often_it_is_rotated(api: APIClient, roma: RegisteredSite) -> None:
    for _ in range(4):
        newest = rotate(api, roma)
    assert SiteKey.objects.get(expires_at=None, revoked_at=None).hint == "…" + newest[-4:]
    assert SiteKey.objects.count() == 5


def test_a_key_opens_no_other_sites_door(api: APIClient, roma: RegisteredSite, register: Register) -> None:
    other = register(name="Other")
    assert not works(other, roma.key)
    assert not works(roma, rotate(api, other))


def test_a_rotation_leaves_lock_and_licence_alone(api: APIClient, roma: RegisteredSite) -> None:
    api.post(f"{roma.path}/lock", {"reason": "unpaid"})
    new = rotate(api, roma)
    told = roma.call_home(new).json()
    assert (told["locked"], told["lock_reason"], told["licensed"]) == (True, "unpaid", True)

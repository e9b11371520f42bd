"""Extending a licence."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from conftest import Clock, Register, RegisteredSite
from sites.tests.conftest import actions, assert_problem, newest_event


@pytest.fixture
def june(register: Register, clock: Clock) -> RegisteredSite:
    """It is 1 June 2026, 12:00, and the licence ends at the end of the month."""
    return register(license_expires_at="2026-06-30T00:00:00Z")


def extended(api: APIClient, site: RegisteredSite, **body: Any) -> str:
    answer = api.post(f"{site.path}/extend", body)
    assert answer.status_code == 200, answer.content
    shown = api.get(site.path)
    assert answer.headers["ETag"] == shown.headers["ETag"]
    assert answer.json().items() <= shown.json().items()
    return str(answer.json()["license_expires_at"])


def test_days_count_from_an_end_that_is_to_come(api: APIClient, june: RegisteredSite) -> None:
    assert extended(api, june, days=10) == "2026-07-10T00:00:00Z"
    assert extended(api, june, days=1) == "2026-07-11T00:00:00Z"


def test_days_count_from_now_when_the_end_is_past(api: APIClient, june: RegisteredSite, clock: Clock) -> None:
    clock.move(days=60)
    assert api.get(june.path).json()["licensed"] is False
    assert extended(api, june, days=10) == "2026-08-10T12:00:00Z"
    assert api.get(june.path).json()["licensed"] is True


@pytest.mark.parametrize(("days", "end"), [(1, "2026-07-01T00:00:00Z"), (3660, "2036-07-07T00:00:00Z")])
def test_one_to_3660_days_may_be_given(api: APIClient, june: RegisteredSite, days: int, end: str) -> None:
    assert extended(api, june, days=days) == end


def test_until_is_an_instant_in_any_zone(api: APIClient, june: RegisteredSite) -> None:
    assert extended(api, june, until="2026-06-30T02:00:00.000001+02:00") == "2026-06-30T00:00:00.000001Z"
    assert extended(api, june, until="9999-12-31T23:59:59.999999Z") == "9999-12-31T23:59:59.999999Z"


@pytest.mark.parametrize(
    "until",
    ["2026-06-30T00:00:00Z", "2026-06-30T02:00:00+02:00", "2026-06-29T23:59:59.999999Z", "0001-01-01T00:00:00Z"],
)
def test_until_must_be_later_than_the_present_end(api: APIClient, june: RegisteredSite, until: str) -> None:
    assert_problem(api.post(f"{june.path}/extend", {"until": until}), 400, "invalid", "/until")
    assert actions() == ["registered"]


def test_until_may_lie_in_the_past_if_it_is_later_than_the_end(
    api: APIClient, june: RegisteredSite, clock: Clock
) -> None:
    clock.move(days=60)
    assert extended(api, june, until="2026-07-01T00:00:00Z") == "2026-07-01T00:00:00Z"


@pytest.mark.parametrize("body", [{}, {"days": 1, "until": "2027-01-01T00:00:00Z"}, {"reason": "x"}])
def test_either_days_or_until_and_not_both(api: APIClient, june: RegisteredSite, body: dict[str, Any]) -> None:
    answer = api.post(f"{june.path}/extend", body)
    assert_problem(answer, 400, "invalid", "")
    assert answer.json()["errors"][0]["code"] == "either_days_or_until"
    assert actions() == ["registered"]


@pytest.mark.parametrize(
    ("end", "body", "pointer"),
    [
        ("9999-12-31T00:00:00Z", {"days": 1}, "/days"),
        ("9995-01-01T00:00:00Z", {"days": 3660}, "/days"),
        ("9999-12-31T00:00:00Z", {"until": "9999-12-31T23:59:59-00:01"}, "/until"),
        ("9999-12-31T00:00:00Z", {"until": "10000-01-01T00:00:00Z"}, "/until"),
    ],
)
def test_no_licence_outlasts_the_year_9999(
    api: APIClient, register: Register, end: str, body: dict[str, Any], pointer: str
) -> None:
    site = register(license_expires_at=end)
    assert_problem(api.post(f"{site.path}/extend", body), 400, "invalid", pointer)
    assert api.get(site.path).json()["license_expires_at"] == end


def test_a_licence_from_the_year_1_can_be_extended(api: APIClient, register: Register, clock: Clock) -> None:
    site = register(license_expires_at="0001-01-01T00:00:00Z")
    assert api.get(site.path).json()["license_expires_at"] == "0001-01-01T00:00:00Z"
    assert extended(api, site, days=1) == "2026-06-02T12:00:00Z"


def test_the_history_says_from_when_to_when(api: APIClient, june: RegisteredSite) -> None:
    extended(api, june, days=10)
    event = newest_event()
    assert (event.action, event.actor_name) == ("site.extended", "anna")
    assert event.changes == {"license_expires_at": ["2026-06-30T00:00:00Z", "2026-07-10T00:00:00Z"]}


def test_an_extension_neither_unlocks_nor_activates(api: APIClient, june: RegisteredSite) -> None:
    api.post(f"{june.path}/lock", {"reason": "unpaid"})
    api.patch(june.path, {"is_active": False})
    extended(api, june, days=10)
    site = api.get(june.path).json()
    assert (site["is_locked"], site["is_active"], site["licensed"]) == (True, False, False)


def test_the_site_learns_of_it_at_its_next_call(api: APIClient, june: RegisteredSite, clock: Clock) -> None:
    clock.move(days=60)
    assert june.call_home().json()["licensed"] is False
    end = extended(api, june, days=10)
    told = june.call_home().json()
    assert (told["licensed"], told["expires_at"]) == (True, end)

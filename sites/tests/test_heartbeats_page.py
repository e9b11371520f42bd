"""What a site reported, page by page."""

from base64 import b64encode
from typing import Any

import pytest
from rest_framework.test import APIClient

from conftest import Clock, Register, RegisteredSite
from sites.tests.conftest import assert_problem


def uptimes(page: dict[str, Any]) -> list[int]:
    return [heartbeat["uptime_seconds"] for heartbeat in page["results"]]


def test_a_site_that_never_called_has_an_empty_page(api: APIClient, roma: RegisteredSite) -> None:
    assert api.get(f"{roma.path}/heartbeats").json() == {"next": None, "previous": None, "results": []}


def test_a_heartbeat_is_listed_with_what_was_told(api: APIClient, roma: RegisteredSite, clock: Clock) -> None:
    roma.call_home()
    api.post(f"{roma.path}/lock", {"reason": "unpaid"})
    api.patch(roma.path, {"is_active": False})
    clock.move(hours=6, microseconds=5)
    roma.call_home(version="1.1.0", uptime_seconds=21_660)
    newest, oldest = api.get(f"{roma.path}/heartbeats").json()["results"]
    assert newest == {
        "received_at": "2026-06-01T18:00:00.000005Z",
        "ip": "127.0.0.1",
        "version": "1.1.0",
        "uptime_seconds": 21_660,
        "licensed": False,
        "locked": True,
    }
    assert (oldest["received_at"], oldest["licensed"], oldest["locked"]) == ("2026-06-01T12:00:00Z", True, False)


def test_pages_lead_forth_and_back_newest_first(api: APIClient, roma: RegisteredSite, clock: Clock) -> None:
    for uptime in range(5):
        clock.move(seconds=60)
        assert roma.call_home(uptime_seconds=uptime).status_code == 200
    first = api.get(f"{roma.path}/heartbeats?page_size=2").json()
    second = api.get(first["next"]).json()
    third = api.get(second["next"]).json()
    assert [uptimes(page) for page in (first, second, third)] == [[4, 3], [2, 1], [0]]
    assert (first["previous"], third["next"]) == (None, None)
    assert uptimes(api.get(third["previous"]).json()) == [2, 1]
    assert uptimes(api.get(second["previous"]).json()) == [4, 3]


def test_heartbeats_of_one_instant_stand_on_one_page_each(api: APIClient, roma: RegisteredSite, clock: Clock) -> None:
    for uptime in range(5):
        assert roma.call_home(uptime_seconds=uptime).status_code == 200
    listed, path = [], f"{roma.path}/heartbeats?page_size=2"
    while path:
        page = api.get(path).json()
        listed += uptimes(page)
        path = page["next"]
    assert listed == [4, 3, 2, 1, 0]


def test_a_heartbeat_that_comes_meanwhile_shifts_no_page(api: APIClient, roma: RegisteredSite, clock: Clock) -> None:
    for uptime in range(4):
        clock.move(seconds=60)
        roma.call_home(uptime_seconds=uptime)
    first = api.get(f"{roma.path}/heartbeats?page_size=2").json()
    clock.move(seconds=60)
    roma.call_home(uptime_seconds=99)
    assert uptimes(api.get(first["next"]).json()) == [1, 0]


def test_a_site_does_not_show_anothers_heartbeats(api: APIClient, roma: RegisteredSite, register: Register) -> None:
    register(name="Other").call_home()
    assert api.get(f"{roma.path}/heartbeats").json()["results"] == []


def test_a_refused_heartbeat_is_not_listed(api: APIClient, roma: RegisteredSite) -> None:
    assert roma.call_home("psk_wrong").status_code == 401
    assert roma.call_home(uptime_seconds=-1).status_code == 400
    assert api.get(f"{roma.path}/heartbeats").json()["results"] == []


@pytest.mark.parametrize(
    "position",
    [
        "5",
        "x",
        "",
        "2026-06-01",
        "2026-06-01T12:00:00",
        "2026-13-01T12:00:00+00:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
    ],
)
def test_a_cursor_with_no_instant_of_ours_is_refused(api: APIClient, roma: RegisteredSite, position: str) -> None:
    roma.call_home()
    cursor = b64encode(f"p={position.replace('+', '%2B')}".encode()).decode()
    assert_problem(api.get(f"{roma.path}/heartbeats", {"cursor": cursor}), 400, "invalid", "/cursor")


def test_a_cursor_with_a_zone_that_no_place_has_fails_nothing(api: APIClient, roma: RegisteredSite) -> None:
    cursor = b64encode(b"p=2026-06-01T12:00:00%2B18:00").decode()
    assert api.get(f"{roma.path}/heartbeats", {"cursor": cursor}).status_code in (200, 400)


@pytest.mark.parametrize("cursor", ["", "%%%", "é", "aGVsbG8="])
def test_an_unreadable_cursor_is_refused(api: APIClient, roma: RegisteredSite, cursor: str) -> None:
    assert_problem(api.get(f"{roma.path}/heartbeats", {"cursor": cursor}), 400, "invalid", "/cursor")

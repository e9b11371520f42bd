"""What was done to a site, page by page."""

import uuid
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.models import Admin
from audit.actors import COMMAND
from conftest import Clock, Register, RegisteredSite, SignIn
from sites.services import lock_site
from sites.tests.conftest import assert_problem


def rename(api: APIClient, site: RegisteredSite, *names: str) -> None:
    for name in names:
        assert api.patch(site.path, {"name": name}).status_code == 200


def walk(api: APIClient, path: str, direction: str = "next") -> list[list[Any]]:
    """The results of that page and of all that follow it."""
    pages, following = [], path
    while following:
        page = api.get(following).json()
        assert set(page) == {"next", "previous", "results"}
        pages.append(page["results"])
        following = page[direction]
    return pages


def names(events: list[Any]) -> list[str]:
    return [event["changes"]["name"][1] for event in events]


def test_an_event_says_who_what_when_from_where_and_why(
    api: APIClient, ben: Admin, signed_in: SignIn, roma: RegisteredSite, clock: Clock
) -> None:
    clock.move(minutes=5, microseconds=7)
    signed_in(ben).post(f"{roma.path}/lock", {"reason": "unpaid"}, headers={"X-Request-ID": "trace-118"})
    event = api.get(f"{roma.path}/events").json()["results"][0]
    assert uuid.UUID(event.pop("id")).version == 4
    assert event == {
        "at": "2026-06-01T12:05:00.000007Z",
        "action": "locked",
        "actor": "ben",
        "role": "support",
        "source": "api",
        "ip": "127.0.0.1",
        "request_id": "trace-118",
        "reason": "unpaid",
        "changes": {"is_locked": [False, True], "lock_reason": [None, "unpaid"]},
    }


def test_a_site_has_at_least_its_registration(api: APIClient, roma: RegisteredSite) -> None:
    page = api.get(f"{roma.path}/events").json()
    assert (page["next"], page["previous"], len(page["results"])) == (None, None, 1)
    (event,) = page["results"]
    assert (event["action"], event["reason"]) == ("registered", None)


def test_a_whole_life_is_told_newest_first(api: APIClient, roma: RegisteredSite) -> None:
    rename(api, roma, "Roma")
    api.post(f"{roma.path}/lock", {"reason": "unpaid"})
    api.post(f"{roma.path}/lock", {"reason": "fraud"})
    api.post(f"{roma.path}/unlock", {"note": "paid"})
    api.post(f"{roma.path}/extend", {"days": 1})
    new = api.post(f"{roma.path}/rotate-key").json()["secret_key"]
    roma.call_home(new)
    roma.call_home(new)
    told = [(event["action"], event["reason"]) for event in api.get(f"{roma.path}/events").json()["results"]]
    assert told == [
        ("key_retired", None),
        ("key_rotated", None),
        ("extended", None),
        ("unlocked", "paid"),
        ("lock_reason_changed", "fraud"),
        ("locked", "unpaid"),
        ("updated", None),
        ("registered", None),
    ]


def test_heartbeats_are_no_events(api: APIClient, roma: RegisteredSite) -> None:
    roma.call_home()
    assert len(api.get(f"{roma.path}/events").json()["results"]) == 1


def test_a_site_does_not_tell_of_another(api: APIClient, roma: RegisteredSite, register: Register) -> None:
    rename(api, register(name="Other"), "Another")
    assert len(api.get(f"{roma.path}/events").json()["results"]) == 1


def test_the_order_is_that_of_the_changes_whatever_the_clocks_say(api: APIClient, roma: RegisteredSite) -> None:
    site_id = uuid.UUID(roma.site_id)
    for year, reason in ((2030, "first"), (2020, "second"), (2025, "third")):
        lock_site(site_id, reason=reason, by=COMMAND, at=datetime(year, 1, 1, tzinfo=UTC))
    pages = walk(api, f"{roma.path}/events?page_size=1")
    assert [page[0]["reason"] for page in pages] == ["third", "second", "first", None]


def test_pages_lead_forth_and_back(api: APIClient, roma: RegisteredSite) -> None:
    rename(api, roma, *"ABCD")
    pages = walk(api, f"{roma.path}/events?page_size=2")
    assert [names(page) for page in pages] == [["D", "C"], ["B", "A"], ["Trattoria Roma"]]
    second = api.get(api.get(f"{roma.path}/events?page_size=2").json()["next"]).json()
    last = api.get(second["next"]).json()
    back = walk(api, last["previous"], "previous")
    assert [names(page) for page in back] == [["B", "A"], ["D", "C"]]


def test_what_happens_meanwhile_shifts_no_page(api: APIClient, roma: RegisteredSite) -> None:
    rename(api, roma, *"ABCD")
    first = api.get(f"{roma.path}/events?page_size=2").json()
    rename(api, roma, "E", "F", "G")
    assert names(api.get(first["next"]).json()["results"]) == ["B", "A"]


def test_fifty_events_a_page_unless_asked_otherwise(api: APIClient, roma: RegisteredSite) -> None:
    rename(api, roma, *(f"Roma {number}" for number in range(60)))
    assert [len(page) for page in walk(api, f"{roma.path}/events")] == [50, 11]
    assert len(api.get(f"{roma.path}/events?page_size=200").json()["results"]) == 61


def test_a_long_page_costs_as_many_queries_as_a_short_one(api: APIClient, roma: RegisteredSite) -> None:
    rename(api, roma, *(f"Roma {number}" for number in range(20)))
    for size in (1, 200):
        with CaptureQueriesContext(connection) as queries:
            api.get(f"{roma.path}/events?page_size={size}")
        assert len(queries) == 3  # the admin, the site, the events


def cursor(text: str) -> str:
    return b64encode(text.encode()).decode()


UNREADABLE = {
    "not base64": "%%%",
    "only padding": "====",
    "base64 of bytes": b64encode(b"\xff\xfe\x00").decode(),
    "not ASCII": "é",
    "half": "cD0",
    "a word": cursor("hello"),
    "nothing": "",
    "position of another list": cursor("p=2026-06-01T12:00:00Z"),
    "position of no type": cursor("p=x"),
    "empty position": cursor("p="),
    "beyond 64 bits": cursor("p=" + "9" * 30),
    "far beyond 64 bits": cursor("p=" + "9" * 5000),
    "negative position": cursor("p=-1"),
    "negative offset": cursor("o=-1&p=5"),
    "offset of no type": cursor("o=x&p=5"),
    "reverse of no type": cursor("r=x&p=5"),
    "NaN": cursor("p=NaN"),
}


@pytest.mark.parametrize("unreadable", UNREADABLE.values(), ids=UNREADABLE)
def test_an_unreadable_cursor_is_refused(api: APIClient, roma: RegisteredSite, unreadable: str) -> None:
    answer = api.get(f"{roma.path}/events", {"cursor": unreadable})
    assert_problem(answer, 400, "invalid", "/cursor")


def test_a_nul_in_a_cursor_is_refused(api: APIClient, roma: RegisteredSite) -> None:
    assert_problem(api.get(f"{roma.path}/events", {"cursor": "a\x00"}), 400, "invalid", "/cursor")


def test_a_cursor_given_twice_is_refused(api: APIClient, roma: RegisteredSite) -> None:
    assert_problem(api.get(f"{roma.path}/events?cursor=a&cursor=b"), 400, "invalid", "/cursor")


def test_a_cursor_with_a_huge_offset_is_cut_and_harmless(api: APIClient, roma: RegisteredSite) -> None:
    answer = api.get(f"{roma.path}/events", {"cursor": cursor("o=" + "9" * 30 + "&p=5")})
    assert answer.status_code in (200, 400)

"""What the tests on sites share: the endpoints of one site, and how a problem looks."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from rest_framework.test import APIClient

from audit.models import Event
from sites.events import SITE

FACTS = {"name": "Trattoria Roma", "owner_name": "Giulia", "contact_email": "giulia@roma.example"}
UNKNOWN_ID = "0b6f4c1e-6d0f-4f0e-9d53-3a3c1f5d2b11"
TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class Endpoint:
    """One call on one site, with a body that succeeds."""

    method: str
    suffix: str = ""
    body: dict[str, Any] | None = field(default=None, hash=False)

    def __str__(self) -> str:
        return f"{self.method} {self.suffix or '/'}"

    def ask(self, client: APIClient, site_path: str, *, slash: str = "") -> Any:
        return getattr(client, self.method)(f"{site_path}{self.suffix}{slash}", self.body)


SITE_ENDPOINTS = [
    Endpoint("get"),
    Endpoint("put", body=FACTS),
    Endpoint("patch", body={"name": "Roma"}),
    Endpoint("delete"),
    Endpoint("post", "/lock", {"reason": "unpaid"}),
    Endpoint("post", "/unlock"),
    Endpoint("post", "/extend", {"days": 1}),
    Endpoint("post", "/rotate-key"),
    Endpoint("get", "/events"),
    Endpoint("get", "/heartbeats"),
]


def assert_problem(answer: Any, status: int, code: str, *pointers: str) -> None:
    """It is problem+json with that status and code, and blames exactly those fields."""
    assert answer.status_code == status, answer.content
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert {"type", "title", "status", "detail", "code"} <= set(problem)
    assert (problem["status"], problem["code"]) == (status, code), problem
    assert problem["title"]
    assert problem["detail"]
    assert list(dict.fromkeys(error["pointer"] for error in problem.get("errors", []))) == list(pointers), problem


def newest_event() -> Event:
    event = Event.objects.newest_first().first()
    assert event is not None
    return event


def actions() -> list[str]:
    """What was done to sites so far, oldest first, without the namespace."""
    return [event.short_action for event in Event.objects.filter(subject_type=SITE).order_by("sequence")]

"""What a request does when the replica fails in the middle of it. tests/test_replica.py has a real replica."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.urls import resolve

from accounts.models import Admin
from config import replica
from config.replica import PRIMARY, REPLICA, ReplicaMiddleware, ReplicaRouter, ReplicaState, source_of_request
from sites.models import Site


@pytest.fixture(autouse=True)
def _unknown_replica(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(replica, "state", ReplicaState())
    yield
    assert source_of_request.get() is None, "the choice of one request must not reach the next"


class Views:
    """Reads a site, and answers 503 as long as it reads from the replica."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.read_from: list[str] = []
        self.middleware = ReplicaMiddleware(self.answer)
        monkeypatch.setattr(replica, "choose", lambda: REPLICA if replica.state.may_be_asked() else PRIMARY)

    def answer(self, request: HttpRequest) -> HttpResponse:
        request.resolver_match = resolve(request.path)
        self.middleware.process_view(request, None, (), {})
        alias = ReplicaRouter().db_for_read(Site)
        self.read_from.append(alias)
        return HttpResponse(status=503 if alias == REPLICA else 200)

    def call(self, method: str, path: str) -> int:
        return self.middleware(RequestFactory().generic(method, path)).status_code


@pytest.fixture
def views(monkeypatch: pytest.MonkeyPatch, db: None) -> Any:
    monkeypatch.setattr(replica, "connections", {PRIMARY: type("Idle", (), {"in_atomic_block": False})})
    return Views(monkeypatch)


def test_a_page_that_fails_on_the_replica_is_read_from_the_primary(
    views: Views, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="portcullis.replica"):
        assert views.call("GET", "/api/sites") == 200
        assert views.call("GET", "/admin/sites/site/") == 200
    assert views.read_from == [REPLICA, PRIMARY, PRIMARY]
    assert [record.getMessage() for record in caplog.records] == [
        "lists are read from the primary: the replica did not answer /api/sites"
    ]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/sites"),
        ("POST", "/admin/sites/site/"),
        ("GET", "/api/sites/0b6f0000-0000-4000-8000-000000000000"),
        ("GET", "/admin/sites/site/0b6f0000-0000-4000-8000-000000000000/change/"),
        ("GET", "/api/auth/me"),
        ("POST", "/api/auth/login"),
        ("GET", "/admin/sites/site/export/"),
    ],
)
def test_what_writes_or_shows_a_form_reads_from_the_primary(views: Views, method: str, path: str) -> None:
    assert views.call(method, path) == 200
    assert views.read_from == [PRIMARY]


def test_who_may_see_a_list_is_read_from_the_primary(views: Views) -> None:
    token = source_of_request.set(replica.Source(REPLICA))
    try:
        assert ReplicaRouter().db_for_read(Site) == REPLICA
        assert ReplicaRouter().db_for_read(Admin) == PRIMARY
        assert ReplicaRouter().db_for_write(Site) == PRIMARY
    finally:
        source_of_request.reset(token)


def test_a_transaction_reads_from_the_primary(views: Views, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replica, "connections", {PRIMARY: type("Busy", (), {"in_atomic_block": True})})
    assert views.call("GET", "/api/sites") == 200
    assert views.read_from == [PRIMARY]


def test_of_many_requests_after_a_failure_one_asks_the_replica_again(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(replica.time, "monotonic", lambda: now[0])
    state = ReplicaState()
    assert [state.may_be_asked() for _ in range(3)] == [True] * 3
    state.failed("gone")
    assert not state.may_be_asked()
    now[0] += replica.RETRY_AFTER_SECONDS
    assert [state.may_be_asked() for _ in range(3)] == [True, False, False]
    state.answered()
    assert state.may_be_asked()

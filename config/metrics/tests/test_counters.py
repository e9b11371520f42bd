"""What is counted: requests, heartbeats, sign-ins. Counts of the tests' process never go back, so increases are compared."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Admin
from accounts.tests.tokens import login
from config.metrics.tests.scraping import TOKEN, increases, scrape
from conftest import Register, RegisteredSite
from sites.models import Site

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]

REQUESTS = "portcullis_http_request_duration_seconds_count"
HEARTBEATS = "portcullis_heartbeats_total"
SIGN_INS = "portcullis_sign_ins_total"


@contextmanager
def counting(name: str) -> Iterator[dict[str, float]]:
    """Fills the yielded dictionary at the end, without the scrapes themselves."""
    before, grown = scrape(), {}
    yield grown
    grown |= {key: value for key, value in increases(before, scrape(), name).items() if '"/metrics"' not in key}


@pytest.fixture(autouse=True)
def _with_token(settings: Any) -> None:
    settings.METRICS_TOKEN = TOKEN


@pytest.mark.parametrize(
    ("method", "path", "route", "status"),
    [
        ("GET", "/health/live", "/health/live", 200),
        ("GET", "/health/live/", "/health/live", 200),
        ("GET", "/api/v1/heartbeat", "/api/v1/heartbeat", 405),
        ("GET", "/api/sites/6a1f6f4e-2f0b-4a37-9f51-8f0f0e9d3c55", "/api/sites/<site_id>", 401),
        ("GET", "/api/v1/sites/nonsense/", "/api/v1/sites/<site_id>", 401),
        ("GET", "/api/nothing/psk_secret", "/api<var>", 404),
        ("GET", "/nothing/psk_secret", "none", 404),
        ("GET", "/static/portcullis/nothing.js", "/static/<path>", 404),
        ("GET", "/admin/login/", "/admin/login", 200),
        ("GET", "/admin/sites/site/6a1f6f4e/change/", "/admin/sites/site/<path:object_id>/change", 302),
        ("GET", "/", "/", 302),
        ("BREW", "/api/auth/me", "/api/auth/me", 401),
        ("PSK_SECRET", "/health/live", "/health/live", 405),
    ],
)
def test_requests_are_counted_by_the_pattern_of_their_url(method: str, path: str, route: str, status: int) -> None:
    with counting(REQUESTS) as grown:
        Client().generic(method, path)
    known = method if method == "GET" else "other"
    assert grown == {f'{{method="{known}",route="{route}",status="{status}"}}': 1}


def test_a_request_that_is_refused_before_its_url_is_looked_at_has_no_route() -> None:
    with counting(REQUESTS) as grown:
        APIClient().post("/api/sites", {"name": "x" * 70_000}, format="json")
    assert grown == {'{method="POST",route="none",status="413"}': 1}


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        ({}, "licensed"),
        ({"license_expires_at": timezone.now() - timedelta(days=1)}, "unlicensed"),
        ({"is_active": False}, "unlicensed"),
        ({"is_locked": True, "lock_reason": "Unpaid", "locked_at": timezone.now()}, "locked"),
        ({"is_locked": True, "lock_reason": "Unpaid", "locked_at": timezone.now(), "is_active": False}, "locked"),
    ],
    ids=["licensed", "expired", "inactive", "locked", "locked and inactive"],
)
def test_a_heartbeat_is_counted_by_its_verdict(roma: RegisteredSite, facts: dict[str, Any], verdict: str) -> None:
    Site.objects.filter(pk=roma.site_id).update(**facts)
    with counting(HEARTBEATS) as grown:
        assert roma.call_home().status_code == 200
    assert grown == {f'{{verdict="{verdict}"}}': 1}


def test_refused_heartbeats_are_counted_by_the_reason(register: Register, settings: Any) -> None:
    settings.HEARTBEAT_FAILURES_PER_MINUTE, settings.HEARTBEATS_PER_MINUTE = 2, 3
    roma = register()
    with counting(HEARTBEATS) as grown:
        answers = [roma.call_home(key="psk_wrong") for _ in range(3)]
        answers += [roma.call_home(version=5), *(roma.call_home() for _ in range(4))]
    assert [answer.status_code for answer in answers] == [401, 401, 429, 400, 200, 200, 200, 429]
    assert grown == {
        '{verdict="refused_key"}': 2,
        '{verdict="too_many_failures"}': 1,
        '{verdict="invalid"}': 1,
        '{verdict="licensed"}': 3,
        '{verdict="too_often"}': 1,
    }


def test_sign_ins_are_counted_by_their_outcome(anna: Admin, settings: Any) -> None:
    settings.LOGIN_FAILURES_PER_PAIR = 2
    with counting(SIGN_INS) as grown:
        login("anna")
        login("nobody", "wrong")
        Client().post("/admin/login/", {"username": "anna", "password": "wrong"})
    assert grown == {
        '{outcome="signed_in",source="api"}': 1,
        '{outcome="unknown_name",source="api"}': 1,
        '{outcome="wrong_password",source="panel"}': 1,
    }


def test_blocked_sign_ins_are_counted(anna: Admin, settings: Any) -> None:
    settings.LOGIN_FAILURES_PER_PAIR = 1
    with counting("portcullis_sign_ins_blocked_total") as grown:
        assert [login("anna", "wrong").status_code for _ in range(3)] == [401, 429, 429]
    assert grown == {"": 2}


def test_nothing_is_counted_without_a_token(roma: RegisteredSite, settings: Any) -> None:
    before = scrape()
    settings.METRICS_TOKEN = ""
    roma.call_home()
    login("nobody", "wrong")
    settings.METRICS_TOKEN = TOKEN
    after = scrape()
    for name in (HEARTBEATS, SIGN_INS):
        assert increases(before, after, name) == {}
    assert increases(before, after, REQUESTS) == {'{method="GET",route="/metrics",status="200"}': 1}

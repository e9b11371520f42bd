"""Fixtures of all tests: an admin of each role, signed-in clients, sites with their keys, a clock."""

import gc
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import caches
from django.db import connection
from django.test import TransactionTestCase
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.google.certificates import certificates
from accounts.models import Admin, TokenFamily
from accounts.roles import Role
from accounts.services import start_token_family
from accounts.tests.fake_google import FakeGoogle, fake_google, google_settings
from audit import triggers
from audit.actors import Actor
from audit.models import Event
from documents.shares.failures import wrong_links
from fleet.heartbeats.services import waiting_beats
from heartbeat import signing_failures
from heartbeat.failures import wrong_credentials
from heartbeat.refused_calls import refused_calls
from sites.api.serializers import RegistrationSerializer
from sites.services import register_site

PASSWORD = "correct horse battery staple"
# Thousands of collected tests stay until the end. Looking through them for garbage again and again took a fifth of the time.
gc.set_threshold(100_000, 20, 20)
DATABASE_FIXTURES = {"db", "transactional_db", "django_db_setup", "live_server"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--only-database", action="store_true", help="run only the tests that use the database")
    parser.addoption("--long", action="store_true", help="run also the tests that take long")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that another database cannot change, and begin with the slow ones, the longest first.

    A process that gets a slow test or file last keeps the others waiting.
    """
    misplaced = [
        item.nodeid for item in items if item.get_closest_marker("e2e") and not item.nodeid.startswith("tests/")
    ]
    if misplaced:
        raise pytest.UsageError(f"`make test` looks for tests with the mark e2e in tests/ only: {misplaced}")
    if config.getoption("--only-database"):
        independent = [item for item in items if not uses_the_database(item)]
        config.hook.pytest_deselected(items=independent)
        items[:] = [item for item in items if uses_the_database(item)]
    if not config.getoption("--long"):
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip(reason="takes long: `make test-long` runs it"))
    items.sort(key=seconds_of, reverse=True)


def seconds_of(item: pytest.Item) -> int:
    """As the mark `slow` says, 1 if it says nothing."""
    slow = item.get_closest_marker("slow")
    return slow.kwargs.get("seconds", 1) if slow else 0


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()


def uses_the_database(item: pytest.Item) -> bool:
    if item.get_closest_marker("postgresql"):
        return True
    if item.get_closest_marker("any_database"):
        return False
    return bool(item.get_closest_marker("django_db") or DATABASE_FIXTURES & set(getattr(item, "fixturenames", ())))


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Keep SQLite's test database in a file: threads see the same database only there."""
    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        suffix = os.environ.get("PYTEST_XDIST_WORKER", "main")
        database.setdefault("TEST", {})["NAME"] = f"{database['NAME']}.{suffix}"


@pytest.fixture(autouse=True)
def _fast_settings(settings: Any) -> None:
    """Hash passwords quickly, keep files of sites in memory, and look for a static file when it is asked for: not for all of
    them in each new client."""
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"}}
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture(autouse=True)
def _no_counts_left(request: pytest.FixtureRequest) -> None:
    """Empty the caches before each test that has a database: counters have no model, so that no flush deletes them."""
    if {"db", "transactional_db"} & set(request.fixturenames):
        request.getfixturevalue("transactional_db" if "transactional_db" in request.fixturenames else "db")
        for alias in ("default", "counters", "sign_in_counters"):
            caches[alias].clear()
        wrong_credentials.refused.clear()
        wrong_links.refused.clear()
        signing_failures.forget()
        refused_calls.forget()
        waiting_beats.forget()


@pytest.fixture(autouse=True, scope="session")
def _flush_past_the_triggers() -> Iterator[None]:
    """Drop the triggers of the audit's tables while Django empties the tables after a test that commits."""
    usual = TransactionTestCase._fixture_teardown

    def teardown(self: TransactionTestCase) -> None:
        with connection.cursor() as cursor:
            for statement in triggers.DROP_CURRENT[connection.vendor]:
                cursor.execute(statement)
            usual(self)
            for statement in triggers.CREATE_CURRENT[connection.vendor]:
                cursor.execute(statement)

    TransactionTestCase._fixture_teardown = teardown
    yield
    TransactionTestCase._fixture_teardown = usual


@pytest.fixture
def anna(db: None) -> Admin:
    """A sysadmin."""
    return Admin.objects.create_user("anna", "anna@vendor.example", PASSWORD, role=Role.SYSADMIN)


@pytest.fixture
def ben(db: None) -> Admin:
    """An admin with the role support."""
    return Admin.objects.create_user("ben", "ben@vendor.example", PASSWORD, role=Role.SUPPORT)


@pytest.fixture
def vera(db: None) -> Admin:
    """A viewer."""
    return Admin.objects.create_user("vera", "vera@vendor.example", PASSWORD, role=Role.VIEWER)


SignIn = Callable[[Admin], APIClient]


@pytest.fixture
def signed_in() -> SignIn:
    """An API client of that admin, with a real access token."""

    def sign_in(admin: Admin) -> APIClient:
        client = APIClient()
        # By the real time and without an end, so that the sign-in outlives what a test does to the clock.
        tokens = start_token_family(admin, at=datetime.now(UTC))
        far = datetime(9999, 1, 1, tzinfo=UTC)
        TokenFamily.objects.filter(admin=admin).update(created_at=far - timedelta(days=1), expires_at=far)
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens.access}")
        client.default_format = "json"
        return client

    return sign_in


@pytest.fixture
def api(anna: Admin, signed_in: SignIn) -> APIClient:
    """The sysadmin's API client."""
    return signed_in(anna)


@dataclass
class RegisteredSite:
    """A site as its owner knows it: the id and the key."""

    site_id: str
    key: str

    @property
    def path(self) -> str:
        return f"/api/sites/{self.site_id}"

    def call_home(self, key: str | None = None, **report: Any) -> Any:
        """Post a heartbeat to the API."""
        return APIClient().post(
            "/api/heartbeat",
            {"version": "1.0.0", "uptime_seconds": 60, **report},
            format="json",
            headers={"X-Site-ID": self.site_id, "X-Site-Key": key or self.key},
        )


Register = Callable[..., RegisteredSite]


@pytest.fixture
def register(anna: Admin) -> Register:
    """Register a site with a body as for the API. Without the request, which takes four times as long."""

    def register(**facts: Any) -> RegisteredSite:
        body = {"name": "Trattoria Roma", "owner_name": "Giulia", "contact_email": "giulia@roma.example", **facts}
        given = RegistrationSerializer(data=body)
        given.is_valid(raise_exception=True)
        by = Actor(Event.Source.API, anna, ip="127.0.0.1")
        registration = register_site(**given.validated_data, by=by, at=timezone.now())
        return RegisteredSite(str(registration.site.pk), registration.secret_key)

    return register


@pytest.fixture
def roma(register: Register) -> RegisteredSite:
    """A site that is registered and has sent no heartbeat."""
    return register()


class Clock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.at = datetime(2026, 6, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def move(self, **by: float) -> datetime:
        self.at += timedelta(**by)
        return self.at


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("django.utils.timezone.now", clock)
    return clock


@pytest.fixture
def google(settings: Any) -> Iterator[FakeGoogle]:
    """A Google of the test's own, with which people sign in."""
    certificates.forget()
    with fake_google() as google:
        for name, value in google_settings(google).items():
            setattr(settings, name, value)
        yield google
    certificates.forget()

"""A process that cannot use the key that signs: heartbeats are answered without a lease, and it is logged and counted."""

import logging
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.actors import COMMAND
from config.metrics.tests.scraping import TOKEN, scrape
from conftest import RegisteredSite
from heartbeat import signing_failures
from licensing.models import SigningKey
from licensing.private_keys import signer
from licensing.services import activate_signing_key, create_signing_key
from sites.models import SitePulse

NONCE = "n" * 16
COUNTER = "portcullis_leases_unsigned_total"


class MonotonicClock:
    """It stands still until a test moves it."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def monotonic(monkeypatch: pytest.MonkeyPatch) -> MonotonicClock:
    clock = MonotonicClock()
    monkeypatch.setattr("heartbeat.signing_failures.time.monotonic", clock)
    return clock


@pytest.fixture
def signing_key(db: None) -> SigningKey:
    return create_signing_key(by=COMMAND, at=timezone.now())


@pytest.fixture
def right_secrets(signing_key: SigningKey, settings: Any, monotonic: MonotonicClock) -> list[str]:
    """From now on the settings have another secret, as after a mistake; the returned one is right."""
    right: list[str] = settings.LEASE_KEY_SECRETS
    settings.LEASE_KEY_SECRETS = ["another secret"]
    signer.cache_clear()
    return right


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.getMessage()
        for record in caplog.records
        if (record.name, record.levelno) == ("portcullis.heartbeat", logging.ERROR)
    ]


def lease_end() -> Any:
    return SitePulse.objects.get().lease_expires_at


@pytest.mark.usefixtures("right_secrets")
def test_within_half_a_minute_it_is_tried_and_logged_once(
    roma: RegisteredSite, monotonic: MonotonicClock, caplog: pytest.LogCaptureFixture
) -> None:
    answers = [roma.call_home(nonce=NONCE).json()]
    with CaptureQueriesContext(connection) as queries:
        answers += [roma.call_home(nonce=NONCE).json() for _ in range(3)]
    assert [(answer["licensed"], answer["lease"]) for answer in answers] == [(True, None)] * 4
    assert not [query for query in queries if "sealed_private" in query["sql"]]
    assert len(errors(caplog)) == 1
    assert "was sealed under another secret" in errors(caplog)[0]
    monotonic.seconds += signing_failures.RETRY_SECONDS
    assert roma.call_home(nonce=NONCE).json()["lease"] is None
    assert len(errors(caplog)) == 2


def test_a_key_that_can_be_used_again_signs_half_a_minute_later(
    roma: RegisteredSite, right_secrets: list[str], monotonic: MonotonicClock, settings: Any
) -> None:
    roma.call_home(nonce=NONCE)
    settings.LEASE_KEY_SECRETS = right_secrets
    monotonic.seconds += signing_failures.RETRY_SECONDS - 1
    assert roma.call_home(nonce=NONCE).json()["lease"] is None
    monotonic.seconds += 1
    assert roma.call_home(nonce=NONCE).json()["lease"]
    SitePulse.objects.update(lease_expires_at=None)
    roma.call_home(nonce=NONCE)
    assert lease_end() is not None


def test_another_key_signs_at_once(roma: RegisteredSite, right_secrets: list[str], settings: Any) -> None:
    roma.call_home(nonce=NONCE)
    settings.LEASE_KEY_SECRETS = right_secrets
    second = create_signing_key(by=COMMAND, at=timezone.now())
    activate_signing_key(second.kid, by=COMMAND, at=timezone.now(), now=True)
    assert roma.call_home(nonce=NONCE).json()["lease"]


@pytest.mark.usefixtures("right_secrets")
def test_no_end_of_a_lease_is_stored_that_did_not_go_out(roma: RegisteredSite, monotonic: MonotonicClock) -> None:
    """But for the heartbeat that shows that the key cannot be used: its pulse is written before."""
    roma.call_home(nonce=NONCE)
    SitePulse.objects.update(lease_expires_at=None)
    roma.call_home(nonce=NONCE)
    assert lease_end() is None


@pytest.mark.postgresql
@pytest.mark.skipif(
    connection.vendor != "postgresql", reason="on SQLite the first heartbeat of each half minute stores it"
)
@pytest.mark.usefixtures("right_secrets")
def test_on_postgresql_none_is_stored_by_later_attempts_either(roma: RegisteredSite, monotonic: MonotonicClock) -> None:
    roma.call_home(nonce=NONCE)
    SitePulse.objects.update(lease_expires_at=None)
    monotonic.seconds += signing_failures.RETRY_SECONDS
    roma.call_home(nonce=NONCE)
    assert lease_end() is None


def test_each_reply_without_a_lease_is_counted(
    roma: RegisteredSite, right_secrets: list[str], monotonic: MonotonicClock, settings: Any
) -> None:
    settings.METRICS_TOKEN = TOKEN
    before = scrape()[COUNTER]
    for _ in range(3):
        roma.call_home()
    assert scrape()[COUNTER] == before + 3
    settings.LEASE_KEY_SECRETS = right_secrets
    monotonic.seconds += signing_failures.RETRY_SECONDS
    roma.call_home()
    assert scrape()[COUNTER] == before + 3


@pytest.mark.django_db
def test_it_is_counted_too_while_there_is_no_key(roma: RegisteredSite, settings: Any) -> None:
    settings.METRICS_TOKEN = TOKEN
    before = scrape()[COUNTER]
    roma.call_home()
    assert scrape()[COUNTER] == before + 1

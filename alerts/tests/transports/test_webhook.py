"""Webhooks by the Standard Webhooks rules."""

import base64
import hashlib
import hmac
from pathlib import Path

import pytest

from alerts.channels.transports import send
from alerts.channels.transports.outcome import Message, Outcome, Target, Verdict
from alerts.channels.transports.webhook import new_signing_secret
from alerts.tests.transports.examples import MESSAGE_ID, SECRET, incident, message, message_of_test, target
from conftest import Clock
from tests.fake_services.http import Behaviour, Drip, FakeHttp, Reply, Request, close, closed_port, garbage, hang, reset
from tests.fake_services.names import FakeNames

pytestmark = pytest.mark.any_database


def webhook(service: FakeHttp) -> Target:
    return target("webhook", service.url(), secret=SECRET)


def expected_signature(request: Request) -> str:
    """As a receiver calculates it."""
    signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.body
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def test_a_receiver_gets_the_incident_with_its_type(service: FakeHttp) -> None:
    outcome = send(message("incident.resolved", title="Crêperie «Nîmes» is offline"), webhook(service))
    request = service.requests[0]
    assert outcome == Outcome(Verdict.DELIVERED, 200, "The answer was 200 OK.")
    assert request.json() == {
        "type": "incident.resolved",
        "timestamp": "2026-06-01T12:01:00Z",
        "data": incident(title="Crêperie «Nîmes» is offline"),
    }
    assert request.headers["content-type"] == "application/json"
    assert b": " not in request.body.replace(b"hours (expected every 6 hours)", b"")


def test_a_test_names_the_channel(service: FakeHttp) -> None:
    send(message_of_test(), webhook(service))
    assert service.requests[0].json() == {
        "type": "test",
        "timestamp": "2026-06-01T12:01:00Z",
        "data": {"channel": "On call"},
    }


def test_the_signature_holds(service: FakeHttp, clock: Clock) -> None:
    send(message(), webhook(service))
    headers = service.requests[0].headers
    assert headers["webhook-id"] == str(MESSAGE_ID)
    assert headers["webhook-timestamp"] == str(int(clock.at.timestamp()))
    assert headers["webhook-signature"] == expected_signature(service.requests[0])


def test_a_second_attempt_has_the_same_id_and_body_and_a_signature_of_its_time(service: FakeHttp, clock: Clock) -> None:
    service.script(Reply(503), Reply(200))
    send(message(), webhook(service))
    clock.move(hours=5)
    send(message(), webhook(service))
    first, second = service.requests
    assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)
    assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) == 5 * 3600
    assert second.headers["webhook-signature"] == expected_signature(second) != first.headers["webhook-signature"]


def test_a_new_secret_has_32_random_bytes() -> None:
    secrets = {new_signing_secret() for _ in range(20)}
    assert len(secrets) == 20
    assert all(secret.startswith("whsec_") for secret in secrets)
    assert {len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) for secret in secrets} == {32}


def test_no_answer_shows_what_the_receiver_wrote(service: FakeHttp) -> None:
    """Many servers repeat the path of the request in their pages of errors."""
    service.script(Reply(404, body=b"Cannot POST /secret-path"))
    outcome = send(message(), Target("webhook", service.url("/secret-path"), SECRET, "On call"))
    assert outcome == Outcome(Verdict.FAILED, 404, "The answer was 404 Not Found.")


FAILURES: dict[str, tuple[Behaviour, Verdict]] = {
    "reset": (reset, Verdict.RETRY),
    "closed": (close, Verdict.RETRY),
    "garbage": (garbage, Verdict.RETRY),
    "too busy": (Reply(429, {"Retry-After": "60"}), Verdict.RETRY),
    "broken": (Reply(500), Verdict.RETRY),
    "gone": (Reply(410), Verdict.GONE),
    "moved": (Reply(302, {"Location": "http://169.254.169.254/"}), Verdict.FAILED),
    "wrong": (Reply(400), Verdict.FAILED),
}


@pytest.mark.parametrize(("behaviour", "verdict"), FAILURES.values(), ids=FAILURES)
def test_a_failure_is_reported(service: FakeHttp, behaviour: Behaviour, verdict: Verdict) -> None:
    service.script(behaviour)
    outcome = send(message(), webhook(service))
    assert outcome.verdict == verdict
    assert len(service.requests) == 1


TOO_SLOW: dict[str, tuple[Behaviour, Verdict]] = {
    "hanging": (hang, Verdict.RETRY),
    "dripping": (Drip(), Verdict.RETRY),
}


@pytest.mark.parametrize(("behaviour", "verdict"), TOO_SLOW.values(), ids=TOO_SLOW)
def test_a_server_that_is_too_slow_is_left(
    service: FakeHttp, hurried: None, behaviour: Behaviour, verdict: Verdict
) -> None:
    service.script(behaviour)
    outcome = send(message(), webhook(service))
    assert outcome.verdict == verdict
    assert len(service.requests) == 1


def test_a_closed_port_is_reported() -> None:
    address = f"http://127.0.0.1:{closed_port()}/hook"
    assert send(message(), target("webhook", address, secret=SECRET)).verdict == Verdict.RETRY


def test_an_error_of_tls_is_reported(certificate: Path, names: FakeNames) -> None:
    names.set("hooks.example.com", ["127.0.0.1"])
    with FakeHttp(certificate=certificate) as service:
        outcome = send(message(), target("webhook", service.url(host="hooks.example.com"), secret=SECRET))
    assert outcome.verdict == Verdict.RETRY
    assert "self-signed certificate" in outcome.detail


@pytest.mark.parametrize("kind", ["webhook", "slack"])
def test_private_addresses_are_refused_unless_they_are_allowed(service: FakeHttp, settings: object, kind: str) -> None:
    settings.ALERT_ALLOW_PRIVATE_ADDRESSES = False  # type: ignore[attr-defined]
    outcome = send(message(), Target(kind, service.url(), SECRET, "On call"))
    assert outcome.verdict == Verdict.FAILED
    assert service.connections == 0


def test_summaries_are_not_for_programs(service: FakeHttp) -> None:
    with pytest.raises(AssertionError):
        send(Message(MESSAGE_ID, "summary", message().at, summary=[]), webhook(service))

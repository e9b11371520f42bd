"""PagerDuty's Events API v2."""

from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from alerts.channels.transports import send
from alerts.channels.transports.outcome import Outcome, Verdict
from alerts.tests.transports.examples import MESSAGE_ID, PANEL_URL, incident, message, message_of_test, target
from conftest import Clock
from tests.fake_services.http import Behaviour, Drip, FakeHttp, Reply, close, closed_port, garbage, hang, reset
from tests.fake_services.names import FakeNames

pytestmark = pytest.mark.any_database
ROUTING_KEY = "0123456789abcdef0123456789abcdef"
ACCEPTED = Reply(202, body=b'{"status": "success", "message": "Event processed", "dedup_key": "x"}')
TARGET = target("pagerduty", ROUTING_KEY)


@pytest.fixture
def pagerduty(service: FakeHttp, settings: Any) -> FakeHttp:
    service.script(ACCEPTED)
    settings.PAGERDUTY_EVENTS_URL = service.url("/v2/enqueue")
    return service


def test_an_incident_is_triggered(pagerduty: FakeHttp) -> None:
    outcome = send(message(), TARGET)
    assert outcome == Outcome(Verdict.DELIVERED, 202, "success")
    request = pagerduty.requests[0]
    assert request.path == "/v2/enqueue"
    assert request.json() == {
        "routing_key": ROUTING_KEY,
        "event_action": "trigger",
        "dedup_key": incident()["id"],
        "payload": {
            "summary": "Trattoria Roma is offline",
            "source": "portcullis",
            "severity": "critical",
            "timestamp": "2026-06-01T12:00:00Z",
            "class": "site_offline",
            "custom_details": {
                "kind": "site_offline",
                "detail": "No heartbeat for 8 hours (expected every 6 hours).",
                "sites": 1,
                "site_id": incident()["site_id"],
                "opened_at": "2026-06-01T12:00:00Z",
            },
        },
        "client": "Portcullis",
        "client_url": PANEL_URL,
        "links": [{"href": PANEL_URL, "text": "Open in Portcullis"}],
    }


@pytest.mark.parametrize(
    ("kind", "action"),
    [
        ("incident.opened", "trigger"),
        ("incident.reminded", "trigger"),
        ("incident.acknowledged", "acknowledge"),
        ("incident.resolved", "resolve"),
    ],
)
def test_what_became_of_it_reaches_the_same_incident(pagerduty: FakeHttp, kind: str, action: str) -> None:
    send(message(kind), TARGET)
    sent = pagerduty.requests[0].json()
    assert (sent["event_action"], sent["dedup_key"]) == (action, incident()["id"])


@pytest.mark.parametrize("severity", ["critical", "warning", "info"])
def test_the_severity_is_passed_on(pagerduty: FakeHttp, severity: str) -> None:
    send(message(severity=severity), TARGET)
    assert pagerduty.requests[0].json()["payload"]["severity"] == severity


def test_a_long_title_is_cut(pagerduty: FakeHttp) -> None:
    send(message(title="x" * 2_000), TARGET)
    assert len(pagerduty.requests[0].json()["payload"]["summary"]) == 1_024


def test_a_test_opens_an_incident_and_resolves_it(pagerduty: FakeHttp) -> None:
    assert send(message_of_test(), TARGET).verdict == Verdict.DELIVERED
    sent = [request.json() for request in pagerduty.requests]
    assert [event["event_action"] for event in sent] == ["trigger", "resolve"]
    assert {event["dedup_key"] for event in sent} == {f"portcullis-test-{MESSAGE_ID}"}


def test_a_test_that_cannot_be_opened_is_not_resolved(pagerduty: FakeHttp) -> None:
    pagerduty.script(Reply(503), ACCEPTED)
    assert send(message_of_test(), TARGET).verdict == Verdict.RETRY
    assert len(pagerduty.requests) == 1


def test_a_test_that_cannot_be_resolved_is_not_delivered(pagerduty: FakeHttp) -> None:
    pagerduty.script(ACCEPTED, Reply(503))
    assert send(message_of_test(), TARGET).verdict == Verdict.RETRY


def test_the_operators_own_relay_may_be_in_their_network(pagerduty: FakeHttp, settings: Any) -> None:
    settings.ALERT_ALLOW_PRIVATE_ADDRESSES = False
    assert send(message(), TARGET).verdict == Verdict.DELIVERED


INVALID = b'{"status": "invalid event", "message": "Event object is invalid", "errors": ["no key %s"]}'
FAILURES: dict[str, tuple[Behaviour, Verdict, str]] = {
    "an error inside": (Reply(200, body=b'{"status": "throttled"}'), Verdict.FAILED, "PagerDuty answered: throttled"),
    "an accepted error": (Reply(202, body=b'{"status": "error"}'), Verdict.FAILED, "PagerDuty answered: error"),
    "another page": (Reply(202, body=b"<p>ok</p>"), Verdict.FAILED, "something other than success"),
    "a list": (Reply(202, body=b"[]"), Verdict.FAILED, "something other than success"),
    "deep brackets": (Reply(202, body=b"[" * 60_000), Verdict.FAILED, "something other than success"),
    "odd errors": (Reply(400, body=b'{"message": 5, "errors": {}}'), Verdict.FAILED, "something other than success"),
    "half a body": (Reply(202, {"Content-Length": "99"}, b"{"), Verdict.RETRY, "The answer did not come whole."),
    "invalid": (
        Reply(400, body=INVALID % ROUTING_KEY.encode()),
        Verdict.FAILED,
        "PagerDuty answered: invalid event; Event object is invalid; no key …",
    ),
    "gone": (Reply(410), Verdict.GONE, "The answer was 410 Gone."),
    "broken": (Reply(500), Verdict.RETRY, "The answer was 500 Internal Server Error."),
    "moved": (Reply(302, {"Location": "http://127.0.0.1/"}), Verdict.FAILED, "Redirects are not followed."),
    "reset": (reset, Verdict.RETRY, "The connection was closed"),
    "closed": (close, Verdict.RETRY, "The connection was closed"),
    "garbage": (garbage, Verdict.RETRY, "no answer of HTTP"),
}


@pytest.mark.parametrize(("behaviour", "verdict", "said"), FAILURES.values(), ids=FAILURES)
def test_a_failure_is_reported(pagerduty: FakeHttp, behaviour: Behaviour, verdict: Verdict, said: str) -> None:
    pagerduty.script(behaviour)
    outcome = send(message(), TARGET)
    assert outcome.verdict == verdict
    assert said in outcome.detail
    assert ROUTING_KEY not in outcome.detail


TOO_SLOW: dict[str, tuple[Behaviour, Verdict, str]] = {
    "hanging": (hang, Verdict.RETRY, "No complete answer within"),
    "dripping headers": (Drip(), Verdict.RETRY, "No complete answer within"),
    "dripping body": (Drip(b"HTTP/1.1 202 OK\r\n\r\n{"), Verdict.RETRY, "The answer did not come whole."),
}


@pytest.mark.parametrize(("behaviour", "verdict", "said"), TOO_SLOW.values(), ids=TOO_SLOW)
def test_a_server_that_is_too_slow_is_left(
    pagerduty: FakeHttp, hurried: None, behaviour: Behaviour, verdict: Verdict, said: str
) -> None:
    pagerduty.script(behaviour)
    outcome = send(message(), TARGET)
    assert outcome.verdict == verdict
    assert said in outcome.detail
    assert ROUTING_KEY not in outcome.detail


@pytest.mark.parametrize("as_date", [False, True])
def test_pagerduty_says_when_to_try_again(pagerduty: FakeHttp, clock: Clock, as_date: bool) -> None:
    until = clock.at + timedelta(seconds=90)
    pagerduty.script(Reply(429, {"Retry-After": format_datetime(until, usegmt=True) if as_date else "90"}))
    outcome = send(message(), TARGET)
    assert (outcome.verdict, outcome.retry_after) == (Verdict.RETRY, timedelta(seconds=90))


def test_a_closed_port_is_reported(settings: Any) -> None:
    settings.PAGERDUTY_EVENTS_URL = f"http://127.0.0.1:{closed_port()}/v2/enqueue"
    assert send(message(), TARGET) == Outcome(Verdict.RETRY, None, "The connection was refused.")


def test_an_error_of_tls_is_reported(certificate: Path, names: FakeNames, settings: Any) -> None:
    names.set("events.pagerduty.com", ["127.0.0.1"])
    with FakeHttp(certificate=certificate) as service:
        settings.PAGERDUTY_EVENTS_URL = service.url("/v2/enqueue", host="events.pagerduty.com")
        outcome = send(message(), TARGET)
    assert outcome.verdict == Verdict.RETRY
    assert service.requests == []

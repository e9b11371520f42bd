"""Slack's incoming webhooks."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from alerts.channels.transports import send
from alerts.channels.transports.outcome import Outcome, Target, Verdict
from alerts.tests.transports.examples import PANEL_URL, message, message_of_test, summary, target
from conftest import Clock
from tests.fake_services.http import Behaviour, Drip, FakeHttp, Reply, close, closed_port, garbage, hang, reset
from tests.fake_services.names import FakeNames

pytestmark = pytest.mark.any_database
OK = Reply(200, {"Content-Type": "text/html"}, b"ok")
SECRET_PATH = "/services/T0001/B0002/secret"


@pytest.fixture
def slack(service: FakeHttp) -> Target:
    service.script(OK)
    return target("slack", service.url(SECRET_PATH))


def blocks_of(service: FakeHttp, kind: str) -> list[Any]:
    return [block for block in service.requests[-1].json()["blocks"] if block["type"] == kind]


def test_people_read_what_happened_and_can_open_it(service: FakeHttp, slack: Target) -> None:
    assert send(message(sites=14), slack) == Outcome(Verdict.DELIVERED, 200, "ok")
    request = service.requests[0]
    assert request.headers["content-type"] == "application/json; charset=utf-8"
    assert request.json()["text"] == "🔴 Critical: Trattoria Roma is offline"
    assert blocks_of(service, "header")[0]["text"] == {
        "type": "plain_text",
        "text": "🔴 Critical: Trattoria Roma is offline",
    }
    opened = int(datetime(2026, 6, 1, 12, tzinfo=UTC).timestamp())
    assert blocks_of(service, "context")[0]["elements"][0]["text"] == (
        f"Opened <!date^{opened}^{{date_short_pretty}} {{time}}|2026-06-01 12:00 UTC> · 14 sites"
    )
    assert blocks_of(service, "section")[0]["text"]["text"] == "No heartbeat for 8 hours (expected every 6 hours)."
    assert blocks_of(service, "actions")[0]["elements"][0]["url"] == PANEL_URL


@pytest.mark.parametrize(
    ("kind", "facts", "title"),
    [
        ("incident.opened", {"severity": "warning"}, "🟠 Warning: Trattoria Roma is offline"),
        ("incident.opened", {"severity": "info"}, "🔵 Info: Trattoria Roma is offline"),
        ("incident.reminded", {}, "🔴 Critical, still open: Trattoria Roma is offline"),
        ("incident.acknowledged", {}, "👀 Acknowledged: Trattoria Roma is offline"),
        ("incident.resolved", {}, "✅ Resolved: Trattoria Roma is offline"),
    ],
)
def test_the_title_says_what_became_of_it(
    service: FakeHttp, slack: Target, kind: str, facts: dict[str, Any], title: str
) -> None:
    send(message(kind, **facts), slack)
    assert service.requests[0].json()["text"] == title


def test_who_acknowledged_it_and_when_it_ended_is_said(service: FakeHttp, slack: Target) -> None:
    later = {"acknowledged_at": "2026-06-01T13:00:00Z", "resolved_at": "2026-06-01T14:00:00Z"}
    send(message("incident.resolved", acknowledged_by="anna", **later), slack)
    facts = blocks_of(service, "context")[0]["elements"][0]["text"]
    assert "acknowledged <!date^" in facts
    assert "|2026-06-01 13:00 UTC> by anna · resolved <!date^" in facts


def test_a_name_cannot_mention_everybody_or_forge_a_link(service: FakeHttp, slack: Target) -> None:
    evil = "<!channel> <https://evil.example|Roma> & co"
    send(message(title=evil, detail=evil, acknowledged_at="2026-06-01T13:00:00Z", acknowledged_by="<!here>"), slack)
    content = service.requests[0].json()
    escaped = "&lt;!channel&gt; &lt;https://evil.example|Roma&gt; &amp; co"
    assert content["text"] == f"🔴 Critical: {escaped}"
    assert blocks_of(service, "section")[0]["text"]["text"] == escaped
    assert "by &lt;!here&gt;" in blocks_of(service, "context")[0]["elements"][0]["text"]
    assert blocks_of(service, "header")[0]["text"]["type"] == "plain_text", "which Slack does not interpret"


@pytest.mark.parametrize("text", ["x" * 5_000, "&" * 5_000, "a\nb " * 2_000, "🔴" * 4_000])
def test_nothing_is_longer_than_slack_accepts(service: FakeHttp, slack: Target, text: str) -> None:
    send(message(title=text, detail=text), slack)
    assert len(blocks_of(service, "header")[0]["text"]["text"]) <= 150
    section = blocks_of(service, "section")[0]["text"]["text"]
    assert len(section) <= 3_000
    assert "&" not in section.replace("&amp;", ""), "half an escape"


def test_an_incident_without_detail_has_no_empty_section(service: FakeHttp, slack: Target) -> None:
    send(message(detail=""), slack)
    assert blocks_of(service, "section") == []


def test_a_test_names_the_channel(service: FakeHttp, slack: Target) -> None:
    send(message_of_test(), slack)
    assert service.requests[0].json()["text"] == "Test of the channel On call"
    assert blocks_of(service, "actions") == []


@pytest.mark.parametrize(("count", "lines", "more"), [(2, 2, []), (15, 15, []), (16, 15, ["and 1 more"])])
def test_a_summary_lists_15_incidents(
    service: FakeHttp, slack: Target, count: int, lines: int, more: list[str]
) -> None:
    send(summary(count), slack)
    assert service.requests[0].json()["text"] == f"{count} messages about {count} incidents"
    listed = blocks_of(service, "section")[0]["text"]["text"].splitlines()
    assert (len(listed), listed[0]) == (lines, "🔴 Critical: Site 1 is offline")
    assert [block["elements"][0]["text"] for block in blocks_of(service, "context")] == more


FAILURES: dict[str, tuple[Behaviour, Verdict, str]] = {
    "an error inside": (Reply(200, body=b"invalid_token"), Verdict.FAILED, "Slack answered invalid_token."),
    "another page": (Reply(200, body=b"<p>/secret</p>"), Verdict.FAILED, 'Slack answered something other than "ok".'),
    "nothing inside": (Reply(200), Verdict.FAILED, 'Slack answered something other than "ok".'),
    "half a body": (Reply(200, {"Content-Length": "9"}, b"ok"), Verdict.RETRY, "The answer did not come whole."),
    "a code": (Reply(403, body=b"action_prohibited"), Verdict.FAILED, "Slack answered 403 action_prohibited."),
    "a page": (Reply(404, body=b"no /secret here"), Verdict.FAILED, "The answer was 404 Not Found."),
    "gone": (Reply(410, body=b"channel_is_archived"), Verdict.GONE, "The answer was 410 Gone."),
    "broken": (Reply(500, body=b"rollup_error"), Verdict.RETRY, "The answer was 500 Internal Server Error."),
    "moved": (Reply(302, {"Location": "http://127.0.0.1/"}), Verdict.FAILED, "The answer was 302 Found."),
    "reset": (reset, Verdict.RETRY, "The connection was closed"),
    "closed": (close, Verdict.RETRY, "The connection was closed"),
    "garbage": (garbage, Verdict.RETRY, "no answer of HTTP"),
}


@pytest.mark.parametrize(("behaviour", "verdict", "said"), FAILURES.values(), ids=FAILURES)
def test_a_failure_is_reported(
    service: FakeHttp, slack: Target, behaviour: Behaviour, verdict: Verdict, said: str
) -> None:
    service.script(behaviour)
    outcome = send(message(), slack)
    assert outcome.verdict == verdict
    assert said in outcome.detail
    assert "secret" not in outcome.detail


TOO_SLOW: dict[str, tuple[Behaviour, Verdict, str]] = {
    "hanging": (hang, Verdict.RETRY, "No complete answer within"),
    "dripping headers": (Drip(), Verdict.RETRY, "No complete answer within"),
    "dripping body": (Drip(b"HTTP/1.1 200 OK\r\n\r\nok"), Verdict.RETRY, "The answer did not come whole."),
}


@pytest.mark.parametrize(("behaviour", "verdict", "said"), TOO_SLOW.values(), ids=TOO_SLOW)
def test_a_server_that_is_too_slow_is_left(
    service: FakeHttp, slack: Target, hurried: None, behaviour: Behaviour, verdict: Verdict, said: str
) -> None:
    service.script(behaviour)
    outcome = send(message(), slack)
    assert outcome.verdict == verdict
    assert said in outcome.detail
    assert "secret" not in outcome.detail


@pytest.mark.parametrize("as_date", [False, True])
def test_slack_says_when_to_try_again(service: FakeHttp, slack: Target, clock: Clock, as_date: bool) -> None:
    until = clock.at + timedelta(seconds=90)
    service.script(Reply(429, {"Retry-After": format_datetime(until, usegmt=True) if as_date else "90"}))
    outcome = send(message(), slack)
    assert (outcome.verdict, outcome.retry_after) == (Verdict.RETRY, timedelta(seconds=90))


def test_a_closed_port_is_reported() -> None:
    outcome = send(message(), target("slack", f"http://127.0.0.1:{closed_port()}{SECRET_PATH}"))
    assert outcome == Outcome(Verdict.RETRY, None, "The connection was refused.")


def test_an_error_of_tls_is_reported(certificate: Path, names: FakeNames) -> None:
    names.set("hooks.slack.com", ["127.0.0.1"])
    with FakeHttp(certificate=certificate) as service:
        outcome = send(message(), target("slack", service.url(SECRET_PATH, host="hooks.slack.com")))
    assert outcome.verdict == Verdict.RETRY
    assert service.requests == []

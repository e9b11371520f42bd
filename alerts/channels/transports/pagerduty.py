"""PagerDuty's Events API v2. The incident's id is the key by which PagerDuty knows that events belong together."""

import json
from typing import Any

from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from alerts.channels.transports.http import Answer, post
from alerts.channels.transports.outcome import Message, Outcome, Target, Verdict, one_line

MAX_SUMMARY = 1_024
ACTIONS = {
    "incident.opened": "trigger",
    "incident.reminded": "trigger",
    "incident.acknowledged": "acknowledge",
    "incident.resolved": "resolve",
}
DETAILS = ("kind", "detail", "sites", "site_id", "opened_at", "acknowledged_at", "acknowledged_by", "resolved_at")

Event = dict[str, Any]


@sensitive_variables()
def send(message: Message, target: Target) -> Outcome:
    """Send the events of a message in their order, until one fails. Repeating them does no harm: they set states."""
    outcome = Outcome(Verdict.DELIVERED, None, "Nothing to send.")
    for event in events_of(message, target):
        body = json.dumps({"routing_key": target.address, **event}, ensure_ascii=False).encode()
        # The operator chose the address of PagerDuty; it may be a relay in their own network.
        outcome = post(
            settings.PAGERDUTY_EVENTS_URL,
            body,
            {"Content-Type": "application/json"},
            allow_private=True,
            read=lambda answer: read_answer(answer, target.address),
        )
        if outcome.verdict != Verdict.DELIVERED:
            break
    return outcome


def events_of(message: Message, target: Target) -> list[Event]:
    """A test opens an incident and closes it."""
    if message.type == "test":
        return events_of_test(message, target)
    assert message.incident is not None, "PagerDuty gets each message, not summaries"
    return [event_of(message.type, message.incident, message.panel_url)]


def event_of(kind: str, incident: dict[str, Any], panel_url: str | None) -> Event:
    event = {
        "event_action": ACTIONS[kind],
        "dedup_key": incident["id"],
        "payload": {
            "summary": one_line(incident["title"], MAX_SUMMARY),
            "source": "portcullis",
            "severity": incident["severity"],  # PagerDuty has the same words
            "timestamp": incident["opened_at"],
            "class": incident["kind"],
            "custom_details": {name: incident[name] for name in DETAILS if incident[name] is not None},
        },
        "client": "Portcullis",
    }
    return event | linked(panel_url)


def linked(panel_url: str | None) -> Event:
    if not panel_url:
        return {}
    return {"client_url": panel_url, "links": [{"href": panel_url, "text": "Open in Portcullis"}]}


def events_of_test(message: Message, target: Target) -> list[Event]:
    event = {
        "dedup_key": f"portcullis-test-{message.id}",
        "payload": {
            "summary": one_line(f"Test of the channel {target.name}: resolved at once", MAX_SUMMARY),
            "source": "portcullis",
            "severity": "info",
        },
        "client": "Portcullis",
    } | linked(message.panel_url)
    return [{"event_action": action, **event} for action in ("trigger", "resolve")]


@sensitive_variables("routing_key")
def read_answer(answer: Answer, routing_key: str) -> Outcome | None:
    """An accepted event is answered 202 with {"status": "success"}; a refused one 400 with `message` and `errors`."""
    if 300 <= answer.status < 400 or answer.status in (408, 410, 429) or answer.status >= 500:
        return None
    if answer.body is None and answer.status < 300:
        return Outcome(Verdict.RETRY, answer.status, "The answer did not come whole.")
    content = json_object(answer.body or b"")
    if 200 <= answer.status < 300 and content.get("status") == "success":
        return Outcome(Verdict.DELIVERED, answer.status, "success")
    errors = content.get("errors")
    texts = [content.get("status"), content.get("message"), *(errors if isinstance(errors, list) else [])]
    said = "; ".join(text for text in texts if isinstance(text, str)) or "something other than success"
    return Outcome(Verdict.FAILED, answer.status, f"PagerDuty answered: {said.replace(routing_key, '…')}")


def json_object(body: bytes) -> dict[str, Any]:
    """Empty if the body is no object of JSON."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):  # the latter for thousands of brackets
        return {}
    return content if isinstance(content, dict) else {}

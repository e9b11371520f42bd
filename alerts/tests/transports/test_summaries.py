"""What a summary lists."""

from typing import Any

import pytest

from alerts.channels.transports.outcome import Message
from alerts.channels.transports.words import listed, summary_title
from alerts.tests.transports.examples import AT, MESSAGE_ID, incident

pytestmark = pytest.mark.any_database


def told(kind: str, number: int, **facts: Any) -> dict[str, Any]:
    return {"type": kind, "incident": incident(id=f"{number}", title=f"Incident {number}", **facts)}


def summary_of(*entries: dict[str, Any]) -> Message:
    return Message(MESSAGE_ID, "summary", AT, summary=list(entries))


def test_each_incident_is_listed_once_with_its_newest_message() -> None:
    message = summary_of(
        told("incident.opened", 1),
        told("incident.opened", 2),
        told("incident.resolved", 1, state="resolved"),
        told("incident.reminded", 2),
    )
    entries, more = listed(message)
    assert [(entry["type"], entry["incident"]["id"]) for entry in entries] == [
        ("incident.reminded", "2"),
        ("incident.resolved", "1"),
    ]
    assert more == 0
    assert summary_title(message) == "4 messages about 2 incidents"


def test_what_is_open_and_severe_comes_first() -> None:
    entries, _ = listed(
        summary_of(
            told("incident.resolved", 1, state="resolved", severity="critical"),
            told("incident.opened", 2, severity="info"),
            told("incident.opened", 3, severity="warning"),
            told("incident.acknowledged", 4, state="acknowledged", severity="critical"),
            told("incident.opened", 5, severity="critical"),
        )
    )
    assert [entry["incident"]["id"] for entry in entries] == ["4", "5", "3", "2", "1"]


def test_several_messages_about_one_incident_are_called_so() -> None:
    assert summary_title(summary_of(told("incident.opened", 1), told("incident.resolved", 1))) == (
        "2 messages about 1 incident"
    )

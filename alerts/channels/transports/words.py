"""Words that messages of several kinds share."""

from typing import Any

from alerts.channels.transports.outcome import Message
from alerts.kinds import RANK, State

MAX_LISTED = 15  # incidents of a summary


def state_word(kind: str, incident: dict[str, Any]) -> str:
    """What a message of that type says of its incident, before the title: "critical", "resolved"."""
    words = {
        "incident.reminded": f"{incident['severity']}, still open",
        "incident.acknowledged": "acknowledged",
        "incident.resolved": "resolved",
    }
    return words.get(kind, incident["severity"])


def sites_counted(incident: dict[str, Any]) -> str:
    count = incident["sites"]
    return "1 site" if count == 1 else f"{count:,} sites"


def summary_title(message: Message) -> str:
    assert message.summary is not None
    count = len(newest(message))
    return f"{len(message.summary):,} messages about {count:,} {'incident' if count == 1 else 'incidents'}"


def listed(message: Message) -> tuple[list[dict[str, Any]], int]:
    """The most important incidents of a summary, each with its newest message, and how many more there are."""
    entries = newest(message)
    return entries[:MAX_LISTED], max(0, len(entries) - MAX_LISTED)


def newest(message: Message) -> list[dict[str, Any]]:
    """The newest message about each incident: what is not resolved first, the most severe first."""
    assert message.summary is not None
    by_incident = {entry["incident"]["id"]: entry for entry in message.summary}
    return sorted(by_incident.values(), key=importance)


def importance(entry: dict[str, Any]) -> tuple[bool, int]:
    return entry["incident"]["state"] == State.RESOLVED, -RANK[entry["incident"]["severity"]]

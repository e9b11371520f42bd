"""Words that messages of several kinds share."""

from typing import Any

from alerts.channels.transports.outcome import Message

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
    return f"{len(message.summary):,} messages about incidents"


def listed(message: Message) -> tuple[list[dict[str, Any]], int]:
    """The first messages of a summary, and how many more there are."""
    assert message.summary is not None
    return message.summary[:MAX_LISTED], max(0, len(message.summary) - MAX_LISTED)

"""Messages and targets as the outbox passes them to transports."""

import uuid
from datetime import UTC, datetime
from typing import Any

from alerts.channels.transports.outcome import Message, Target

MESSAGE_ID = uuid.UUID("0190a5b0-7d3c-7c3a-9f3e-2f1f5f0c1a11")
AT = datetime(2026, 6, 1, 12, 1, tzinfo=UTC)
SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
PANEL_URL = "https://licenses.example.com/panel/incidents/1/"


def incident(**facts: Any) -> dict[str, Any]:
    return {
        "id": "0190a5b0-0000-7000-8000-000000000001",
        "kind": "site_offline",
        "severity": "critical",
        "state": "open",
        "site_id": "0190a5b0-0000-7000-8000-0000000000aa",
        "sites": 1,
        "title": "Trattoria Roma is offline",
        "detail": "No heartbeat for 8 hours (expected every 6 hours).",
        "opened_at": "2026-06-01T12:00:00Z",
        "updated_at": "2026-06-01T12:00:00Z",
        "acknowledged_at": None,
        "acknowledged_by": None,
        "resolved_at": None,
        **facts,
    }


def message(kind: str = "incident.opened", **facts: Any) -> Message:
    """About one incident, with these facts of its own."""
    return Message(id=MESSAGE_ID, type=kind, at=AT, incident=incident(**facts), panel_url=PANEL_URL)


def message_of_test() -> Message:
    return Message(id=MESSAGE_ID, type="test", at=AT)


def summary(count: int) -> Message:
    entries = [
        {
            "type": "incident.opened",
            "incident": incident(id=str(uuid.UUID(int=number)), title=f"Site {number} is offline"),
        }
        for number in range(1, count + 1)
    ]
    return Message(id=MESSAGE_ID, type="summary", at=AT, summary=entries, panel_url=PANEL_URL)


def target(kind: str, address: str, *, secret: str | None = None) -> Target:
    return Target(kind=kind, address=address, signing_secret=secret, name="On call")

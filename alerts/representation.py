"""Incidents as the API shows them and as webhooks get them."""

from datetime import datetime
from typing import Any

from alerts.models import Incident
from common.instants import format_instant


def incident_data(incident: Incident) -> dict[str, Any]:
    """Values that JSON can hold. `acknowledged_by` must be loaded, or each incident costs a query."""
    return {
        "id": str(incident.id),
        "kind": incident.kind,
        "severity": incident.severity,
        "state": incident.state,
        "site_id": str(incident.site_id) if incident.site_id else None,
        "sites": incident.site_count,
        "title": incident.title,
        "detail": incident.detail,
        "opened_at": format_instant(incident.opened_at),
        "updated_at": format_instant(incident.updated_at),
        "acknowledged_at": instant_or_none(incident.acknowledged_at),
        "acknowledged_by": incident.acknowledged_by.username if incident.acknowledged_by else None,
        "resolved_at": instant_or_none(incident.resolved_at),
    }


def instant_or_none(instant: datetime | None) -> str | None:
    return format_instant(instant) if instant else None

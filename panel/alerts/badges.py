"""Severities, states and health as badges."""

from collections.abc import Mapping

from django.utils.safestring import SafeString

from alerts.kinds import Severity, State
from alerts.models import Delivery, Incident
from panel.widgets.badges import badge

SEVERITY_BADGES: Mapping[str, str] = {Severity.CRITICAL: "bad", Severity.WARNING: "warn", Severity.INFO: "none"}
DELIVERY_BADGES: Mapping[str, str] = {
    Delivery.State.WAITING: "warn",
    Delivery.State.DELIVERED: "good",
    Delivery.State.FAILED: "bad",
}


def severity_badge(incident: Incident) -> SafeString:
    """Coloured only while the incident is not resolved."""
    state = SEVERITY_BADGES[incident.severity]
    shown = "none" if incident.state == State.RESOLVED else state
    return badge(shown, incident.get_severity_display(), shape_of=state)


def delivery_badge(delivery: Delivery) -> SafeString:
    return badge(DELIVERY_BADGES[delivery.state], delivery.get_state_display())

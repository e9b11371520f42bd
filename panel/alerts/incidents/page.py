"""What the page of an incident shows: its facts, the sites that it covers, and what was told of it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.core.paginator import Page, Paginator
from django.db.models import F
from django.http import HttpRequest
from django.utils.safestring import SafeString

from alerts.kinds import Kind, State
from alerts.models import Delivery, Incident, IncidentSite
from panel.alerts.badges import delivery_badge, severity_badge
from panel.alerts.incidents.acknowledge import PERMISSION
from panel.alerts.incidents.forms import AcknowledgeForm

SITES_ON_A_PAGE = 50
MAX_TOLD = 100


class Told(NamedTuple):
    delivery: Delivery
    badge: SafeString


def incident_facts(incident: Incident, request: HttpRequest) -> dict[str, Any]:
    """The template's context, from a fixed number of queries."""
    may_acknowledge = incident.state == State.OPEN and request.user.has_perm(PERMISSION)
    return {
        "incident": incident,
        "severity_badge": severity_badge(incident),
        "form": AcknowledgeForm() if may_acknowledge else None,
        "members": members_of(incident, request.GET.get("p", "1")),
        "told": told_of(incident),
        "max_told": MAX_TOLD,
    }


def members_of(incident: Incident, page: str) -> Page[IncidentSite] | None:
    """Those that are silent now first. None for an incident that covers no group of sites."""
    if incident.kind != Kind.SITES_OFFLINE_TOGETHER:
        return None
    members = incident.members.select_related("site").order_by(F("left_at").desc(nulls_first=True), "joined_at", "pk")
    return Paginator(members, SITES_ON_A_PAGE).get_page(page)


def told_of(incident: Incident) -> Sequence[Told]:
    """The newest messages."""
    deliveries = incident.deliveries.select_related("channel").newest_first()[:MAX_TOLD]
    return [Told(delivery, delivery_badge(delivery)) for delivery in deliveries]

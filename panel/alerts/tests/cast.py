"""Incidents, channels and messages, made as the product makes them."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from accounts.models import Admin
from alerts.channels.secrets import ADDRESS, SIGNING_SECRET, sealed
from alerts.channels.transports.outcome import Outcome, Verdict
from alerts.incidents.services import NewIncident, open_incidents
from alerts.kinds import Kind
from alerts.models import AlertChannel, Delivery, Incident, IncidentSite
from alerts.outbox.attempts import note_attempt
from audit.actors import Actor
from audit.models import Event
from conftest import RegisteredSite

INCIDENTS = "/admin/alerts/incident/"
CHANNELS = "/admin/channels/"


def an_incident(
    kind: Kind = Kind.SIGN_IN_ATTACK,
    title: str = "Somebody tries passwords",
    *,
    site: RegisteredSite | None = None,
    subject: str = "",
    at: datetime | None = None,
    **facts: Any,
) -> Incident:
    """Open one. Of one kind and subject there is one at a time."""
    at = at or timezone.now()
    site_id = uuid.UUID(site.site_id) if site else None
    since = facts.pop("since", at - timedelta(minutes=5))
    detail = facts.pop("detail", "Since noon.")
    new = NewIncident(kind, title, detail, since=since, site_id=site_id, subject=subject, **facts)
    (incident,) = open_incidents([new], at=at)
    return incident


def a_common_cause(*sites: RegisteredSite, title: str = "Sites went silent") -> Incident:
    at = timezone.now()
    incident = an_incident(Kind.SITES_OFFLINE_TOGETHER, title, subject="203.0.113.0/24", site_count=len(sites), at=at)
    IncidentSite.objects.bulk_create(
        IncidentSite(incident=incident, site_id=site.site_id, since=at, joined_at=at) for site in sites
    )
    return incident


def a_channel(name: str = "On call", *, kind: str = "webhook", **facts: Any) -> AlertChannel:
    """A stored channel, whose address nothing answers: it is not public, so that nothing is sent."""
    channel = AlertChannel(
        name=name, kind=kind, created_at=timezone.now(), shown_address="http://127.0.0.1:9/", **facts
    )
    channel.sealed_address = sealed("http://127.0.0.1:9/", purpose=ADDRESS, channel_id=channel.pk)
    if kind == "webhook":
        channel.sealed_signing_secret = sealed("whsec_c2VjcmV0", purpose=SIGNING_SECRET, channel_id=channel.pk)
    channel.save(force_insert=True)
    return channel


def answered(delivery: Delivery, verdict: Verdict, status: int | None = None, detail: str = "") -> None:
    """One attempt, with that answer."""
    channel = AlertChannel.objects.get(pk=delivery.channel_id)
    outcome = Outcome(verdict, status, detail, None)
    note_attempt(channel, [delivery], outcome, duration=timedelta(milliseconds=123), at=timezone.now())


def by(admin: Admin) -> Actor:
    return Actor(Event.Source.ADMIN, admin, ip="127.0.0.1")

"""What the page of one site shows besides its form: a fixed number of queries, each about that site alone."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.utils.safestring import SafeString

from audit.models import Event
from heartbeat.availability import Outage, availability, heartbeat_slots, outages, percent
from heartbeat.models import Heartbeat
from panel.events.timeline import timeline
from panel.sites.page.sentences import badges_of, key_events, state_of
from panel.widgets.badges import badge
from panel.widgets.bars import heartbeat_bar
from panel.widgets.times import duration
from sites.events import SITE
from sites.models import Site, SiteKey

NEWEST_HEARTBEATS = 10
NEWEST_EVENTS = 20
NEWEST_KEYS = 10
NEWEST_OUTAGES = 8
DAYS = 90


class ShownHeartbeat(NamedTuple):
    heartbeat: Heartbeat
    uptime: str
    told: list[SafeString]


class ShownOutage(NamedTuple):
    outage: Outage
    lasted: str


class ShownKey(NamedTuple):
    key: SiteKey
    state: SafeString
    ends_at: datetime | None


def facts_of(site: Site, *, at: datetime) -> dict[str, Any]:
    heartbeats = Heartbeat.objects.of_site(site.pk).newest_first()[:NEWEST_HEARTBEATS]
    events = Event.objects.of(SITE, site.pk).newest_first()[:NEWEST_EVENTS]
    return {
        "site": site,
        "state": state_of(site, key_events(site), at=at),
        "badges": badges_of(site, at=at),
        "heartbeats": list(map(shown_heartbeat, heartbeats)),
        "timeline": timeline(events),
        **presence_of(site, at=at),
        "keys": shown_keys(site.keys.order_by("-id")[:NEWEST_KEYS], at=at),
    }


def presence_of(site: Site, *, at: datetime) -> dict[str, Any]:
    """How reliably it called."""
    slots = heartbeat_slots([site], at=at, slots=DAYS, length=timedelta(days=1))[site.pk]
    gone = outages(site.pk, since=at - timedelta(days=DAYS), at=at)
    return {
        "bar": heartbeat_bar(slots),
        "availability": [(days, percent(share)) for days, share in availability(site, at=at).items()],
        "outages": [ShownOutage(outage, lasted(outage, at=at)) for outage in gone[:NEWEST_OUTAGES]],
        "more_outages": len(gone) - NEWEST_OUTAGES,
    }


def lasted(outage: Outage, *, at: datetime) -> str:
    return duration(int(((outage.ended_at or at) - outage.began_at).total_seconds()))


def shown_heartbeat(heartbeat: Heartbeat) -> ShownHeartbeat:
    told = [badge("licensed") if heartbeat.licensed else badge("expired", "no licence")]
    if heartbeat.locked:
        told.append(badge("locked"))
    return ShownHeartbeat(heartbeat, duration(heartbeat.uptime_seconds), told)


def shown_keys(keys: Iterable[SiteKey], *, at: datetime) -> list[ShownKey]:
    return [ShownKey(key, *state_of_key(key, at=at)) for key in keys]


def state_of_key(key: SiteKey, *, at: datetime) -> tuple[SafeString, datetime | None]:
    """And the moment that belongs to it."""
    if key.revoked_at:
        return badge("deregistered", "retired"), key.revoked_at
    if key.expires_at is None:
        return badge("licensed", "newest"), None
    if key.expires_at > at:
        return badge("ending", "in overlap until"), key.expires_at
    return badge("deregistered", "ended"), key.expires_at

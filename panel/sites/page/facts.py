"""What the page of a site shows besides its form, from a fixed number of queries about this site only."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.utils.safestring import SafeString

from audit.models import Event
from heartbeat.availability import Outage, availability, heartbeat_slots, outages, percent
from heartbeat.models import Heartbeat
from panel.heartbeats.answers import answer_badges
from panel.sites.page.agent import agent_facts
from panel.sites.page.contact import contact_facts
from panel.sites.page.days import day_chart
from panel.sites.page.history import history_of
from panel.sites.page.receipt import receipt_of
from panel.sites.page.state import key_events, site_badges, state_text
from panel.widgets.badges import badge
from panel.widgets.times import duration
from sites.events import SITE, SiteAction
from sites.models import Site, SiteKey

MAX_HEARTBEATS = 10
MAX_EVENTS = 20
MAX_KEYS = 10
MAX_NOTES = 5
MAX_OUTAGES = 8
UPTIME_DAYS = 90
# Notes and tags have places of their own: they must not push a lock out of sight.
SHOWN_ELSEWHERE = (SiteAction.NOTE_ADDED, SiteAction.TAGS_CHANGED)


class HeartbeatRow(NamedTuple):
    heartbeat: Heartbeat
    uptime: str
    answer: tuple[SafeString, ...]


class OutageRow(NamedTuple):
    outage: Outage
    duration: str


class KeyRow(NamedTuple):
    """`state_at` is the time that belongs to the state, such as when the key was retired."""

    key: SiteKey
    state: SafeString
    state_at: datetime | None


def site_facts(site: Any, *, at: datetime) -> dict[str, Any]:
    """The template's context; `site` as `SiteQuerySet.with_state` returns it."""
    heartbeats = Heartbeat.objects.of_site(site.pk).newest_first()[:MAX_HEARTBEATS]
    events = list(Event.objects.of(SITE, site.pk).exclude(action__in=SHOWN_ELSEWHERE).newest_first()[:MAX_EVENTS])
    keys = list(site.keys.order_by("-id")[:MAX_KEYS])
    return {
        "state": state_text(site, key_events(site), at=at),
        "badges": site_badges(site, at=at),
        "receipt": receipt_of(site, events, at=at),
        "agent_facts": agent_facts(site, at=at),
        "heartbeats": [heartbeat_row(heartbeat) for heartbeat in heartbeats],
        "history": history_of(site, events, limit=MAX_EVENTS),
        **uptime_facts(site, at=at),
        "keys": key_rows(keys, used_key_id=site.pulse.newest_key_id, at=at),
        **contact_facts(site, keys, at=at),
        "notes": list(site.notes.newest_first().with_total()[:MAX_NOTES]),
        "tags": [tag.name for tag in site.tags.all()],
    }


def uptime_facts(site: Site, *, at: datetime) -> dict[str, Any]:
    slots = heartbeat_slots([site], at=at, slots=UPTIME_DAYS, length=timedelta(days=1))[site.pk]
    found = outages(site.pk, since=at - timedelta(days=UPTIME_DAYS), at=at)
    rows = []
    for outage in found[:MAX_OUTAGES]:
        seconds = ((outage.ended_at or at) - outage.began_at).total_seconds()
        rows.append(OutageRow(outage, duration(int(seconds))))
    return {
        "day_chart": day_chart(site, slots),
        "availability": [(days, percent(share)) for days, share in availability(site, at=at).items()],
        "outages": rows,
        "more_outages": len(found) - MAX_OUTAGES,
    }


def heartbeat_row(heartbeat: Heartbeat) -> HeartbeatRow:
    return HeartbeatRow(heartbeat, duration(heartbeat.uptime_seconds), answer_badges(heartbeat))


def key_rows(keys: Iterable[SiteKey], *, used_key_id: int | None, at: datetime) -> list[KeyRow]:
    rows = []
    for key in keys:
        if key.revoked_at:
            rows.append(KeyRow(key, badge("deregistered", "retired"), key.revoked_at))
        elif key.expires_at is None:
            rows.append(
                KeyRow(key, badge("licensed", "current" if key.pk == used_key_id else "current, not used yet"), None)
            )
        elif key.expires_at > at:
            rows.append(KeyRow(key, badge("ending", "works until"), key.expires_at))
        else:
            rows.append(KeyRow(key, badge("deregistered", "expired"), key.expires_at))
    return rows

"""The newest entries of a site's history: events, and what happened to its incidents."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from alerts.kinds import Kind
from alerts.models import Incident, IncidentSite
from audit.models import Event
from panel.events.timeline import Entry, timeline
from sites.models import Site


class IncidentEntry(NamedTuple):
    """`key` is unique among the entries of a page."""

    at: datetime
    label: str
    incident: Incident
    key: str
    who: str = ""
    note: str = ""


class HistoryItem(NamedTuple):
    """One of the two."""

    at: datetime
    event_entry: Entry | None = None
    incident_entry: IncidentEntry | None = None


def history_of(site: Site, events: Iterable[Event], *, limit: int) -> list[HistoryItem]:
    """The newest first. `events` are those of the site, at least the `limit` newest. Two statements."""
    items = [HistoryItem(entry.event.at, event_entry=entry) for entry in timeline(events)]
    items += [HistoryItem(entry.at, incident_entry=entry) for entry in incident_entries(site, limit=limit)]
    return sorted(items, key=lambda item: item.at, reverse=True)[:limit]


def incident_entries(site: Site, *, limit: int) -> Iterator[IncidentEntry]:
    """Of the newest incidents of the site alone, and of the newest that it was part of."""
    own = Incident.objects.filter(site=site).select_related("acknowledged_by").newest_first()[:limit]
    for incident in own:
        yield from entries_of(
            incident, begin=incident.opened_at, end=incident.resolved_at, key=f"incident-{incident.pk}"
        )
    joined = IncidentSite.objects.filter(site=site).select_related("incident__acknowledged_by").order_by("-pk")[:limit]
    for member in joined:
        yield from entries_of(member.incident, begin=member.joined_at, end=member.left_at, key=f"member-{member.pk}")


def entries_of(incident: Incident, *, begin: datetime, end: datetime | None, key: str) -> Iterator[IncidentEntry]:
    """What happened while the site was concerned, from `begin` to `end`."""
    is_common = incident.kind == Kind.SITES_OFFLINE_TOGETHER
    yield IncidentEntry(begin, "Part of an incident" if is_common else "Incident opened", incident, f"{key}-begin")
    at, person = incident.acknowledged_at, incident.acknowledged_by
    if at and person and begin <= at and (end is None or at <= end):
        who, note = person.username, incident.acknowledge_note
        yield IncidentEntry(at, "Incident acknowledged", incident, f"{key}-acknowledged", who, note)
    if end:
        label = "No longer part of the incident" if is_common else "Incident resolved"
        yield IncidentEntry(end, label, incident, f"{key}-end")

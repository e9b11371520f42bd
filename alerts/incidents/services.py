"""The changes of an incident's state: opened, reminded, acknowledged, resolved. Each stores what is to be told of it."""

import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.db import transaction

from alerts.errors import AlreadyResolved, IncidentNotFound
from alerts.events import IncidentAction, incident_subject
from alerts.kinds import SEVERITY_OF, Kind, State
from alerts.models import Delivery, Incident, IncidentSite
from alerts.models.incidents import MAX_DETAIL_LENGTH, MAX_TITLE_LENGTH
from alerts.outbox.services import tell
from alerts.querysets import IncidentQuerySet
from audit.actors import Actor
from audit.services import record_event
from sites.validation import checked_note

BATCH_SIZE = 1_000
Row = TypeVar("Row")


@dataclass(frozen=True)
class NewIncident:
    kind: Kind
    title: str
    detail: str
    since: datetime
    subject: str = ""
    site_id: uuid.UUID | None = None
    site_count: int = 1
    stage: int | None = None


@transaction.atomic
def open_incidents(new: Iterable[NewIncident], *, at: datetime) -> list[Incident]:
    """Those that were opened: not those of which an unresolved one exists."""
    incidents = [
        Incident(
            kind=each.kind,
            severity=SEVERITY_OF[each.kind],
            subject=str(each.site_id) if each.site_id else each.subject,
            site_id=each.site_id,
            site_count=each.site_count,
            title=each.title[:MAX_TITLE_LENGTH],
            detail=each.detail[:MAX_DETAIL_LENGTH],
            since=each.since,
            stage=each.stage,
            opened_at=at,
            updated_at=at,
        )
        for each in new
    ]
    Incident.objects.bulk_create(incidents, batch_size=BATCH_SIZE, ignore_conflicts=True)
    opened = []
    for batch in batches([incident.id for incident in incidents]):
        opened += locked(Incident.objects.filter(id__in=batch))
    tell(opened, Delivery.Type.OPENED, at=at)
    return opened


@transaction.atomic
def update_incidents(
    changed: Sequence[Incident], *, at: datetime, fields: Collection[str], is_told: bool = True
) -> None:
    """Write what has changed of unresolved incidents, and tell it if `is_told`."""
    for incident in changed:
        incident.updated_at = at
    Incident.objects.bulk_update(changed, [*fields, "updated_at"], batch_size=BATCH_SIZE)
    if is_told:
        tell(changed, Delivery.Type.REMINDED, at=at)


@transaction.atomic
def acknowledge_incident(incident_id: uuid.UUID, *, by: Actor, at: datetime, note: str | None = None) -> Incident:
    """Say that somebody takes care. A second time changes nothing. Raises IncidentNotFound, AlreadyResolved, InvalidInput.

    The event does not hold the note, which may name a customer: an erasure can empty the incident, but not that event.
    """
    note = checked_note(note, field="note") or ""
    incident: Incident | None = Incident.objects.select_for_update().filter(id=incident_id).first()
    if incident is None:
        raise IncidentNotFound
    if incident.state == State.RESOLVED:
        raise AlreadyResolved
    if incident.state == State.ACKNOWLEDGED:
        return incident
    assert by.admin is not None, "only a person acknowledges"
    incident.state = State.ACKNOWLEDGED
    incident.acknowledged_at = incident.updated_at = at
    incident.acknowledged_by_id = by.admin.pk
    incident.acknowledge_note = note
    incident.save(update_fields=["state", "acknowledged_at", "acknowledged_by", "acknowledge_note", "updated_at"])
    record_event(IncidentAction.ACKNOWLEDGED, subject=incident_subject(incident), by=by, at=at)
    tell([incident], Delivery.Type.ACKNOWLEDGED, at=at)
    return incident


@transaction.atomic
def resolve_incidents(
    numbers: Collection[int],
    *,
    at: datetime,
    because: Mapping[int, str] | None = None,
    replaced_by: Kind | None = None,
) -> list[Incident]:
    """Resolve those of these (by `sequence`) that are not resolved; `because` has a sentence for their details.

    `replaced_by` is the kind of the incidents that take their place.
    """
    resolved = []
    for batch in batches(sorted(numbers)):
        of_batch = locked(Incident.objects.unresolved().filter(pk__in=batch))
        of_batch_numbers = [incident.pk for incident in of_batch]
        for incident in of_batch:
            incident.state, incident.resolved_at, incident.updated_at = State.RESOLVED, at, at
            if reason := (because or {}).get(incident.pk):
                incident.detail = f"{incident.detail} {reason}"[:MAX_DETAIL_LENGTH]
        Incident.objects.bulk_update(of_batch, ["state", "resolved_at", "updated_at", "detail"])
        IncidentSite.objects.present().filter(incident__in=of_batch_numbers).update(left_at=at)
        resolved += of_batch
    tell(resolved, Delivery.Type.RESOLVED, at=at, replaced_by=replaced_by)
    return resolved


def locked(incidents: IncidentQuerySet) -> list[Incident]:
    """In the order of their numbers, so that two processes lock the rows in the same order."""
    return list(incidents.select_related("acknowledged_by").select_for_update(of=("self",)).order_by("pk"))


def with_sites(incidents: IncidentQuerySet) -> Iterator[Any]:
    """These with their sites and pulses, which are not asked for if there is none, as most of the time."""
    for batch in batches(list(incidents.values_list("pk", flat=True))):
        yield from incidents.filter(pk__in=batch).select_related("site__pulse", "acknowledged_by")


def batches(rows: Sequence[Row], size: int = BATCH_SIZE) -> Iterable[Sequence[Row]]:
    """SQLite takes a bounded number of parameters."""
    return (rows[first : first + size] for first in range(0, len(rows), size))

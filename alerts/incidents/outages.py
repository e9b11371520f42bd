"""The incident that says from when to when the control plane itself was down."""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from alerts.incidents.services import NewIncident, open_incidents, resolve_incidents, update_incidents
from alerts.incidents.words import length, moment
from alerts.kinds import Kind
from alerts.models import Incident, Outage

LISTED = 5


@transaction.atomic
def judge_outages(unresolved: Collection[str], *, at: datetime) -> tuple[int, int]:
    """Tell each outage once. The incident is resolved when the sites have had ALERT_RETURN_SECONDS to come back.

    `unresolved` are the kinds of which some may be unresolved.
    """
    untold = list(Outage.objects.filter(incident=None).order_by("began_at"))
    if not untold and Kind.CONTROL_PLANE_WAS_DOWN not in unresolved:
        return 0, 0
    incidents = Incident.objects.unresolved().filter(kind=Kind.CONTROL_PLANE_WAS_DOWN)
    incident = incidents.select_related("acknowledged_by").select_for_update(of=("self",)).first()
    if not untold:
        if incident is None or incident.outages.filter(ended_at__gt=at - settings.ALERT_RETURN).exists():
            return 0, 0
        return 0, len(resolve_incidents([incident.pk], at=at))
    if incident is None:
        opened = open_incidents([described(untold)], at=at)
        if not opened:  # another worker has just opened it
            return 0, 0
        Outage.objects.filter(pk__in=[outage.pk for outage in untold]).update(incident=opened[0])
        return 1, 0
    Outage.objects.filter(pk__in=[outage.pk for outage in untold]).update(incident=incident)
    description = described(list(incident.outages.order_by("began_at")))
    incident.title, incident.detail = description.title, description.detail
    update_incidents([incident], at=at, fields=("title", "detail"))
    return 0, 0


def described(outages: list[Outage]) -> NewIncident:
    newest = outages[-1]
    total = sum((outage.ended_at - outage.began_at for outage in outages), timedelta(0))
    shown = "; ".join(f"from {moment(one.began_at)} to {moment(one.ended_at)}" for one in outages[-LISTED:])
    more = f"{len(outages) - LISTED} earlier ones; " if len(outages) > LISTED else ""
    times = f"{len(outages)} times, " if len(outages) > 1 else ""
    return NewIncident(
        Kind.CONTROL_PLANE_WAS_DOWN,
        f"Portcullis could not receive heartbeats {times}for {length(total)}, until {moment(newest.ended_at)}",
        f"It was down {more}{shown}. No site is reported as offline because of that.",
        since=outages[0].began_at,
        site_count=0,
    )

"""What is to be told, stored in the transaction of the change that it tells."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from django.db import transaction

from alerts.kinds import RANK, SEVERITY_OF, Kind
from alerts.models import AlertChannel, Delivery, Incident
from alerts.representation import incident_data

KEEP_TRYING_FOR = timedelta(days=3)
BATCH_SIZE = 1_000
# Who reads these sees the same in another message, such as that of the common cause.
FOR_PEOPLE = frozenset({AlertChannel.Kind.EMAIL, AlertChannel.Kind.SLACK})


def tell(
    incidents: Sequence[Incident],
    type: Delivery.Type,  # noqa: A002 - as webhooks call it
    *,
    at: datetime,
    replaced_by: Kind | None = None,
) -> None:
    """Store a message about each incident for each channel that wants it.

    If incidents of another kind take their place, people are not told who are told of those. Only channels that were told of
    the opening are told what happens later. Raises RuntimeError outside a transaction.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("tell needs the transaction of the change that it tells")
    if not incidents:
        return
    channels = [channel for channel in AlertChannel.objects.in_use() if not is_told_anyway(channel, replaced_by)]
    if not channels:
        return
    told = set() if type == Delivery.Type.OPENED else openings_told(incidents)
    messages = [
        Delivery(
            channel=channel,
            incident=incident,
            type=type,
            payload=incident_data(incident),
            created_at=at,
            next_attempt_at=at,
            give_up_at=at + KEEP_TRYING_FOR,
        )
        for incident in incidents
        for channel in channels
        if is_told(channel, incident, type, told)
    ]
    Delivery.objects.bulk_create(messages, batch_size=BATCH_SIZE)


def is_told(channel: AlertChannel, incident: Incident, type: str, told: Collection[tuple[object, int]]) -> bool:  # noqa: A002
    if type == Delivery.Type.OPENED:
        return wants(channel, incident.kind)
    # What was opened there is also closed there, even if the channel would not want it any more.
    is_wanted = type != Delivery.Type.REMINDED or wants(channel, incident.kind)
    return is_wanted and (channel.pk, incident.pk) in told


def is_told_anyway(channel: AlertChannel, replaced_by: Kind | None) -> bool:
    """Programs keep track of each incident, so they are always told."""
    return replaced_by is not None and channel.kind in FOR_PEOPLE and wants(channel, replaced_by)


def wants(channel: AlertChannel, kind: str) -> bool:
    is_severe_enough = RANK[SEVERITY_OF[kind]] >= RANK[channel.min_severity]
    return is_severe_enough and (channel.kinds is None or kind in channel.kinds)


def openings_told(incidents: Sequence[Incident]) -> set[tuple[object, int]]:
    """The pairs of a channel and an incident of which the opening was stored for that channel."""
    told: set[tuple[object, int]] = set()
    numbers = [incident.pk for incident in incidents]
    for first in range(0, len(numbers), BATCH_SIZE):
        openings = Delivery.objects.filter(incident__in=numbers[first : first + BATCH_SIZE], type=Delivery.Type.OPENED)
        told.update(openings.values_list("channel_id", "incident_id"))
    return told

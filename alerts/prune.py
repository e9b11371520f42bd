"""The part of `manage.py prune` for alerts."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet

from alerts.kinds import State
from alerts.models import Delivery, DeliveryAttempt, Incident, IncidentSite, LicenseNotice, Outage

BATCH_SIZE = 1_000
MESSAGES_KEPT = timedelta(days=90)


def prune_alerts(*, at: datetime) -> dict[str, int]:
    """Delete what is old and not needed any more: messages after 90 days, the rest after as long as heartbeats; how many."""
    old = at - settings.HEARTBEAT_HISTORY
    # A channel is told of the end of an incident if it was told of its opening.
    opening = Q(type=Delivery.Type.OPENED, incident__in=Incident.objects.unresolved())
    old_messages = Delivery.objects.filter(created_at__lt=at - MESSAGES_KEPT)
    messages = old_messages.exclude(state=Delivery.State.WAITING).exclude(opening)
    outages = Outage.objects.filter(ended_at__lt=old).exclude(incident__in=Incident.objects.unresolved())
    return {
        "messages": delete_in_batches(messages, delete_messages),
        "outages": delete_in_batches(outages, delete_rows(Outage)),
        "incidents": delete_in_batches(
            Incident.objects.filter(state=State.RESOLVED, resolved_at__lt=old, outages=None), delete_incidents
        ),
        "license_notices": delete_in_batches(
            LicenseNotice.objects.filter(created_at__lt=old).exclude(state=LicenseNotice.State.WAITING),
            delete_rows(LicenseNotice),
        ),
    }


def delete_in_batches(rows: QuerySet[Any], delete: Callable[[Sequence[int]], None]) -> int:
    """Each batch is a transaction of its own, so that the worker does not wait for long."""
    total = 0
    while numbers := list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH_SIZE]):
        delete(numbers)
        total += len(numbers)
    return total


def delete_rows(model: type[Any]) -> Callable[[Sequence[int]], None]:
    def delete(numbers: Sequence[int]) -> None:
        model.objects.filter(pk__in=numbers).delete()

    return delete


def delete_messages(numbers: Sequence[int]) -> None:
    DeliveryAttempt.objects.filter(delivery__in=numbers).delete()
    Delivery.objects.filter(pk__in=numbers).delete()


def delete_incidents(numbers: Sequence[int]) -> None:
    """With the messages that still wait for a channel, such as one that is disabled."""
    DeliveryAttempt.objects.filter(delivery__incident__in=numbers).delete()
    Delivery.objects.filter(incident__in=numbers).delete()
    IncidentSite.objects.filter(incident__in=numbers).delete()
    Incident.objects.filter(pk__in=numbers).delete()

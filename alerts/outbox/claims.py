"""Which worker delivers to a channel: one at a time, under a lease, so that messages keep their order and none is sent twice.

The lease of a worker that was killed ends by itself. If it has sent a message and not noted that, another worker sends it
again, with the same id.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q

from alerts.models import AlertChannel, Delivery
from alerts.outbox.quiet_hours import is_quiet, sent_in_quiet_hours
from alerts.querysets import LONGEST_PAUSE

# Longer than an attempt takes, also of a mail to a server that is slow at each step; it is renewed before each attempt.
LEASE = timedelta(minutes=2)
LONGEST_LEASE = timedelta(hours=1)


def channels_with_work(*, at: datetime) -> Sequence[uuid.UUID]:
    """Those that have a due message, are not paused and that no worker delivers to."""
    due = Delivery.objects.due(at=at).filter(channel=OuterRef("pk"))
    unpaused = Q(paused_until=None) | Q(paused_until__lte=at) | Q(paused_until__gt=at + LONGEST_PAUSE)
    channels = (
        AlertChannel.objects.in_use()
        .filter(free(at), unpaused)
        .annotate(has_any=Exists(due), has_urgent=Exists(due.filter(sent_in_quiet_hours())))
        .filter(has_any=True)
        .order_by("pk")
    )
    return [channel.pk for channel in channels if channel.has_urgent or not is_quiet(channel, at=at)]


def claim_channel(channel_id: uuid.UUID, *, holder: str, at: datetime, lease: timedelta = LEASE) -> bool:
    """Take the lease, or renew it; False if another worker has it."""
    claimed = AlertChannel.objects.filter(free(at) | Q(lease_holder=holder), pk=channel_id, is_enabled=True)
    return claimed.update(lease_holder=holder, lease_until=at + lease) == 1


def free(at: datetime) -> Q:
    """A lease that ends much later was written by a clock that was ahead."""
    return Q(lease_until=None) | Q(lease_until__lte=at) | Q(lease_until__gt=at + LONGEST_LEASE)


def release_channel(channel_id: uuid.UUID, *, holder: str) -> None:
    held = AlertChannel.objects.filter(pk=channel_id, lease_holder=holder)
    held.update(lease_holder="", lease_until=None)

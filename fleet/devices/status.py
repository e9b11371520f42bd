"""What decides whether a device is online, late, offline, stopped or never seen.

The answer to a heartbeat says when the next one is due (`DevicePulse.due_at`). Until then the device is *online*, for as long
again it is *late*, then it is *offline*; after it said that it stops, it is *stopped* until it calls again.
"""

from datetime import datetime

from django.db import models
from django.db.models import DateTimeField, ExpressionWrapper, F, Q


class DeviceStatus(models.TextChoices):
    NEVER_SEEN = "never_seen", "never seen"
    ONLINE = "online", "online"
    LATE = "late", "late"
    OFFLINE = "offline", "offline"
    STOPPED = "stopped", "stopped"


def offline_at(pulse: str = "") -> ExpressionWrapper:
    """The end of being late, an expression on a DevicePulse or, with a prefix, on a Device."""
    due_at, last_seen_at = F(f"{pulse}due_at"), F(f"{pulse}last_seen_at")
    return ExpressionWrapper(due_at + (due_at - last_seen_at), output_field=DateTimeField())


def status_conditions(at: datetime, *, pulse: str = "pulse__") -> dict[str, Q]:
    """For each status the condition on a Device, or on a DevicePulse if `pulse` is empty.

    They need `offline_at`, see DeviceQuerySet.with_offline_at.
    """

    def on_pulse(**lookups: object) -> Q:
        return Q(**{f"{pulse}{lookup}": value for lookup, value in lookups.items()})

    calls = on_pulse(is_stopped=False)
    return {
        DeviceStatus.NEVER_SEEN: on_pulse(due_at__isnull=True),
        DeviceStatus.STOPPED: on_pulse(due_at__isnull=False, is_stopped=True),
        DeviceStatus.ONLINE: calls & on_pulse(due_at__gte=at),
        DeviceStatus.LATE: calls & on_pulse(due_at__lt=at) & Q(offline_at__gte=at),
        DeviceStatus.OFFLINE: calls & on_pulse(due_at__lt=at) & Q(offline_at__lt=at),
    }

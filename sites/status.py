"""What decides whether a site is online, late, offline or never seen.

Each reply to a heartbeat names the moment at which the next one is due (`SitePulse.due_at`; heartbeat/schedule.py computes
it). After that moment the site is *late*, and HEARTBEAT_GRACE later it is *offline*. Uptime counts a site as online until it is
offline (heartbeat/availability.py).
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import F, Q

# By how much the clocks of two machines may differ.
CLOCK_TOLERANCE = timedelta(minutes=5)


class SiteStatus(models.TextChoices):
    NEVER_SEEN = "never_seen", "never seen"
    ONLINE = "online", "online"
    LATE = "late", "late"
    OFFLINE = "offline", "offline"


def calls_with_wrong_key() -> Q:
    """The last call of the site was refused for its key, as `Site.refused_since` says it: a condition on a SitePulse."""
    return Q(last_refused_at__isnull=False) & (Q(last_seen_at=None) | Q(last_seen_at__lt=F("last_refused_at")))


def offline_before(at: datetime) -> datetime:
    """A site whose heartbeat was due before that moment is offline at `at`."""
    return at - settings.HEARTBEAT_GRACE


def newest_possible_pulse(at: datetime) -> datetime:
    """A `last_seen_at` later than that was written by a clock that was ahead: the next heartbeat overwrites it."""
    return at + CLOCK_TOLERANCE


def status_conditions(at: datetime, *, pulse: str = "pulse__") -> dict[str, Q]:
    """For each status the condition on a site, or on a SitePulse if `pulse` is empty."""
    due_at = f"{pulse}due_at"
    return {
        SiteStatus.NEVER_SEEN: Q((f"{due_at}__isnull", True)),
        SiteStatus.ONLINE: Q((f"{due_at}__gte", at)),
        SiteStatus.LATE: Q((f"{due_at}__lt", at), (f"{due_at}__gte", offline_before(at))),
        SiteStatus.OFFLINE: Q((f"{due_at}__lt", offline_before(at))),
    }

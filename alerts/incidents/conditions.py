"""For each kind of incident about one site: which sites have the cause now, and which still have it.

The first is asked before an incident is opened, the second before it is resolved. They differ only for silence: a site is
silent by the time in which it could be heard, but it is back only when it has called. The conditions are those of the lists and
the dashboard (`sites.attention`, `sites.receipts`, `sites.querysets`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Case, F, IntegerField, Q, Value, When

from alerts.evidence.timeline import Timeline
from alerts.kinds import Kind
from sites.attention import Attention, attention_conditions, not_told_of_lock
from sites.querysets import licensed_at
from sites.receipts import LONGEST_TIME_TO_APPLY, lock_not_applied
from sites.status import offline_before

# How much later than it was due a heartbeat may come that tells a site of its lock.
LOCK_PATIENCE = timedelta(minutes=5)
ENDING_DAYS = (60, 30, 14, 7, 3, 1)


@dataclass(frozen=True)
class Condition:
    """Conditions on live sites."""

    begins: Q
    holds: Q


def conditions(timeline: Timeline, *, at: datetime) -> Mapping[Kind, Condition]:
    with_service = licensed_at(at) & Q(is_locked=False)
    attention = {reason: on_site & on_pulse for reason, (on_site, on_pulse) in attention_conditions(at).items()}
    # As of a moment since when it could have reported that.
    heard_at = timeline.silent_before(LONGEST_TIME_TO_APPLY) + LONGEST_TIME_TO_APPLY
    not_applied = Q(is_locked=True) & lock_not_applied(heard_at)
    lock_patience = min(LOCK_PATIENCE, settings.HEARTBEAT_GRACE)
    untold = Q(is_locked=True) & not_told_of_lock()
    ending = Q(is_active=True, license_expires_at__gt=at, license_expires_at__lte=at + timedelta(days=ENDING_DAYS[0]))
    ended = Q(is_active=True, license_expires_at__lte=at)
    # Not of a site that has not called since its licence ended.
    calls_after_the_end = ended & Q(is_locked=False, pulse__last_seen_at__gte=F("license_expires_at"))
    return {
        Kind.SITE_OFFLINE: Condition(
            with_service & silent(timeline, settings.HEARTBEAT_GRACE),
            with_service & Q(pulse__due_at__lt=offline_before(at)),
        ),
        Kind.LOCK_NOT_TAKEN_UP: Condition(
            (untold & silent(timeline, lock_patience)) | not_applied,
            attention[Attention.LOCK_OVERDUE] | attention[Attention.LOCK_NOT_APPLIED],
        ),
        Kind.CALLS_WITHOUT_LICENSE: Condition(
            calls_after_the_end & attention[Attention.EXPIRED_IN_USE],
            calls_after_the_end & ~silent(timeline, settings.HEARTBEAT_GRACE),
        ),
        Kind.LICENSE_ENDING: unchanging(ending),
        Kind.LICENSE_ENDED: unchanging(ended),
        # Two installations of a site without service do no harm.
        Kind.CLONE_SUSPECTED: unchanging(with_service & Q(pulse__clone_suspected_at__isnull=False)),
    }


def silent(timeline: Timeline, patience: timedelta) -> Q:
    """Overdue for longer than that. Sites that have called since the last outage do not have the time to come back."""
    heard_since = Q(pulse__last_seen_at__gte=timeline.newest_end) if timeline.newest_end else Q(pk__in=[])
    return Q(pulse__due_at__lt=timeline.silent_before(patience)) | (
        heard_since & Q(pulse__due_at__lt=timeline.known_until - patience)
    )


def unchanging(condition: Q) -> Condition:
    return Condition(condition, condition)


def ending_stage(field: str, *, at: datetime) -> Case:
    """Of a licence that ends at `field`: the smallest of ENDING_DAYS that is not less than the days that are left."""
    whens = [When(Q((f"{field}__lte", at + timedelta(days=days))), then=Value(days)) for days in reversed(ENDING_DAYS)]
    return Case(*whens, output_field=IntegerField())

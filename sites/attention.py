"""Which sites need an admin's attention, and why."""

from datetime import datetime
from functools import reduce
from operator import or_

from django.db import models
from django.db.models import OuterRef, Q, Subquery

from sites.models import Site, SitePulse
from sites.querysets import SiteQuerySet, licensed_at
from sites.receipts import lock_not_applied
from sites.status import SiteStatus, offline_before, status_conditions


class Attention(models.TextChoices):
    """Why an admin should look at a site, the most urgent reason first."""

    OVERDUE = "overdue", "misses its heartbeats"
    WRONG_KEY = "wrong_key", "calls with a wrong key"
    LOCK_OVERDUE = "lock_overdue", "is locked, and has missed the heartbeat that would have told it"
    LOCK_NOT_APPLIED = "lock_not_applied", "was told of its lock, but has not applied it"
    EXPIRED_IN_USE = "expired_in_use", "has expired, but still calls"
    CLONE_SUSPECTED = "clone_suspected", "seems to have two installations that use its key"


def attention_conditions(at: datetime, *, pulse: str = "pulse__") -> dict[str, tuple[Q, Q]]:
    """For each reason the condition on a live site and the one on its pulse; no site has two reasons.

    A site that gets no service may be silent, and two installations of it do no harm. A site that has never called, not even
    with a wrong key, is not installed yet. A site that will be told of its lock by its next heartbeat is in order until that is
    overdue. A deactivated site was deactivated on purpose. None of these needs attention.
    """
    status = status_conditions(at, pulse=pulse)
    overdue, calling = (
        status[SiteStatus.LATE] | status[SiteStatus.OFFLINE],
        Q((f"{pulse}due_at__gte", offline_before(at))),
    )
    lock_overdue = not_told_of_lock(pulse=pulse) & Q((f"{pulse}due_at__lt", at))
    # Both have called; if the heartbeats are overdue since, that is what the site needs attention for.
    clone_suspected = Q((f"{pulse}clone_suspected_at__isnull", False)) & status[SiteStatus.ONLINE]
    # Of the sites that have called, those that call with a wrong key are overdue sooner or later.
    wrong_key = status[SiteStatus.NEVER_SEEN] & Q((f"{pulse}last_refused_at__isnull", False))
    with_service = licensed_at(at) & Q(is_locked=False)
    return {
        Attention.OVERDUE: (with_service, overdue),
        Attention.WRONG_KEY: (with_service, wrong_key),
        Attention.LOCK_OVERDUE: (Q(is_locked=True), lock_overdue),
        Attention.LOCK_NOT_APPLIED: (Q(is_locked=True), lock_not_applied(at, pulse=pulse)),
        Attention.EXPIRED_IN_USE: (Q(is_locked=False, is_active=True, license_expires_at__lte=at), calling),
        Attention.CLONE_SUSPECTED: (with_service, clone_suspected),
    }


def not_told_of_lock(*, pulse: str = "pulse__") -> Q:
    """Of a locked site: it has called, but the answer to its last heartbeat did not say that it is locked."""
    return Q((f"{pulse}last_seen_at__isnull", False)) & ~Q((f"{pulse}reply_locked", True))


def sites_needing_attention(*, at: datetime) -> SiteQuerySet:
    """The live sites for which one of the reasons holds."""
    reasons = attention_conditions(at).values()
    sites: SiteQuerySet = Site.objects.live().filter(reduce(or_, (on_site & on_pulse for on_site, on_pulse in reasons)))
    return sites


def pulses_needing_attention(at: datetime) -> Q:
    """The same as a condition on the pulse of a live site.

    PostgreSQL answers it from one scan of the pulses and from indexes on the few sites without service.
    """
    on_pulse = {reason: condition for reason, (_, condition) in attention_conditions(at, pulse="").items()}
    locked, inactive, expired = (
        Q(site__in=Site.objects.live().filter(condition).values("pk"))
        for condition in (Q(is_locked=True), Q(is_active=False), Q(license_expires_at__lte=at))
    )
    # Each subquery costs time to build and to run, so both reasons of unlocked, active sites share two of them.
    problems = on_pulse[Attention.OVERDUE] | on_pulse[Attention.WRONG_KEY] | on_pulse[Attention.CLONE_SUSPECTED]
    unlocked = ((problems & ~expired) | (on_pulse[Attention.EXPIRED_IN_USE] & expired)) & ~locked & ~inactive
    return unlocked | ((on_pulse[Attention.LOCK_OVERDUE] | on_pulse[Attention.LOCK_NOT_APPLIED]) & locked)


def with_pulse(sites: SiteQuerySet, condition: Q) -> SiteQuerySet:
    """Those of a few sites whose pulse meets the condition.

    A subquery looks up one pulse at a time. PostgreSQL would plan a join by an estimate and read all pulses.
    """
    pulse = SitePulse.objects.filter(condition, pk=OuterRef("pk")).values("pk")[:1]
    return sites.alias(matching_pulse=Subquery(pulse)).filter(matching_pulse__isnull=False)

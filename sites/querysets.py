"""Questions about many sites, answered in SQL so that they filter, sort and page."""

import unicodedata
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import BooleanField, Case, ExpressionWrapper, F, OuterRef, Q, Subquery, Value, When

ENDING_SOON = timedelta(days=30)
ORDERINGS = {
    "name": "name",
    "created_at": "created_at",
    "license_expires_at": "license_expires_at",
    "last_seen_at": "pulse__last_seen_at",
}


# The panel's list has one more, and the order of `triaged`; the API's orderings are promised as they stand above.
PANEL_ORDERINGS = {**ORDERINGS, "version": "pulse__version"}


class SiteStatus(models.TextChoices):
    NEVER_SEEN = "never_seen", "never seen"
    ONLINE = "online", "online"
    LATE = "late", "late"
    OFFLINE = "offline", "offline"


class Attention(models.TextChoices):
    """Why somebody should look at a site, the worst reason first."""

    OVERDUE = "overdue", "does not call"
    UNTOLD = "untold", "is locked, but was not told yet"
    UNPAID = "unpaid", "has expired, but still calls"


class Triage(models.IntegerChoices):
    """Where a site stands in the order of `triaged`."""

    OFFLINE = 0
    LATE = 1
    LOCKED = 2
    UNLICENSED = 3
    NEVER_SEEN = 4
    WELL = 5
    DEREGISTERED = 6


def folded(text: str) -> str:
    """Text as search compares it: whatever the case, on every database, in every collation."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def licensed_at(at: datetime) -> Q:
    """The rule of `heartbeat.statement` as a condition; heartbeat/tests/test_same_rules.py compares the two."""
    return Q(is_active=True, license_expires_at__gt=at)


def unlicensed_at(at: datetime) -> Q:
    """The opposite, said so that each half of it can use an index."""
    return Q(is_active=False) | Q(license_expires_at__lte=at)


def ending_at(at: datetime) -> Q:
    """Licensed, but not for much longer."""
    return Q(is_active=True, license_expires_at__gt=at, license_expires_at__lte=at + ENDING_SOON)


def barred_at(at: datetime) -> Q:
    """Gets no service, and so is missed by nobody when it is silent."""
    return Q(is_locked=True) | unlicensed_at(at)


def containing(term: str) -> Q:
    """Name, owner, e-mail or id contains the term; every character of it literally."""
    return Q(search_text__contains=folded(term))


def late_until(at: datetime) -> datetime:
    """Who should have called before that is offline."""
    return at - settings.HEARTBEAT_GRACE


def status_conditions(at: datetime, *, pulse: str = "pulse__") -> dict[str, Q]:
    """Of a site; of a SitePulse itself with an empty `pulse`."""
    due_at = f"{pulse}due_at"
    return {
        SiteStatus.NEVER_SEEN: Q((f"{due_at}__isnull", True)),
        SiteStatus.ONLINE: Q((f"{due_at}__gte", at)),
        SiteStatus.LATE: Q((f"{due_at}__lt", at), (f"{due_at}__gte", late_until(at))),
        SiteStatus.OFFLINE: Q((f"{due_at}__lt", late_until(at))),
    }


def attention_conditions(at: datetime, *, pulse: str = "pulse__") -> dict[str, tuple[Q, Q]]:
    """For each reason what holds of a live site and what of its pulse; no site has two reasons.

    A site that gets no service may be silent, one that never called was not installed yet, and one that somebody
    deactivated was meant to be: none of these needs attention.
    """
    status = status_conditions(at, pulse=pulse)
    overdue, calling = status[SiteStatus.LATE] | status[SiteStatus.OFFLINE], Q((f"{pulse}due_at__gte", late_until(at)))
    untold = Q((f"{pulse}last_seen_at__isnull", False)) & ~Q((f"{pulse}reply_locked", True))
    return {
        Attention.OVERDUE: (licensed_at(at) & Q(is_locked=False), overdue),
        Attention.UNTOLD: (Q(is_locked=True), untold),
        Attention.UNPAID: (Q(is_locked=False, is_active=True, license_expires_at__lte=at), calling),
    }


def triage_rank(at: datetime) -> Case:
    status = status_conditions(at)
    return Case(
        When(deregistered_at__isnull=False, then=Triage.DEREGISTERED),
        When(is_locked=True, then=Triage.LOCKED),
        When(unlicensed_at(at), then=Triage.UNLICENSED),
        When(status[SiteStatus.NEVER_SEEN], then=Triage.NEVER_SEEN),
        When(status[SiteStatus.ONLINE], then=Triage.WELL),
        When(status[SiteStatus.LATE], then=Triage.LATE),
        default=Triage.OFFLINE,
        output_field=models.SmallIntegerField(),
    )


def needing_attention(at: datetime) -> Q:
    """The same of a SitePulse of a live site, so that one look at all pulses and at the few barred sites answers it."""
    (_, overdue), (_, untold), (_, unpaid) = attention_conditions(at, pulse="").values()
    locked, inactive, expired = (Q(site__in=some) for some in barred_sites(at))
    return (overdue & ~locked & ~inactive & ~expired) | (untold & locked) | (unpaid & expired & ~locked & ~inactive)


def barred_sites(at: datetime) -> tuple[Any, Any, Any]:
    """The ids of the live ones that are locked, inactive, expired: from indexes alone."""
    from sites.models import Site  # the models stand on this module

    live = Site.objects.live()
    conditions = (Q(is_locked=True), Q(is_active=False), Q(license_expires_at__lte=at))
    locked, inactive, expired = (live.filter(condition).values("pk") for condition in conditions)
    return locked, inactive, expired


class SiteQuerySet(models.QuerySet[Any]):
    def live(self) -> "SiteQuerySet":
        """Not deregistered."""
        return self.filter(deregistered_at=None)

    def deregistered(self) -> "SiteQuerySet":
        return self.filter(deregistered_at__isnull=False)

    def licensed(self, *, at: datetime) -> "SiteQuerySet":
        return self.filter(licensed_at(at))

    def unlicensed(self, *, at: datetime) -> "SiteQuerySet":
        return self.filter(unlicensed_at(at))

    def in_status(self, status: str, *, at: datetime) -> "SiteQuerySet":
        return self.filter(status_conditions(at)[status])

    def ending(self, *, at: datetime) -> "SiteQuerySet":
        return self.filter(ending_at(at))

    def needs_attention(self, *, at: datetime) -> "SiteQuerySet":
        """For one of the reasons in `attention_conditions`."""
        reasons = attention_conditions(at).values()
        return self.live().filter(reduce(or_, (of_site & of_pulse for of_site, of_pulse in reasons)))

    def matching(self, term: str) -> "SiteQuerySet":
        return self.filter(containing(term))

    def sorted_by(self, by: str) -> "SiteQuerySet":
        """By one of PANEL_ORDERINGS, `-` before it reverses; sites without a value come last either way."""
        column = F(PANEL_ORDERINGS[by.removeprefix("-")])
        if by.startswith("-"):
            return self.order_by(column.desc(nulls_last=True), "-site_id")
        return self.order_by(column.asc(nulls_last=True), "site_id")

    def triaged(self, *, at: datetime, best_first: bool = False) -> "SiteQuerySet":
        """Worst first: by Triage; whoever does not call by how long already, all others by name."""
        is_overdue = Q(rank__lte=Triage.LATE)
        ranked: SiteQuerySet = self.annotate(
            rank=triage_rank(at),
            overdue_since=Case(When(is_overdue, then=F("pulse__due_at"))),
            name_unless_overdue=Case(When(~is_overdue, then=F("name"))),
        )
        keys = ("rank", "overdue_since", "name_unless_overdue", "site_id")
        return ranked.order_by(*(f"-{key}" if best_first else key for key in keys))

    def with_status(self, *, at: datetime) -> "SiteQuerySet":
        """Adds `status`, one of SiteStatus."""
        whens = [When(condition, then=Value(status)) for status, condition in status_conditions(at).items()]
        annotated: SiteQuerySet = self.annotate(status=Case(*whens, output_field=models.CharField()))
        return annotated

    def with_licensed(self, *, at: datetime) -> "SiteQuerySet":
        """Adds `licensed`."""
        annotated: SiteQuerySet = self.annotate(
            licensed=ExpressionWrapper(licensed_at(at), output_field=BooleanField())
        )
        return annotated

    def with_key_hint(self) -> "SiteQuerySet":
        """Adds `key_hint`, that of the newest key."""
        from sites.models import SiteKey  # the models stand on this module

        newest = SiteKey.objects.filter(site=OuterRef("pk"), revoked_at=None).order_by("-id")
        annotated: SiteQuerySet = self.annotate(key_hint=Subquery(newest.values("hint")[:1]))
        return annotated

    def with_state(self, *, at: datetime) -> "SiteQuerySet":
        """All that the site representation needs, in one query."""
        return self.select_related("pulse").with_status(at=at).with_licensed(at=at).with_key_hint()


class SiteKeyQuerySet(models.QuerySet[Any]):
    def live(self, *, at: datetime) -> "SiteKeyQuerySet":
        """Which open the door: not revoked, and not past the end of an overlap."""
        return self.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=at), revoked_at=None)

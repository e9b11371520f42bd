"""Questions about many sites, answered in SQL so that they filter, sort and page."""

import unicodedata
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import BooleanField, Case, ExpressionWrapper, F, OuterRef, Q, Subquery, Value, When

ORDERINGS = {
    "name": "name",
    "created_at": "created_at",
    "license_expires_at": "license_expires_at",
    "last_seen_at": "pulse__last_seen_at",
}


class SiteStatus(models.TextChoices):
    NEVER_SEEN = "never_seen", "never seen"
    ONLINE = "online", "online"
    LATE = "late", "late"
    OFFLINE = "offline", "offline"


def folded(text: str) -> str:
    """Text as search compares it: whatever the case, on every database, in every collation."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def licensed_at(at: datetime) -> Q:
    """The rule of `licensing.verdict` as a condition in SQL; a test holds the two against each other."""
    return Q(is_active=True, license_expires_at__gt=at)


def unlicensed_at(at: datetime) -> Q:
    """The opposite, said so that each half of it can use an index."""
    return Q(is_active=False) | Q(license_expires_at__lte=at)


def containing(term: str) -> Q:
    """Name, owner, e-mail or id contains the term; every character of it literally."""
    return Q(search_text__contains=folded(term))


def status_conditions(at: datetime, *, pulse: str = "pulse__") -> dict[str, Q]:
    """Of a site; of a SitePulse itself with an empty `pulse`."""
    late_until = at - settings.HEARTBEAT_GRACE
    due_at = f"{pulse}due_at"
    return {
        SiteStatus.NEVER_SEEN: Q((f"{due_at}__isnull", True)),
        SiteStatus.ONLINE: Q((f"{due_at}__gte", at)),
        SiteStatus.LATE: Q((f"{due_at}__lt", at), (f"{due_at}__gte", late_until)),
        SiteStatus.OFFLINE: Q((f"{due_at}__lt", late_until)),
    }


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

    def matching(self, term: str) -> "SiteQuerySet":
        return self.filter(containing(term))

    def sorted_by(self, by: str) -> "SiteQuerySet":
        """By one of ORDERINGS, `-` before it reverses; sites without a value come last either way."""
        column = F(ORDERINGS[by.removeprefix("-")])
        if by.startswith("-"):
            return self.order_by(column.desc(nulls_last=True), "-site_id")
        return self.order_by(column.asc(nulls_last=True), "site_id")

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

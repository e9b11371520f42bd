"""Querysets of sites, organizations and keys, and the conditions on sites that they and others use."""

import unicodedata
from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import (
    BooleanField,
    Case,
    Count,
    ExpressionWrapper,
    F,
    Func,
    OuterRef,
    Q,
    Subquery,
    Value,
    When,
    Window,
)
from django.db.models.functions import Coalesce, Greatest

from common.alphabet import POSTGRESQL_COLLATION, SQLITE_FUNCTION
from sites.status import status_conditions

ENDING_SOON = timedelta(days=30)


def folded(text: str) -> str:
    """Text as search compares it: regardless of case, on every database, in every collation."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


class Alphabetical(Func):
    """A column of texts, as it is sorted. See decision 95."""

    arity = 1
    function = SQLITE_FUNCTION

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = f'%(expressions)s COLLATE "{POSTGRESQL_COLLATION}"'
        return self.as_sql(compiler, connection, template=template, **context)


def licensed_at(at: datetime) -> Q:
    """The rule of `heartbeat.statement` as a condition; heartbeat/tests/test_same_rules.py compares the two."""
    return Q(is_active=True, license_expires_at__gt=at)


def unlicensed_at(at: datetime) -> Q:
    """The opposite, written so that each half can use an index."""
    return Q(is_active=False) | Q(license_expires_at__lte=at)


def ending_at(at: datetime) -> Q:
    """Licensed, and for at most ENDING_SOON."""
    return Q(is_active=True, license_expires_at__gt=at, license_expires_at__lte=at + ENDING_SOON)


def without_service_at(at: datetime) -> Q:
    """Locked or unlicensed; then a site that does not call is no problem."""
    return Q(is_locked=True) | unlicensed_at(at)


def newer_decision_on_pulse() -> Q:
    """`Site.holds_newer_decision` as a condition on SitePulse."""
    known = Greatest(Coalesce("lease_revision", 1), Coalesce("site__overruled_revision", 1))
    return Q(held_revision__gt=known)


def containing(term: str) -> Q:
    """`search_text`, of a site or an organization, contains the term; each of its characters is taken literally."""
    return Q(search_text__contains=folded(term))


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

    def matching(self, term: str) -> "SiteQuerySet":
        """Those whose name, owner, e-mail, phone or id contains the term."""
        return self.filter(containing(term))

    def sorted_by(self, order: str, *, descending: bool = False) -> "SiteQuerySet":
        """By a lookup, as in "pulse__version", then by id; sites without a value come last in both directions."""
        key = Alphabetical("name") if order == "name" else F(order)
        if descending:
            return self.order_by(key.desc(nulls_last=True), "-site_id")
        return self.order_by(key.asc(nulls_last=True), "site_id")

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
        """Adds `key_hint`, the hint of the newest key."""
        keys = self.model._meta.get_field("keys").related_model.objects  # sites.models imports this module
        newest = keys.filter(site=OuterRef("pk"), revoked_at=None).order_by("-id")
        annotated: SiteQuerySet = self.annotate(key_hint=Subquery(newest.values("hint")[:1]))
        return annotated

    def with_state(self, *, at: datetime) -> "SiteQuerySet":
        """Adds all that the representation of a site needs, in one query."""
        return self.select_related("pulse").with_status(at=at).with_licensed(at=at).with_key_hint()


class OrganizationQuerySet(models.QuerySet[Any]):
    def matching(self, term: str) -> "OrganizationQuerySet":
        """Those whose name or slug contains the term."""
        return self.filter(containing(term))

    def named(self, text: str) -> "OrganizationQuerySet":
        """The one of that slug; without one, those of that name. Case does not matter."""
        written = folded(text.strip())
        of_slug = self.filter(slug=written)
        # In the first line of the text is the name.
        return of_slug if of_slug.exists() else self.filter(search_text__startswith=f"{written}\n")

    def by_name(self) -> "OrganizationQuerySet":
        return self.order_by(Alphabetical("name"), "id")

    def with_locations(self) -> "OrganizationQuerySet":
        """Adds `locations`, the number of live sites."""
        sites = self.model._meta.get_field("sites").related_model.objects  # sites.models imports this module
        counted = sites.live().filter(organization=OuterRef("pk")).order_by().values("organization")
        number = Coalesce(Subquery(counted.values(number=Count("pk"))), 0)
        annotated: OrganizationQuerySet = self.annotate(locations=number)
        return annotated


class SiteKeyQuerySet(models.QuerySet[Any]):
    def of_live_sites(self) -> "SiteKeyQuerySet":
        return self.filter(site__deregistered_at=None)

    def live(self, *, at: datetime) -> "SiteKeyQuerySet":
        """Keys that are accepted: not revoked, and not past the end of an overlap."""
        return self.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=at), revoked_at=None)


class SiteNoteQuerySet(models.QuerySet[Any]):
    def newest_first(self) -> "SiteNoteQuerySet":
        return self.order_by("-id")

    def with_total(self) -> "SiteNoteQuerySet":
        """Adds `total`, the number of all rows, also those that a slice leaves out."""
        annotated: SiteNoteQuerySet = self.annotate(total=Window(Count("*")))
        return annotated


class SavedViewQuerySet(models.QuerySet[Any]):
    def visible_to(self, admin: Any) -> "SavedViewQuerySet":
        """The admin's own and those for everybody, by name."""
        return self.filter(Q(owner=admin) | Q(owner=None)).order_by("name", "id")

    def changeable_by(self, admin: Any) -> "SavedViewQuerySet":
        may_share = admin.has_perm("sites.share_savedview")
        return self.filter(Q(owner=admin) | Q(owner=None)) if may_share else self.filter(owner=admin)

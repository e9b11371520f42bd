"""Querysets of incidents, channels and deliveries."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import Count, Exists, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from alerts.kinds import Severity, State

LONGEST_PAUSE = timedelta(days=2)


class IncidentQuerySet(models.QuerySet[Any]):
    def unresolved(self) -> "IncidentQuerySet":
        # Named, so that an index finds them: most incidents are resolved.
        return self.filter(state__in=[State.OPEN, State.ACKNOWLEDGED])

    def critical_open(self) -> "IncidentQuerySet":
        """Critical, and not acknowledged."""
        return self.filter(state=State.OPEN, severity=Severity.CRITICAL)

    def newest_first(self) -> "IncidentQuerySet":
        return self.order_by("-sequence")

    def counts_by_state(self, *, at_most: int) -> dict[str, int]:
        """How many are in each state. The resolved ones, which may be very many, are counted up to `at_most`."""
        rows = self.unresolved().order_by().values("state").annotate(number=Count("pk")).values_list("state", "number")
        return {**dict(rows), State.RESOLVED: self.filter(state=State.RESOLVED).order_by()[:at_most].count()}

    def of_site(self, site_id: uuid.UUID) -> "IncidentQuerySet":
        """About that site, alone or with others."""
        members = self.model._meta.get_field("members").related_model.objects.filter(site_id=site_id)
        own = self.model.objects.filter(site_id=site_id)
        # Each half is found by its index. With OR, PostgreSQL reads all incidents.
        return self.filter(pk__in=own.values("pk").union(members.values("incident"), all=True))


class IncidentSiteQuerySet(models.QuerySet[Any]):
    def present(self) -> "IncidentSiteQuerySet":
        """Not left."""
        return self.filter(left_at=None)


class AlertChannelQuerySet(models.QuerySet[Any]):
    def shared(self) -> "AlertChannelQuerySet":
        """Without the admins' own notices."""
        return self.filter(owner=None)

    def with_health(self) -> "AlertChannelQuerySet":
        """Annotate `last_state` and `last_ended_at` of the newest message that does not wait, and how many are `waiting`."""
        deliveries = self.model._meta.get_field("deliveries").related_model.objects.filter(channel=OuterRef("pk"))
        newest = deliveries.exclude(state="waiting").newest_first()
        waiting = deliveries.waiting().order_by().values("channel").annotate(number=Count("pk")).values("number")
        annotated: AlertChannelQuerySet = self.annotate(
            last_state=Subquery(newest.values("state")[:1]),
            last_ended_at=Subquery(newest.values("ended_at")[:1]),
            waiting=Coalesce(Subquery(waiting), 0),
        )
        return annotated

    def in_use(self) -> "AlertChannelQuerySet":
        """Enabled, and not of a disabled admin."""
        return self.filter(Q(owner=None) | Q(owner__is_active=True), is_enabled=True)


class DeliveryQuerySet(models.QuerySet[Any]):
    def waiting(self) -> "DeliveryQuerySet":
        return self.filter(state="waiting")

    def due(self, *, at: datetime) -> "DeliveryQuerySet":
        """Waiting, and first in line of their incident on that channel."""
        earlier = self.model.objects.filter(
            state="waiting",
            channel=OuterRef("channel"),
            incident=OuterRef("incident"),
            sequence__lt=OuterRef("sequence"),
        )
        # No pause is that long: the clock was ahead.
        due = Q(next_attempt_at__lte=at) | Q(next_attempt_at__gt=at + LONGEST_PAUSE)
        return self.filter(due, ~Exists(earlier), state="waiting")

    def newest_first(self) -> "DeliveryQuerySet":
        return self.order_by("-sequence")


class LicenseNoticeQuerySet(models.QuerySet[Any]):
    def waiting(self) -> "LicenseNoticeQuerySet":
        return self.filter(state="waiting")

    def newest_first(self) -> "LicenseNoticeQuerySet":
        return self.order_by("-sequence")

"""Querysets of devices, their keys and enrolment codes."""

import uuid
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Case, F, OuterRef, Q, Subquery, Value, When

from fleet.devices.status import offline_at, status_conditions
from sites.querysets import Alphabetical, folded


class DeviceQuerySet(models.QuerySet[Any]):
    def live(self) -> "DeviceQuerySet":
        """Not retired."""
        return self.filter(retired_at=None)

    def of_live_sites(self) -> "DeviceQuerySet":
        return self.filter(site__deregistered_at=None)

    def of_site(self, site_id: uuid.UUID) -> "DeviceQuerySet":
        return self.filter(site=site_id)

    def matching(self, term: str) -> "DeviceQuerySet":
        """Those whose name, ids, role or hardware contains the term; each of its characters is taken literally."""
        return self.filter(search_text__contains=folded(term))

    def with_offline_at(self) -> "DeviceQuerySet":
        annotated: DeviceQuerySet = self.annotate(offline_at=offline_at("pulse__"))
        return annotated

    def with_status(self, *, at: datetime) -> "DeviceQuerySet":
        """Adds `status`, one of DeviceStatus."""
        whens = [When(condition, then=Value(status)) for status, condition in status_conditions(at).items()]
        annotated: DeviceQuerySet = self.with_offline_at().annotate(
            status=Case(*whens, output_field=models.CharField())
        )
        return annotated

    def in_status(self, status: str, *, at: datetime) -> "DeviceQuerySet":
        return self.with_offline_at().filter(status_conditions(at)[status])

    def with_key_hint(self) -> "DeviceQuerySet":
        """Adds `key_hint`, the hint of the newest key."""
        keys = self.model._meta.get_field("keys").related_model.objects  # fleet.devices.models imports this module
        newest = keys.filter(device=OuterRef("pk"), revoked_at=None).order_by("-id")
        annotated: DeviceQuerySet = self.annotate(key_hint=Subquery(newest.values("hint")[:1]))
        return annotated

    def with_state(self, *, at: datetime) -> "DeviceQuerySet":
        """Adds all that the representation of a device needs of these tables, in one query."""
        return self.select_related("pulse", "site").with_status(at=at).with_key_hint()

    def sorted_by(self, order: str, *, descending: bool = False) -> "DeviceQuerySet":
        """By a lookup, as in "pulse__last_seen_at", then by id; devices without a value come last in both directions."""
        key = Alphabetical("name") if order == "name" else F(order)
        if descending:
            return self.order_by(key.desc(nulls_last=True), "-id")
        return self.order_by(key.asc(nulls_last=True), "id")


class DeviceKeyQuerySet(models.QuerySet[Any]):
    def live(self, *, at: datetime) -> "DeviceKeyQuerySet":
        """Keys that are accepted: not revoked, and not past the end of an overlap."""
        return self.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=at), revoked_at=None)


class EnrolmentCodeQuerySet(models.QuerySet[Any]):
    def usable(self, *, at: datetime) -> "EnrolmentCodeQuerySet":
        return self.filter(revoked_at=None, expires_at__gt=at, used__lt=F("uses"), site__deregistered_at=None)

"""Querysets of roll-outs and their devices."""

from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Case, Count, F, Value, When

from fleet.devices.status import offline_at, status_conditions

UNDER_WAY = ("running", "paused", "rolling_back")


class RolloutQuerySet(models.QuerySet[Any]):
    def newest_first(self) -> "RolloutQuerySet":
        return self.order_by("-created_at", "-id")

    def under_way(self) -> "RolloutQuerySet":
        """Started and not over; paused ones too."""
        return self.filter(state__in=UNDER_WAY)


class RolloutDeviceQuerySet(models.QuerySet[Any]):
    def waiting(self) -> "RolloutDeviceQuerySet":
        return self.filter(state="waiting")

    def in_flight(self) -> "RolloutDeviceQuerySet":
        return self.filter(state="in_flight")

    def forward(self) -> "RolloutDeviceQuerySet":
        return self.filter(direction="forward")

    def back(self) -> "RolloutDeviceQuerySet":
        return self.filter(direction="back")

    def with_reports(self, *, at: datetime) -> "RolloutDeviceQuerySet":
        """Adds `reports`, the version that the device reports, and `status`, one of DeviceStatus."""
        conditions = status_conditions(at, pulse="device__pulse__")
        whens = [When(condition, then=Value(status)) for status, condition in conditions.items()]
        annotated: RolloutDeviceQuerySet = self.annotate(offline_at=offline_at("device__pulse__")).annotate(
            reports=F("device__pulse__firmware_version"), status=Case(*whens, output_field=models.CharField())
        )
        return annotated

    def counts(self) -> dict[tuple[Any, int, str, str], int]:
        """How many there are by roll-out, wave, direction and state, in one statement."""
        columns = ("rollout", "wave", "direction", "state")
        rows = self.order_by().values_list(*columns).annotate(number=Count("pk"))
        return {(rollout, wave, direction, state): number for rollout, wave, direction, state, number in rows}

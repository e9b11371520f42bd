"""Querysets of firmware and of the firmware that devices should run."""

import uuid
from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Q


class FirmwareQuerySet(models.QuerySet[Any]):
    def available(self) -> "FirmwareQuerySet":
        """Not withdrawn."""
        return self.filter(withdrawn_at=None)

    def fitting(self, hardware: str) -> "FirmwareQuerySet":
        """For that hardware, or for all."""
        return self.filter(Q(hardware=None) | Q(hardware=hardware))

    def newest_first(self) -> "FirmwareQuerySet":
        """By precedence; of versions that differ in build metadata only, the one that was uploaded last is first."""
        return self.order_by("-precedence", "-created_at", "-id")


class FirmwareTargetQuerySet(models.QuerySet[Any]):
    def offered_to(self, device_ids: Collection[uuid.UUID], *, at: datetime) -> "FirmwareTargetQuerySet":
        """Of those devices the targets that are not withdrawn and whose time is not over."""
        is_open = Q(offered_until=None) | Q(offered_until__gt=at)
        return self.filter(is_open, device__in=device_ids, firmware__withdrawn_at=None)

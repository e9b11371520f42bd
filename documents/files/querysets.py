"""Querysets of files."""

import uuid
from typing import Any

from django.db import models
from django.db.models import Sum


class SiteFileQuerySet(models.QuerySet[Any]):
    def present(self) -> "SiteFileQuerySet":
        """Not deleted."""
        return self.filter(deleted_at=None)

    def of_site(self, site_id: uuid.UUID) -> "SiteFileQuerySet":
        """Present, of a site, the newest first."""
        return self.present().filter(site=site_id).order_by("-uploaded_at", "-id")

    def total_bytes(self) -> int:
        total: int = self.aggregate(total=Sum("size"))["total"] or 0
        return total

"""Querysets of files."""

import uuid
from typing import Any

from django.db import models
from django.db.models import Count, Sum


class SiteFileQuerySet(models.QuerySet[Any]):
    def present(self) -> "SiteFileQuerySet":
        """Not deleted."""
        return self.filter(deleted_at=None)

    def of_site(self, site_id: uuid.UUID) -> "SiteFileQuerySet":
        """Present, of a site, the newest first."""
        return self.present().filter(site=site_id).order_by("-uploaded_at", "-id")

    def count_and_bytes(self) -> tuple[int, int]:
        found = self.aggregate(count=Count("pk"), total=Sum("size"))
        return found["count"], found["total"] or 0

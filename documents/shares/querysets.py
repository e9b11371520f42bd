from datetime import datetime
from typing import Any

from django.db import models


class ShareLinkQuerySet(models.QuerySet[Any]):
    def usable(self, *, at: datetime) -> "ShareLinkQuerySet":
        """Neither revoked nor expired. That the site is live is asked of the site."""
        return self.filter(revoked_at=None, expires_at__gt=at)

    def newest_first(self) -> "ShareLinkQuerySet":
        return self.order_by("-created_at", "id")

"""Which requests for access are meant."""

from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import Count, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce

# How long a rejected person waits before they may ask again.
REJECTED_FOR = timedelta(days=1)


class AccessRequestQuerySet(models.QuerySet[Any]):
    def waiting(self) -> "AccessRequestQuerySet":
        return self.filter(state="waiting")

    def rejected_lately(self, *, at: datetime) -> "AccessRequestQuerySet":
        """Rejected within REJECTED_FOR."""
        return self.filter(state="rejected", decided_at__gt=at - REJECTED_FOR)

    def newest_first(self) -> "AccessRequestQuerySet":
        return self.order_by("-created_at", "-pk")

    def crowded_out(self, email: str) -> int:
        """How many requests with a password for that address were dropped, as far as those that wait know."""
        return int(self.waiting().filter(email=email).aggregate(number=Sum("crowded_out"))["number"] or 0)

    def with_claims(self) -> "AccessRequestQuerySet":
        """Annotate `claims`: how many requests wait for the same e-mail address, this one included."""
        same = self.model._default_manager.filter(state="waiting", email=OuterRef("email")).order_by()
        counted = same.values("email").annotate(number=Count("pk")).values("number")
        annotated: AccessRequestQuerySet = self.annotate(claims=Coalesce(Subquery(counted), 0))
        return annotated

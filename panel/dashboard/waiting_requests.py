"""The dashboard's line about requests for access that wait."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.db.models import Count, Min
from django.urls import reverse

from accounts.models import AccessRequest


@dataclass(frozen=True)
class WaitingRequests:
    number: int
    oldest_at: datetime

    @property
    def url(self) -> str:
        query = urlencode({"state__exact": AccessRequest.State.WAITING})
        return f"{reverse('admin:accounts_accessrequest_changelist')}?{query}"


def waiting_requests() -> WaitingRequests | None:
    """One statement; None if nobody waits."""
    found = AccessRequest.objects.waiting().aggregate(number=Count("pk"), oldest_at=Min("created_at"))
    return WaitingRequests(**found) if found["number"] else None

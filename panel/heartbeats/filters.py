"""The filters of the list of heartbeats, and addresses with them."""

import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin import SimpleListFilter
from django.http import HttpRequest
from django.urls import reverse

from panel.widgets.period_filter import PeriodFilter

OF_SITE = "site__site_id__exact"


class ReceivedFilter(PeriodFilter):
    column = "received_at"
    has_times = True


class AnswerFilter(SimpleListFilter):
    """By what the reply to the heartbeat said."""

    title = "answer"
    parameter_name = "answer"
    template = "panel/sites/list/filter.html"
    is_folded = takes_any_value = False
    CONDITIONS: dict[str, tuple[str, dict[str, bool]]] = {
        "service": ("may work", {"licensed": True, "locked": False}),
        "locked": ("locked", {"locked": True}),
        "unlicensed": ("no licence", {"licensed": False}),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterator[tuple[str, str]]:
        return ((name, words) for name, (words, _) in self.CONDITIONS.items())

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        chosen = self.value()
        if chosen is None:
            return queryset
        return queryset.filter(**self.CONDITIONS[chosen][1]) if chosen in self.CONDITIONS else queryset.none()


def heartbeats_url(*, received_from: datetime, received_until: datetime, site_id: uuid.UUID | None = None) -> str:
    """Of all sites or of one; the end is excluded."""
    query = {ReceivedFilter.BEGIN: received_from.isoformat(), ReceivedFilter.END: received_until.isoformat()}
    if site_id:
        query[OF_SITE] = str(site_id)
    return f"{reverse('admin:heartbeat_heartbeat_changelist')}?{urlencode(query)}"

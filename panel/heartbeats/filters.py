"""The filters of the list of heartbeats, and addresses with them."""

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin import SimpleListFilter
from django.http import HttpRequest
from django.utils import timezone

from panel.widgets.period_filter import PeriodFilter, read_begin, read_end

OF_SITE = "site__site_id__exact"
LONGEST = timedelta(days=1)


class ReceivedFilter(PeriodFilter):
    """Of all sites together, a period that ended in the past is shown for its last day at most.

    No index has the heartbeats of all sites in the order of their times: those of a day are found and sorted, those of more
    would take too long. The list of a period that goes on until now begins with the newest, which are found by their ids.
    """

    column = "received_at"
    has_times = True

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        begin, end = read_begin(self.begin), read_end(self.end)
        if end is None or end > timezone.now() or OF_SITE in request.GET:
            return
        if begin is None or end - begin > LONGEST:
            self.begin = (end - LONGEST).isoformat()


class AnswerFilter(SimpleListFilter):
    """By what the reply to the heartbeat said."""

    title = "answer"
    parameter_name = "answer"
    template = "panel/sites/list/filter.html"
    is_folded = takes_any_value = False
    CONDITIONS: dict[str, tuple[str, dict[str, bool]]] = {
        "service": ("licensed, not locked", {"licensed": True, "locked": False}),
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


def received_query(begin: datetime, end: datetime, *, site_id: uuid.UUID | None = None) -> str:
    """The query of the list for the heartbeats of all sites or of one; the end is excluded."""
    query = {ReceivedFilter.BEGIN: begin.isoformat(), ReceivedFilter.END: end.isoformat()}
    if site_id:
        query[OF_SITE] = str(site_id)
    return urlencode(query)

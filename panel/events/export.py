"""Events as a CSV file, sent while the rows are read, so that memory does not grow with the number of events."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.auth.mixins import PermissionRequiredMixin
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect, StreamingHttpResponse
from django.utils import timezone
from django.views.generic import View

from audit.actors import acting_admin
from audit.exports import record_event_export
from audit.models import Event
from common.admin import has_nul_in_query
from panel.sites.imports.export import BYTE_ORDER_MARK, ROWS_AT_ONCE, cell_text, csv_lines

COLUMNS = (
    "at",
    "action",
    "subject_type",
    "subject_id",
    "subject_name",
    "actor_name",
    "role",
    "source",
    "ip",
    "request_id",
    "reason",
    "changes",
    "id",
)
SEARCH = "q"


class EventExportView(PermissionRequiredMixin, View):
    """The events that the list shows under the filters and the search of the URL, newest first."""

    http_method_names = ["get"]
    permission_required = ("audit.view_event", "sites.export_site")
    raise_exception = True
    event_admin: ModelAdmin = None  # type: ignore[assignment]

    def get(self, request: HttpRequest) -> HttpResponseBase:
        if has_nul_in_query(request):
            return HttpResponseRedirect("./")
        try:
            changelist = self.event_admin.get_changelist_instance(request)
        except IncorrectLookupParameters:
            messages.error(request, "The list has no such filter.")
            return HttpResponseRedirect("./")
        events, at = changelist.get_queryset(request), timezone.now()
        by = acting_admin(request, Event.Source.ADMIN)
        record_event_export(events.count(), filters=filters_in_words(changelist), by=by, at=at)
        return events_file(events, at=at)


def filters_in_words(changelist: Any) -> str:
    """As in "source=api, from=2026-11-01, a search". Only what the filters offer, so that it holds no personal data."""
    chosen = [
        f"{name}={value}" for spec in changelist.filter_specs for name, value in getattr(spec, "used_values", dict)()
    ]
    if "subject_id" in changelist.params:
        chosen.append("one subject")
    return ", ".join([*chosen, *(["a search"] if changelist.query else [])])


def events_file(events: Any, *, at: datetime) -> StreamingHttpResponse:
    headers = {
        "Content-Disposition": f'attachment; filename="events-{at:%Y-%m-%d}.csv"',
        "Cache-Control": "no-store",
    }
    return StreamingHttpResponse(csv_text(events), content_type="text/csv; charset=utf-8", headers=headers)


def csv_text(events: Any) -> Iterator[str]:
    """With a query for each chunk: poolers and the limit on a statement's time forbid an open cursor."""
    yield BYTE_ORDER_MARK + csv_lines([COLUMNS])
    rows = events.order_by("-sequence").values_list("sequence", *COLUMNS)
    chunk = list(rows[:ROWS_AT_ONCE])
    while chunk:
        yield csv_lines([as_text(value) for value in row[1:]] for row in chunk)
        chunk = list(rows.filter(sequence__lt=chunk[-1][0])[:ROWS_AT_ONCE]) if len(chunk) == ROWS_AT_ONCE else []


def as_text(value: Any) -> str:
    return cell_text(json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value)

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
    "token_name",
    "ip",
    "request_id",
    "reason",
    "changes",
    "id",
)
# Events that one statement looks at: the limit on a statement's time holds however many there are.
EVENTS_AT_ONCE = 100_000


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
        by, at = acting_admin(request, Event.Source.ADMIN), timezone.now()
        # The event of this export comes later and is not in the file.
        newest = Event.objects.order_by("-sequence").values_list("sequence", flat=True).first() or 0
        number = sum(part.count() for part in parts(changelist.queryset.order_by(), newest=newest))
        record_event_export(number, filters=filters_in_words(changelist), by=by, at=at)
        return events_file(changelist.queryset, newest=newest, at=at)


def filters_in_words(changelist: Any) -> str:
    """As in "source=api, from=2026-11-01, a search". Only what the filters offer, so that it holds no personal data."""
    chosen = [f"{name}={value}" for spec in changelist.filter_specs for name, value in spec.used_values()]
    if "subject_id" in changelist.params:
        chosen.append("one subject")
    return ", ".join([*chosen, *(["a search"] if changelist.query else [])])


def parts(events: Any, *, newest: int) -> Iterator[Any]:
    """The events up to the sequence `newest`, the newest part first, as querysets of one statement each."""
    for last in range(newest, 0, -EVENTS_AT_ONCE):
        yield events.filter(sequence__gt=last - EVENTS_AT_ONCE, sequence__lte=last)


def events_file(events: Any, *, newest: int, at: datetime) -> StreamingHttpResponse:
    headers = {
        "Content-Disposition": f'attachment; filename="events-{at:%Y-%m-%d}.csv"',
        "Cache-Control": "no-store",
    }
    return StreamingHttpResponse(
        csv_text(events, newest=newest), content_type="text/csv; charset=utf-8", headers=headers
    )


def csv_text(events: Any, *, newest: int) -> Iterator[str]:
    """With a query for each chunk: poolers and the limit on a statement's time forbid an open cursor."""
    yield BYTE_ORDER_MARK + csv_lines([COLUMNS])
    for part in parts(events.order_by("-sequence").values_list("sequence", *COLUMNS), newest=newest):
        chunk = list(part[:ROWS_AT_ONCE])
        while chunk:
            yield csv_lines([as_text(value) for value in row[1:]] for row in chunk)
            chunk = list(part.filter(sequence__lt=chunk[-1][0])[:ROWS_AT_ONCE]) if len(chunk) == ROWS_AT_ONCE else []


def as_text(value: Any) -> str:
    return as_json(value) if isinstance(value, dict) else cell_text(value)


def as_json(value: dict[str, Any]) -> str:
    """Without a semicolon, after which a spreadsheet may see a formula: an apostrophe there would change the value."""
    return json.dumps(value, ensure_ascii=False).replace(";", "\\u003b")

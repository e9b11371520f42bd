"""Sites as a CSV file, sent while the rows are read, so that memory does not grow with the number of sites."""

import csv
from collections.abc import Iterable, Iterator
from datetime import datetime
from io import StringIO
from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ALL_VAR, ERROR_FLAG, ORDER_VAR, PAGE_VAR
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect, StreamingHttpResponse
from django.utils import timezone

from audit.actors import acting_admin
from audit.models import Event
from common.instants import format_instant
from panel.sites.list.shown_columns import COLUMNS
from panel.sites.views import SiteAdminView
from sites.exports import record_export
from sites.imports.columns import EXPORTED, LOOKUPS
from sites.imports.formulas import escape_formulas
from sites.models import Site

BYTE_ORDER_MARK = "\ufeff"  # without it Excel takes UTF-8 for something else
ROWS_AT_ONCE = 2_000
# Parameters of the list that choose no sites.
NOT_FILTERS = {PAGE_VAR, ORDER_VAR, ALL_VAR, ERROR_FLAG, COLUMNS}
EXPORT_PERMISSIONS = ["sites.view_site", "sites.export_site"]


class ExportView(SiteAdminView):
    """All sites that the list shows under the filters and the search of the URL."""

    permission_required = EXPORT_PERMISSIONS

    def get(self, request: HttpRequest) -> HttpResponseBase:
        try:
            matching = self.site_admin.get_changelist_instance(request).get_queryset(request)
        except IncorrectLookupParameters:
            messages.error(request, "The list has no such filter.")
            return HttpResponseRedirect("./")
        return exported_file(request, matching, is_selection=False)


def export_selected(site_admin: ModelAdmin, request: HttpRequest, sites: QuerySet[Site]) -> HttpResponseBase:
    """The action of the list."""
    if not request.user.has_perms(EXPORT_PERMISSIONS):
        raise PermissionDenied
    return exported_file(request, sites, is_selection=request.POST.get("select_across") != "1")


def export_actions(request: HttpRequest) -> dict[str, Any]:
    """What `ModelAdmin.get_actions` returns, if the person may export."""
    if not request.user.has_perm("sites.export_site"):
        return {}
    return {"export_csv": (export_selected, "export_csv", "Export CSV")}


def exported_file(request: HttpRequest, sites: Any, *, is_selection: bool) -> HttpResponseBase:
    """Record the export, then send the file. With `is_selection` these sites were selected one by one."""
    at = timezone.now()
    selected = list(sites.order_by("pk").values_list("pk", flat=True)) if is_selection else []
    record_export(
        len(selected) if is_selection else sites.count(),
        filters=", ".join(f"{name}={value}" for name, value in request.GET.items() if name not in NOT_FILTERS),
        selected=selected,
        by=acting_admin(request, Event.Source.ADMIN),
        at=at,
    )
    return csv_file(sites, at=at)


def csv_file(sites: Any, *, at: datetime) -> StreamingHttpResponse:
    headers = {
        "Content-Disposition": f'attachment; filename="sites-{at:%Y-%m-%d}.csv"',
        "Cache-Control": "no-store",
    }
    return StreamingHttpResponse(csv_text(sites, at=at), content_type="text/csv; charset=utf-8", headers=headers)


def csv_text(sites: Any, *, at: datetime) -> Iterator[str]:
    yield BYTE_ORDER_MARK + csv_lines([EXPORTED])
    for rows in chunks(sites.with_status(at=at).with_licensed(at=at)):
        yield csv_lines([cell_text(value) for value in row] for row in rows)


def chunks(sites: Any) -> Iterator[list[tuple[Any, ...]]]:
    """In the order of ids, with a query for each chunk: poolers and the limit on a statement's time forbid an open cursor.

    An id never changes, so that each site is in the file once, even if sites are renamed during the export.
    """
    rows = sites.order_by("pk").values_list(*LOOKUPS.values())
    chunk = list(rows[:ROWS_AT_ONCE])
    while chunk:
        yield chunk
        last_id = chunk[-1][EXPORTED.index("site_id")]
        chunk = list(rows.filter(pk__gt=last_id)[:ROWS_AT_ONCE]) if len(chunk) == ROWS_AT_ONCE else []


def cell_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return format_instant(value) if isinstance(value, datetime) else escape_formulas(str(value))


def csv_lines(rows: Iterable[Iterable[str]]) -> str:
    text = StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()

"""Sites as a CSV file, sent while it is read: the memory that it takes does not grow with the number of sites."""

import csv
from collections.abc import Iterable, Iterator
from datetime import datetime
from io import StringIO
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect, StreamingHttpResponse
from django.urls import URLPattern, path
from django.utils import timezone

from common.instants import format_instant
from sites.imports.columns import EXPORTED, LOOKUPS
from sites.imports.formulas import neutralized
from sites.models import Site

BYTE_ORDER_MARK = "\ufeff"  # without it Excel takes UTF-8 for something else
ROWS_AT_ONCE = 2_000


class ExportsSites(admin.ModelAdmin):
    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.export_view)
        return [path("export.csv", view, name="sites_site_export"), *super().get_urls()]

    def get_actions(self, request: HttpRequest) -> Any:
        actions: dict[str, Any] = super().get_actions(request)
        if request.user.has_perm("sites.export_site"):
            actions = {**actions, "export_csv": (export_selected, "export_csv", "Export CSV")}
        return actions

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """All that the list shows under the filters and the search of its address."""
        allow_export(request)
        try:
            matching = self.get_changelist_instance(request).get_queryset(request)
        except IncorrectLookupParameters:
            messages.error(request, "The list knows no such filter.")
            return HttpResponseRedirect("./")
        return csv_file(matching, at=timezone.now())


def export_selected(modeladmin: Any, request: HttpRequest, queryset: QuerySet[Site]) -> HttpResponseBase:
    allow_export(request)
    return csv_file(queryset, at=timezone.now())


def allow_export(request: HttpRequest) -> None:
    if not request.user.has_perms(["sites.view_site", "sites.export_site"]):
        raise PermissionDenied


def csv_file(sites: Any, *, at: datetime) -> StreamingHttpResponse:
    headers = {
        "Content-Disposition": f'attachment; filename="sites-{at:%Y-%m-%d}.csv"',
        "Cache-Control": "no-store",
    }
    return StreamingHttpResponse(csv_text(sites, at=at), content_type="text/csv; charset=utf-8", headers=headers)


def csv_text(sites: Any, *, at: datetime) -> Iterator[str]:
    yield BYTE_ORDER_MARK + csv_lines([EXPORTED])
    for rows in chunks(sites.with_status(at=at).with_licensed(at=at)):
        yield csv_lines([printed(value) for value in row] for row in rows)


def chunks(sites: Any) -> Iterator[list[tuple[Any, ...]]]:
    """By id, each chunk a query: a cursor that stays open is what a pooler and the limit on a statement's time forbid.

    An id never changes, so that each site stands in the file once, whatever is renamed meanwhile.
    """
    rows = sites.order_by("pk").values_list(*LOOKUPS.values())
    chunk = list(rows[:ROWS_AT_ONCE])
    while chunk:
        yield chunk
        last_id = chunk[-1][EXPORTED.index("site_id")]
        chunk = list(rows.filter(pk__gt=last_id)[:ROWS_AT_ONCE]) if len(chunk) == ROWS_AT_ONCE else []


def printed(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return format_instant(value) if isinstance(value, datetime) else neutralized(str(value))


def csv_lines(rows: Iterable[Iterable[str]]) -> str:
    text = StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()

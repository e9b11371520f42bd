"""Importing sites: the page that takes a file, the preview, and the page with the new sites' keys."""

import uuid
from base64 import b64encode
from collections import Counter
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.generic import FormView

from accounts.models import Admin
from audit.actors import acting_admin
from audit.models import Event
from common.errors import DomainError
from common.instants import parse_instant
from panel.account.confirmation import needs_confirmation
from panel.events.timeline import NOTHING
from panel.kept_forms import take_kept_entries
from panel.sites.imports.export import BYTE_ORDER_MARK, csv_lines
from panel.sites.operations.forms import COUNT_TYPED_ABOVE, text_field
from panel.sites.typed_confirmation import TypedCountField
from panel.sites.views import SiteAdminView
from panel.widgets.badges import badge
from panel.widgets.names import join_names
from panel.widgets.times import moment, plural
from sites.errors import SitesChanged
from sites.imports.columns import IMPORTED
from sites.imports.errors import ImportAlreadyApplied, UnreadableFile
from sites.imports.formulas import escape_formulas
from sites.imports.preview import MAX_REGISTRATIONS, PreviewRow, RowResult
from sites.imports.reading import MAX_BYTES, MAX_ROWS
from sites.imports.services import apply_import, rows_of, start_import
from sites.limits import MAX_IMPORT_REASON_LENGTH
from sites.models import SiteImport
from sites.services import Registration

ROWS_ON_A_PAGE = 50
# In the order of the pages: exceptions first.
RESULTS = (RowResult.REFUSED, RowResult.CHANGE, RowResult.REGISTER, RowResult.UNCHANGED)
COUNT_WORDS = {RowResult.CHANGE: "to change", RowResult.REGISTER: "to register"}


class UploadForm(forms.Form):
    file = forms.FileField(
        label="CSV file",
        max_length=255,
        help_text=f"UTF-8, at most {MAX_ROWS:,} rows and {MAX_BYTES // 1_000_000} MB. Nothing is written yet.",
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
    )


class ApplyForm(forms.Form):
    """Empty unless the file takes licences away: that needs what the operations need."""

    def __init__(self, data: Any = None, *, taken_away: int) -> None:
        super().__init__(data)
        if taken_away:
            self.fields["reason"] = text_field(required=True, max_length=MAX_IMPORT_REASON_LENGTH)
        if taken_away > COUNT_TYPED_ABOVE:
            self.fields["typed_count"] = TypedCountField(taken_away)


class UploadView(SiteAdminView, FormView):
    permission_required = "sites.import_site"
    template_name = "panel/sites/imports/upload.html"
    form_class = UploadForm

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = {"title": "Import sites", "columns": IMPORTED, "max_registrations": MAX_REGISTRATIONS}
        return super().get_context_data(**{**context, **kwargs})

    def form_valid(self, form: UploadForm) -> HttpResponse:
        file, admin = form.cleaned_data["file"], self.request.user
        assert isinstance(admin, Admin)
        try:
            started = start_import(file.read(MAX_BYTES + 1), file_name=file.name, admin=admin, at=timezone.now())
        except UnreadableFile as error:
            form.add_error("file", error.detail)
            return self.form_invalid(form)
        return HttpResponseRedirect(import_url(started))


class TemplateFileView(SiteAdminView):
    """An empty file with the names of the columns."""

    permission_required = "sites.import_site"

    def get(self, request: HttpRequest) -> HttpResponse:
        headers = {"Content-Disposition": 'attachment; filename="sites-template.csv"'}
        text = BYTE_ORDER_MARK + csv_lines([IMPORTED])
        return HttpResponse(text, content_type="text/csv; charset=utf-8", headers=headers)


class ImportView(SiteAdminView):
    """GET shows what an uploaded file would do, or has done. POST applies it."""

    permission_required = "sites.import_site"

    def get(self, request: HttpRequest, import_id: uuid.UUID) -> HttpResponse:
        started = self.find_import()
        rows = rows_of(started)
        form = ApplyForm(take_kept_entries(request), taken_away=count_taken_away(rows))
        return self.show_preview(started, rows, form)

    def show_preview(self, started: SiteImport, rows: list[PreviewRow], form: ApplyForm) -> HttpResponse:
        rows = sorted(rows, key=page_position)
        page = Paginator(rows, ROWS_ON_A_PAGE).get_page(self.request.GET.get("page"))
        counts = Counter(row.result for row in rows)
        context = {
            "title": "Import sites: preview" if started.rows is not None else "Import sites: applied",
            "started": started,
            "form": form,
            "page": page,
            "rows": [shown_row(row, at=timezone.now()) for row in page],
            "taken_away": count_taken_away(rows),
            "counts": [(result, counts[result], count_badge(result, counts[result])) for result in RESULTS],
            "refused": counts[RowResult.REFUSED],
            "can_apply": not counts[RowResult.REFUSED] and counts[RowResult.CHANGE] + counts[RowResult.REGISTER] > 0,
        }
        return self.render_page("preview.html", context)

    @needs_confirmation
    def post(self, request: HttpRequest, import_id: uuid.UUID) -> HttpResponse:
        started = self.find_import()
        rows = rows_of(started)
        form = ApplyForm(request.POST, taken_away=count_taken_away(rows))
        if not form.is_valid():
            return self.show_preview(started, rows, form)
        by = acting_admin(request, Event.Source.ADMIN)
        try:
            reason = form.cleaned_data.get("reason", "")
            registered = apply_import(started.pk, reason=reason, by=by, at=timezone.now())
        except SitesChanged as error:
            messages.error(request, sites_changed_words(started, error))
        except ImportAlreadyApplied as error:
            messages.warning(request, error.detail)
        except DomainError as error:
            messages.error(request, error.detail)
        else:
            if registered:
                return self.show_keys(started, registered)
            messages.success(request, "Import applied.")
        return HttpResponseRedirect(import_url(started))

    def find_import(self) -> SiteImport:
        """Only the admin who uploaded the file can see and apply the import."""
        started: SiteImport = get_object_or_404(SiteImport, pk=self.kwargs["import_id"], admin_id=self.request.user.pk)
        return started

    def show_keys(self, started: SiteImport, registered: list[Registration]) -> HttpResponse:
        """The answer to the POST that made the keys. They are stored nowhere: a reload does not show them again."""
        rows = [(str(each.site.pk), escape_formulas(each.site.name), each.secret_key) for each in registered]
        text = csv_lines([("site_id", "name", "secret_key"), *rows])
        started.refresh_from_db()
        context = {
            "title": f"{plural(len(registered), 'site')} registered",
            "started": started,
            "registered": registered,
            "text": text,
            # A link that holds the file itself, so that no other URL gives the keys away.
            "download": b64encode((BYTE_ORDER_MARK + text).encode()).decode(),
        }
        return self.render_page("keys.html", context)

    def render_page(self, template: str, context: dict[str, Any]) -> HttpResponse:
        self.template_name = f"panel/sites/imports/{template}"
        return self.render_to_response(self.get_context_data(**context))


def import_url(started: SiteImport) -> str:
    return reverse("admin:sites_site_import_review", args=[started.pk])


def count_badge(result: RowResult, count: int) -> str:
    """Grey if there is no such row."""
    return badge(
        result if count else RowResult.UNCHANGED, f"{count} {COUNT_WORDS.get(result, result)}", shape_of=result
    )


def count_taken_away(rows: list[PreviewRow]) -> int:
    return sum(row.takes_license_away for row in rows)


def page_position(row: PreviewRow) -> tuple[int, bool, int]:
    """The order of the pages: exceptions first, and before other changes those that take a licence away."""
    return RESULTS.index(RowResult(row.result)), not row.takes_license_away, row.line


def shown_row(row: PreviewRow, *, at: datetime) -> dict[str, Any]:
    """`changes` are triples of a column, the value before and the value after; a new site has no values before."""
    changes = [
        (name, preview_value(name, row.before.get(name)), preview_value(name, row.after[name])) for name in row.after
    ]
    return {"row": row, "badge": badge(row.result), "changes": changes, "taken_away": taken_away_words(row, at=at)}


def taken_away_words(row: PreviewRow, *, at: datetime) -> str:
    words = ["The site will be inactive."] if row.deactivates else []
    if row.ends_license_earlier:
        has_passed = parse_instant(row.after["license_expires_at"]) <= at
        words.append("The licence will have ended." if has_passed else "The licence will end earlier.")
    return " ".join(words)


def preview_value(name: str, value: Any) -> Any:
    if value is None:
        return NOTHING
    if name == "license_expires_at":
        return moment(parse_instant(value))
    return {True: "true", False: "false"}.get(value, value) if isinstance(value, bool) else value


def sites_changed_words(started: SiteImport, error: SitesChanged) -> str:
    changed = {str(site_id) for site_id in error.site_ids}
    names = [f"{row.name} (line {row.line})" for row in rows_of(started) if row.site_id in changed]
    return (
        f"Nothing was written. Changed since the preview: {join_names(names)}."
        " Upload the file again to see what it would do now."
    )

"""Importing sites: the page that takes a file, the dry run, and the answer that holds the new sites' keys."""

import uuid
from base64 import b64encode
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from accounts.models import Admin
from audit.actors import acting_admin
from audit.models import Event
from common.errors import DomainError
from common.instants import parse_instant
from panel.sites.imports.export import BYTE_ORDER_MARK, csv_lines
from panel.widgets.names import join_names
from panel.widgets.times import moment
from sites.errors import SitesChanged
from sites.imports.columns import IMPORTED
from sites.imports.errors import ImportAlreadyApplied, UnreadableFile
from sites.imports.formulas import neutralized
from sites.imports.preview import CHANGE, MAX_REGISTRATIONS, REFUSED, REGISTER, UNCHANGED, PlannedRow, counted
from sites.imports.reading import MAX_BYTES, MAX_ROWS
from sites.imports.services import apply_import, rows_of, start_import
from sites.models import SiteImport
from sites.services import Registration

ROWS_ON_A_PAGE = 50
SHAPES = {REFUSED: "✕", CHANGE: "▲", REGISTER: "●", UNCHANGED: "–"}
WORST_FIRST = tuple(SHAPES)


class UploadForm(forms.Form):
    file = forms.FileField(
        label="CSV file",
        max_length=255,
        help_text=f"UTF-8, at most {MAX_ROWS:,} rows and {MAX_BYTES // 1_000_000} MB. Nothing is written yet.",
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
    )


class ImportsSites(ModelAdmin):
    def get_urls(self) -> list[URLPattern]:
        guarded = self.admin_site.admin_view
        return [
            path("import/", guarded(self.upload_view), name="sites_site_import"),
            path("import/template.csv", guarded(self.template_view), name="sites_site_import_template"),
            path("import/<uuid:import_id>/", guarded(self.import_view), name="sites_site_import_review"),
            *super().get_urls(),
        ]

    def upload_view(self, request: HttpRequest) -> HttpResponse:
        allow_import(request)
        form = UploadForm(request.POST, request.FILES) if request.method == "POST" else UploadForm()
        if form.is_bound and form.is_valid():
            file, admin = form.cleaned_data["file"], signed_in(request)
            try:
                started = start_import(file.read(MAX_BYTES + 1), file_name=file.name, admin=admin, at=timezone.now())
                return HttpResponseRedirect(address_of(started.pk))
            except UnreadableFile as error:
                form.add_error("file", error.detail)
        context = {"form": form, "columns": IMPORTED, "max_registrations": MAX_REGISTRATIONS}
        return self.page(request, "import.html", title="Import sites", **context)

    def template_view(self, request: HttpRequest) -> HttpResponse:
        allow_import(request)
        headers = {"Content-Disposition": 'attachment; filename="sites-template.csv"'}
        text = BYTE_ORDER_MARK + csv_lines([IMPORTED])
        return HttpResponse(text, content_type="text/csv; charset=utf-8", headers=headers)

    def import_view(self, request: HttpRequest, import_id: uuid.UUID) -> HttpResponse:
        """By GET what the file would do, or has done; a POST does it."""
        allow_import(request)
        started = SiteImport.objects.filter(pk=import_id, admin=request.user.pk).first()
        if started is None:
            raise Http404
        return self.apply(request, started) if request.method == "POST" else self.review(request, started)

    def review(self, request: HttpRequest, started: SiteImport) -> HttpResponse:
        rows = sorted(rows_of(started), key=lambda row: (WORST_FIRST.index(row.fate), row.line))
        page = Paginator(rows, ROWS_ON_A_PAGE).get_page(request.GET.get("page"))
        counts = counted(rows)
        return self.page(
            request,
            "import_review.html",
            title="Import sites: dry run" if started.rows is not None else "Import sites: applied",
            started=started,
            page=page,
            rows=[shown(row) for row in page],
            counts=[(fate, SHAPES[fate], number) for fate, number in counts.items()],
            refused=counts[REFUSED],
            applicable=not counts[REFUSED] and bool(counts[CHANGE] or counts[REGISTER]),
        )

    def apply(self, request: HttpRequest, started: SiteImport) -> HttpResponse:
        by = acting_admin(request, Event.Source.ADMIN)
        try:
            registered = apply_import(started.pk, by=by, at=timezone.now())
        except SitesChanged as error:
            messages.error(request, overtaken(started, error))
        except ImportAlreadyApplied as error:
            messages.warning(request, error.detail)
        except DomainError as error:
            messages.error(request, error.detail)
        else:
            if registered:
                return self.show_keys(request, started, registered)
            messages.success(request, "Applied.")
        return HttpResponseRedirect(address_of(started.pk))

    def show_keys(self, request: HttpRequest, started: SiteImport, registered: list[Registration]) -> HttpResponse:
        """The one page that ever holds these keys. It is an answer to a POST: a reload shows them no more."""
        rows = [(str(each.site.pk), neutralized(each.site.name), each.secret_key) for each in registered]
        text = csv_lines([("site_id", "name", "secret_key"), *rows])
        return self.page(
            request,
            "import_keys.html",
            title=f"{len(registered)} sites registered" if len(registered) > 1 else "1 site registered",
            started=SiteImport.objects.get(pk=started.pk),
            registered=registered,
            text=text,
            # A link that holds the file itself: no second address would ever give the keys away.
            download=b64encode((BYTE_ORDER_MARK + text).encode()).decode(),
        )

    def page(self, request: HttpRequest, template: str, **context: Any) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "opts": self.opts, **context}
        return TemplateResponse(request, f"admin/sites/site/{template}", context)


def allow_import(request: HttpRequest) -> None:
    if not request.user.has_perm("sites.import_site"):
        raise PermissionDenied


def signed_in(request: HttpRequest) -> Admin:
    assert isinstance(request.user, Admin)
    return request.user


def address_of(import_id: uuid.UUID) -> str:
    return reverse("admin:sites_site_import_review", args=[import_id])


def shown(row: PlannedRow) -> dict[str, Any]:
    """As the page shows it; a new site has no values before."""
    changes = [(name, readable(name, row.before.get(name)), readable(name, row.after[name])) for name in row.after]
    return {"row": row, "shape": SHAPES[row.fate], "changes": changes}


def readable(name: str, value: Any) -> Any:
    if name == "license_expires_at" and value is not None:
        return moment(parse_instant(value))
    return {True: "true", False: "false"}.get(value, value) if isinstance(value, bool) else value


def overtaken(started: SiteImport, error: SitesChanged) -> str:
    moved = {str(site_id) for site_id in error.site_ids}
    names = [f"{row.name} (line {row.line})" for row in rows_of(started) if row.site_id in moved]
    return (
        f"Nothing was written. Changed since the dry run: {join_names(names)}."
        " Upload the file again to see what it would do now."
    )

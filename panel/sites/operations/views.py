"""The page that confirms an operation.

The operations are in `panel.sites.operations.registry`; `panel.sites.operations.run` carries one out, and
`panel.sites.results` shows what it did.
"""

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.safestring import SafeString

from audit.actors import acting_admin
from audit.models import Event
from idempotency.errors import IdempotencyKeyInUse, IdempotencyKeyReused
from idempotency.services import find_report, report_once
from panel.account.confirmation import FEW_SITES, confirmation_page
from panel.kept_forms import take_kept_entries
from panel.sites.next_heartbeat import is_serving_until_told, told_at
from panel.sites.operations.expected_results import ExpectedResult, ResultKind
from panel.sites.operations.forms import OperationForm
from panel.sites.operations.registry import OPERATIONS, Operation
from panel.sites.operations.results import report_path
from panel.sites.operations.run import run_operation
from panel.sites.operations.selection import Selection, read_uuid, select_sites
from panel.sites.operations.shown_values import read_shown_values, write_shown_values
from panel.sites.operations.state_badges import count_badges, state_badges
from panel.sites.views import SiteAdminView
from sites.models import Site


@dataclass(frozen=True)
class SitePreview:
    """A site on the page that confirms. The form brings back `shown`, the values on which the person decides."""

    site: Site
    state: SafeString
    expected: ExpectedResult
    shown: str
    # When the restaurant is told, if the page is about several.
    told: str = ""


class OperationView(SiteAdminView):
    """A page about the operation that its URL names."""

    @cached_property
    def operation(self) -> Operation:
        if self.kwargs["name"] not in OPERATIONS:
            raise Http404
        return OPERATIONS[self.kwargs["name"]]

    def get_permission_required(self) -> tuple[str]:
        return (self.operation.permission,)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        kwargs |= {"operation": self.operation, "form_url": self.url_of("sites_site_operate", self.operation.name)}
        return super().get_context_data(**kwargs)

    def url_of(self, name: str, *args: Any) -> str:
        """The URL of an admin page. It carries the filters of the list, so that links back to the list restore them."""
        filters = self.site_admin.get_preserved_filters(self.request)
        context: Any = {"opts": self.site_admin.opts, "preserved_filters": filters}
        return str(add_preserved_filters(context, reverse(f"admin:{name}", args=args)))

    def report_key(self, run_id: uuid.UUID) -> dict[str, Any]:
        """Where the results of one confirmed form are stored."""
        return {"admin": self.request.user, "path": report_path(self.operation.name), "key": str(run_id)}


class ConfirmOperationView(OperationView):
    """By GET, or by POST from the list: names the sites and asks. By POST with `confirmed`: runs the operation.

    `site_ids` are the sites that an action of the list has selected; otherwise the request names them.
    """

    template_name = "panel/sites/operations/confirm.html"
    site_ids: Sequence[str] = ()

    @cached_property
    def at(self) -> datetime:
        return timezone.now()

    @cached_property
    def kept(self) -> QueryDict | None:
        return take_kept_entries(self.request)

    @cached_property
    def selection(self) -> Selection:
        kept = self.kept.getlist("site") if self.kept else []
        ids = self.site_ids or self.request.POST.getlist("site") or kept or self.request.GET.getlist("site")
        return select_sites(ids, at=self.at)

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        if self.selection.refusal:
            return self.back_to_list()
        run_id = (read_uuid(self.kept.get("run_id", "")) if self.kept else None) or uuid.uuid4()
        return self.ask(self.operation.form(self.kept, sites=self.selection.sites, at=self.at), run_id=run_id)

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        if "confirmed" not in request.POST:
            return self.get(request, name)
        if self.selection.refusal:
            return self.back_to_list()
        if "preview" in request.POST and self.operation.form.has_preview:
            return self.show_new_ends()
        if len(self.selection.sites) > FEW_SITES and (page := confirmation_page(request)):
            return page
        run_id = read_uuid(request.POST.get("run_id", "")) or uuid.uuid4()
        form = self.operation.form(request.POST, sites=self.selection.sites, at=self.at)
        report = find_report(**self.report_key(run_id))
        was_run = report is not None and report.status is not None
        # A form that was run is answered with its results, even if its entries are no longer valid.
        if was_run or form.is_valid():
            return self.run_once(form, run_id=run_id)
        form.focus_first_error()
        return self.ask(form, run_id=run_id)

    def show_new_ends(self) -> HttpResponse:
        """The page with the new end of each licence. Nothing is changed."""
        form = self.operation.form(self.request.POST, sites=self.selection.sites, at=self.at)
        form.is_valid()
        form.without_confirmation_errors()
        form.focus_first_error()
        # Another run than that of the page: after the browser's Back button, that one may be done.
        return self.ask(form, run_id=uuid.uuid4(), is_preview=not form.errors)

    def back_to_list(self) -> HttpResponse:
        messages.error(self.request, f"{self.selection.refusal} Nothing was done.")
        return HttpResponseRedirect(self.url_of("sites_site_changelist"))

    def ask(self, form: OperationForm, *, run_id: uuid.UUID, is_preview: bool = False) -> HttpResponse:
        form.is_valid()  # also kept entries, before the previews read them
        operation, sites = self.operation, self.selection.sites
        previews = sorted(
            (self.preview(site, form) for site in sites), key=lambda preview: preview.expected.kind.position
        )
        will_change = [each.site for each in previews if each.expected.kind == ResultKind.WILL_CHANGE]
        is_one = len(sites) == 1
        return self.render_to_response(
            self.get_context_data(
                title=f"{operation.label}: {sites[0].name}" if is_one else operation.label_for(len(sites)),
                page_title=f"{operation.label} · {sites[0].name}" if is_one else "",
                submit_label=operation.label_for(len(sites)),
                told=self.told(will_change),
                is_destructive=form.ends_licenses or any(operation.takes_service(site) for site in will_change),
                previews=previews,
                expected_counts=Counter(preview.expected.kind for preview in previews),
                state_counts=[] if is_one else count_badges(sites, self.at),
                unknown=self.selection.unknown,
                form=form,
                is_preview=is_preview and bool(will_change),
                run_id=run_id,
                cancel_url=self.url_after(),
            )
        )

    def told(self, sites: Sequence[Site]) -> str:
        """A sentence about the sites that will change."""
        if not sites or not self.operation.is_told:
            return ""
        if len(self.selection.sites) > 1:
            return "The restaurants are told at their next heartbeats; each row says when."
        site = sites[0]
        takes_service = self.operation.takes_service(site) and is_serving_until_told(site, at=self.at)
        until_then = "; until then it keeps working" if takes_service else ""
        return f"The restaurant is told {told_at(site, at=self.at)}{until_then}."

    def preview(self, site: Site, form: OperationForm) -> SitePreview:
        operation = self.operation
        expected = form.detailed(operation.expected_result(site, self.at), site)
        is_told = operation.is_told and expected.kind == ResultKind.WILL_CHANGE and len(self.selection.sites) > 1
        return SitePreview(
            site,
            state_badges(site, self.at),
            expected,
            write_shown_values(operation, site),
            told=told_at(site, at=self.at) if is_told else "",
        )

    def run_once(self, form: OperationForm, *, run_id: uuid.UUID) -> HttpResponse:
        """A form that is sent again, by a second click or a reload, is answered with the results of the first time."""
        sites, posted = self.selection.sites, self.request.POST

        def run_form() -> list[dict[str, Any]]:
            return run_operation(
                self.operation,
                sites,
                shown={
                    site.pk: read_shown_values(self.operation, posted.get(f"shown-{site.pk}", "")) for site in sites
                },
                arguments=form.arguments(),
                by=acting_admin(self.request, Event.Source.ADMIN),
            )

        entries = {name: values for name, values in posted.lists() if name != "csrfmiddlewaretoken"}
        result_page = HttpResponseRedirect(self.url_of("sites_site_operated", self.operation.name, run_id))
        try:
            report = report_once(run_form, **self.report_key(run_id), body=entries, at=timezone.now())
        except IdempotencyKeyReused:
            messages.warning(
                self.request,
                "You sent this form before, with other entries. Nothing was done now; this is the result of that time.",
            )
            return result_page
        except IdempotencyKeyInUse:
            return result_page
        if len(sites) > 1:
            return result_page
        self.add_message(report.body[0])
        return HttpResponseRedirect(self.url_after())

    def add_message(self, result: dict[str, Any]) -> None:
        """For one site, its own page says what was done."""
        name, words = result["name"], "; ".join(filter(None, (result["words"], result.get("told"))))
        if result["kind"] == ResultKind.DONE:
            messages.success(self.request, f"{name}: {words}.")
        elif result["kind"] == ResultKind.UNCHANGED:
            messages.info(self.request, f"{name} was not changed. {words}.")
        else:
            messages.error(self.request, f"Refused: {name} was not {self.operation.past}. {words}.")

    def url_after(self) -> str:
        sites = self.selection.sites
        if len(sites) == 1:
            return self.url_of("sites_site_change", sites[0].pk)
        return self.url_of("sites_site_changelist")

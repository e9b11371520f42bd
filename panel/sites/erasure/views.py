"""Erasing the personal data of a deregistered site: the page with the preview, on which one sysadmin requests the erasure and
another one confirms it."""

import uuid
from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property

from accounts.erasure import forget_typed_entries
from audit.actors import acting_admin
from audit.models import Event
from common.errors import DomainError
from common.instants import format_instant, parse_instant
from erasure.errors import ErasureNotRequested, ReasonNamesCustomer
from erasure.models import ErasureRequest
from erasure.preview import STAYS, preview_items
from erasure.services import PERMISSION, confirm_erasure, request_erasure, withdraw_erasure
from erasure.traces import find_traces
from panel.account.confirmation import needs_confirmation
from panel.sites.operations.forms import text_field
from panel.sites.typed_confirmation import TypedNameField
from panel.sites.views import SiteAdminView, SiteFormView
from sites.models import Site


class ErasureForm(forms.Form):
    """An erasure cannot be undone, so both people type the site's name."""

    def __init__(self, *args: Any, site: Site, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["typed_name"] = TypedNameField(site.name)


class RequestErasureForm(ErasureForm):
    reason = text_field(
        required=True,
        label="Reference",
        help_text="Such as the number of a ticket. It stays for good, so do not name the customer.",
    )


class ConfirmErasureForm(ErasureForm):
    requested_at = forms.CharField(widget=forms.HiddenInput)


class ErasureView(SiteAdminView):
    permission_required = PERMISSION

    @cached_property
    def site(self) -> Site:
        site: Site = get_object_or_404(Site, pk=self.kwargs["site_id"])
        return site

    @property
    def page_url(self) -> str:
        return reverse("admin:sites_site_erase", args=[self.kwargs["site_id"]])

    @property
    def site_url(self) -> str:
        return reverse("admin:sites_site_change", args=[self.kwargs["site_id"]])

    def run(self, service: Callable[..., Any], done: str, **arguments: Any) -> HttpResponse:
        """Call the service, and lead back: to the site if it is done, to the page of the erasure if it is refused."""
        by = acting_admin(self.request, Event.Source.ADMIN)
        try:
            service(self.kwargs["site_id"], by=by, at=timezone.now(), **arguments)
        except ReasonNamesCustomer:
            raise
        except DomainError as error:
            messages.error(self.request, f"{error.detail}. Nothing was erased.")
            return HttpResponseRedirect(self.page_url)
        messages.success(self.request, done)
        return HttpResponseRedirect(self.site_url)


class ErasureFormView(ErasureView, SiteFormView):
    """The page with what would be erased, and the request if there is one."""

    template_name = "panel/sites/erasure/erase.html"

    @cached_property
    def pending(self) -> ErasureRequest | None:
        requests = ErasureRequest.open(at=timezone.now()).select_related("requested_by")
        return requests.filter(site=self.site).first()

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "site": self.site}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = {
            "title": f"Erase personal data: {self.site.name}",
            "page_title": f"Erase personal data · {self.site.name}",
            "site": self.site,
            "items": preview_items(find_traces(self.site)),
            "stays": STAYS,
            "pending": self.pending,
            "is_own": self.pending is not None and self.pending.requested_by == self.request.user,
        }
        return super().get_context_data(**{**context, **kwargs})


class RequestErasureView(ErasureFormView):
    """GET shows the page with the form that requests the erasure or confirms the request; POST requests it."""

    form_class = RequestErasureForm

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        refusal = None
        if self.site.erased_at:
            refusal = "The personal data of this site was erased already."
        elif self.site.deregistered_at is None:
            refusal = "Only the data of a deregistered site can be erased. Deregister it first."
        if refusal:
            messages.error(request, refusal)
            return HttpResponseRedirect(self.site_url)
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        if self.pending:
            shown = {"requested_at": format_instant(self.pending.requested_at)}
            kwargs["form"] = ConfirmErasureForm(site=self.site, initial=shown)
        return super().get_context_data(**kwargs)

    @needs_confirmation
    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: RequestErasureForm) -> HttpResponse:
        try:
            return self.run(
                request_erasure,
                "The erasure is requested. Another sysadmin has to confirm it.",
                reason=form.cleaned_data["reason"],
            )
        except ReasonNamesCustomer as error:
            form.add_error("reason", error.detail)
            return self.form_invalid(form)


class ConfirmErasureView(ErasureFormView):
    form_class = ConfirmErasureForm

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """As after a refused form, whose page has this URL, was opened again."""
        return HttpResponseRedirect(self.page_url)

    @needs_confirmation
    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: ConfirmErasureForm) -> HttpResponse:
        try:
            seen = parse_instant(form.cleaned_data["requested_at"])
        except ValueError:
            return self.not_requested()
        return self.run(self.confirm, "The personal data of this site is erased.", requested_at=seen)

    def form_invalid(self, form: ConfirmErasureForm) -> HttpResponse:
        if self.pending is None or "requested_at" in form.errors:
            return self.not_requested()
        return super().form_invalid(form)

    def not_requested(self) -> HttpResponse:
        messages.error(self.request, f"{ErasureNotRequested.title}. Nothing was erased.")
        return HttpResponseRedirect(self.page_url)

    def confirm(self, site_id: uuid.UUID, **arguments: Any) -> None:
        confirm_erasure(site_id, **arguments)
        forget_typed_entries(self.request.session)


class WithdrawErasureView(ErasureView):
    http_method_names = ["post"]

    def post(self, request: HttpRequest, site_id: uuid.UUID) -> HttpResponse:
        return self.run(withdraw_erasure, "The request is withdrawn. Nothing was erased.")

"""What an admin does to one site or to many: the page that names what will be hit, and the doing."""

import uuid
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from audit.actors import acting_admin
from audit.models import Event
from common.errors import DomainError
from panel.operations import OPERATIONS, Operation
from sites.models import Site

AT_ONCE = 400


class OperatesOnSites(admin.ModelAdmin):
    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.operate_view)
        return [path("operate/<slug:name>/", view, name="sites_site_operate"), *super().get_urls()]

    def get_actions(self, request: HttpRequest) -> Any:
        return {
            name: (as_action(operation), name, f"{operation.label}…")
            for name, operation in OPERATIONS.items()
            if request.user.has_perm(operation.permission)
        }

    def operate_view(self, request: HttpRequest, name: str) -> HttpResponse:
        operation = OPERATIONS.get(name)
        if operation is None:
            raise Http404
        ids = request.POST.getlist("site") or request.GET.getlist("site")
        return self.confirm(request, operation, [readable(value) for value in ids])

    def confirm(self, request: HttpRequest, operation: Operation, ids: list[uuid.UUID]) -> HttpResponse:
        """Name what will be hit and ask for what is needed; with that, do it."""
        if not request.user.has_perm(operation.permission):
            raise PermissionDenied
        sites = list(self.get_queryset(request).filter(pk__in=ids).order_by("name", "site_id")[: AT_ONCE + 1])
        if not sites or len(sites) > AT_ONCE:
            messages.error(request, f"Select from 1 to {AT_ONCE} sites.")
            return HttpResponseRedirect(reverse("admin:sites_site_changelist"))
        confirmed = request.method == "POST" and "confirmed" in request.POST
        form = operation.form(request.POST) if confirmed else operation.form()
        if confirmed and form.is_valid():
            self.carry_out(request, operation, sites, form.cleaned_data)
            return HttpResponseRedirect(self.page_after(sites))
        return self.ask(request, operation, sites, form)

    def ask(self, request: HttpRequest, operation: Operation, sites: list[Site], form: forms.Form) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": f"{operation.label}: {sites[0].name if len(sites) == 1 else f'{len(sites)} sites'}",
            "operation": operation,
            "sites": sites,
            "online": sum(site.status == "online" for site in sites),  # type: ignore[attr-defined]
            "locked": sum(site.is_locked for site in sites),
            "unlicensed": sum(not site.licensed for site in sites),  # type: ignore[attr-defined]
            "form": form,
            "opts": self.opts,
            "media": self.media + form.media,
            "cancel_url": self.page_after(sites),
        }
        return TemplateResponse(request, "admin/sites/site/operate.html", context)

    def carry_out(self, request: HttpRequest, operation: Operation, sites: list[Site], facts: dict[str, Any]) -> None:
        """One transaction and one event a site; what one site refuses does not keep the others waiting."""
        by, done, refused = acting_admin(request, Event.Source.ADMIN), [], []
        for site in sites:
            if operation.is_cumulative:
                facts["expected_revisions"] = {posted_revision(request, site)}
            try:
                operation.service(site.pk, by=by, at=timezone.now(), **facts)
                done.append(site.name)
            except DomainError as error:
                refused.append(f"{site.name}: {error.detail}")
        if done:
            messages.success(request, f"{operation.done} {named(done)}.")
        for line in refused[:20]:
            messages.error(request, line)

    def page_after(self, sites: list[Site]) -> str:
        if len(sites) == 1:
            return reverse("admin:sites_site_change", args=[sites[0].pk])
        return reverse("admin:sites_site_changelist")


def as_action(operation: Operation) -> Any:
    def act(modeladmin: Any, request: HttpRequest, queryset: QuerySet[Site]) -> HttpResponse:
        ids = list(queryset.order_by().values_list("pk", flat=True)[: AT_ONCE + 1])
        return modeladmin.confirm(request, operation, ids)

    return act


def posted_revision(request: HttpRequest, site: Site) -> int:
    """The revision of the site that the confirmation page showed; 0, which no site has, when it says none."""
    given = request.POST.get(f"revision-{site.pk}", "")
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 10 else 0


def readable(value: str) -> uuid.UUID:
    try:
        return uuid.UUID(value)
    except ValueError:
        raise Http404 from None


def named(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{len(names)} sites"

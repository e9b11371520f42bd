"""Registering a site and rotating its key: the two pages that end with a key, shown once."""

import uuid
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property

from audit.actors import acting_admin
from audit.models import Event
from common.errors import DomainError
from panel.account.confirmation import needs_confirmation
from panel.sites.operations.selection import read_uuid
from panel.sites.registration.forms import RegisterForm, RotateKeyForm
from panel.sites.registration.key_page import key_page
from panel.sites.views import SiteFormView
from sites import services
from sites.errors import SiteAlreadyRegistered
from sites.models import Site


class RegisterSiteView(SiteFormView):
    permission_required = "sites.add_site"
    template_name = "panel/sites/registration/register.html"
    form_class = RegisterForm

    @cached_property
    def like(self) -> Site | None:
        """The site that the URL names: another one of the same owner is registered, as for a second installation."""
        site_id = read_uuid(self.request.GET.get("like", ""))
        return Site.objects.live().filter(pk=site_id).first() if site_id else None

    def get_initial(self) -> dict[str, Any]:
        if self.like is None:
            return {}
        names = ("owner_name", "contact_email", "contact_phone", "timezone", "organization_id")
        return {name: getattr(self.like, name) for name in names}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**{"title": "Register a site", "like": self.like, **kwargs})

    def form_valid(self, form: RegisterForm) -> HttpResponse:
        by = acting_admin(self.request, Event.Source.ADMIN)
        try:
            registration = services.register_site(**form.cleaned_data, by=by, at=timezone.now())
        except SiteAlreadyRegistered:
            # A reload of the page with the key sends the form again.
            messages.info(
                self.request,
                "This site was registered already, and its key was shown then. If it is lost, rotate the key.",
            )
            return HttpResponseRedirect(site_page_url(form.cleaned_data["site_id"]))
        site = registration.site
        return key_page(
            self, site, registration.secret_key, title=f"Registered: {site.name}", page_title=f"Key · {site.name}"
        )


class RotateKeyView(SiteFormView):
    permission_required = "sites.rotate_site_key"
    template_name = "panel/sites/registration/rotate.html"
    form_class = RotateKeyForm

    @cached_property
    def site(self) -> Site:
        site: Site = get_object_or_404(Site.objects.live(), pk=self.kwargs["site_id"])
        return site

    def get_initial(self) -> dict[str, Any]:
        return {"revision": self.site.revision}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        titles = {"title": f"Rotate the key of {self.site.name}", "page_title": f"Rotate key · {self.site.name}"}
        return super().get_context_data(**{"site": self.site, **titles, **kwargs})

    @needs_confirmation
    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: RotateKeyForm) -> HttpResponse:
        hours = form.cleaned_data["overlap_hours"]
        try:
            rotation = services.rotate_key(
                self.site.pk,
                by=acting_admin(self.request, Event.Source.ADMIN),
                at=timezone.now(),
                overlap=timedelta(hours=hours),
                # A reload of the page with the key sends the form again, and must not make another key.
                expected_revisions={form.cleaned_data["revision"]},
            )
        except DomainError as error:
            messages.error(
                self.request,
                f"{error.detail}. No key was made now. If you just rotated it, its new key was shown then, once.",
            )
            return HttpResponseRedirect(site_page_url(self.site.pk))
        return key_page(
            self,
            rotation.site,
            rotation.secret_key,
            title=f"New key: {rotation.site.name}",
            page_title=f"New key · {rotation.site.name}",
            previous_until=rotation.previous_key_expires_at,
            previous_still_works=hours > 0,
        )


def site_page_url(site_id: uuid.UUID) -> str:
    return reverse("admin:sites_site_change", args=[site_id])

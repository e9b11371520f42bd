"""Registering a site and rotating its key: the two pages that end with a key, shown once."""

import shlex
import uuid
from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from audit.actors import acting_admin
from audit.models import Event
from common.errors import DomainError
from panel.sites.forms import RegisterForm, RotateForm
from sites import services
from sites.errors import SiteAlreadyRegistered
from sites.models import Site

RESTAURANT_FIELDS = ("name", "owner_name", "contact_email", "timezone")


class HandsOutKeys(admin.ModelAdmin):
    add_form_template = "admin/sites/site/add_form.html"
    add_fieldsets = [
        ("Restaurant", {"fields": RESTAURANT_FIELDS}),
        ("Licence", {"fields": ["license_expires_at"]}),
    ]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.rotate_view)
        return [path("<uuid:site_id>/rotate-key/", view, name="sites_site_rotate"), *super().get_urls()]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return super().get_fieldsets(request, obj) if obj else self.add_fieldsets

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is None:
            kwargs["form"] = RegisterForm
        return super().get_form(request, obj, change=change, **kwargs)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        return super().add_view(request, form_url, {"title": "Register a site", **(extra_context or {})})

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """A reload of the page that showed the key sends the form again: it leads to the site, never to a second one."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except SiteAlreadyRegistered:
            messages.info(
                request,
                "This site was registered already, and its key was shown then. A key is shown once: whoever has not kept it"
                " makes a new one by “Rotate key”.",
            )
            return HttpResponseRedirect(reverse("admin:sites_site_change", args=[request.POST["site_id"]]))

    def save_model(self, request: HttpRequest, obj: Site, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        by = acting_admin(request, Event.Source.ADMIN)
        registration = services.register_site(**form.cleaned_data, by=by, at=timezone.now())
        obj.pk = registration.site.pk
        request.registration = registration  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, obj: Site, post_url_continue: Any = None) -> HttpResponse:
        registration = request.registration  # type: ignore[attr-defined]
        return self.show_key(
            request, registration.site, registration.secret_key, title=f"Registered: {registration.site.name}"
        )

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """The service recorded an event; a second log would only say less."""

    def show_key(self, request: HttpRequest, site: Site, key: str, **context: Any) -> HttpResponse:
        """The one page that ever holds a key. It is an answer to a POST: coming back to it never shows the key again."""
        url = request.build_absolute_uri("/").rstrip("/")
        context |= {
            "site": site,
            "secret_key": key,
            "environment": environment_of(url, site, key),
            "first_heartbeat": first_heartbeat(url, site, key),
            "opts": self.opts,
            **self.admin_site.each_context(request),
        }
        return TemplateResponse(request, "admin/sites/site/key.html", context)

    def rotate_view(self, request: HttpRequest, site_id: uuid.UUID) -> HttpResponse:
        site = Site.objects.live().filter(pk=site_id).first()
        if not request.user.has_perm("sites.rotate_site_key"):
            raise PermissionDenied
        if site is None:
            raise Http404
        form = RotateForm(request.POST or None, initial={"revision": site.revision})
        if request.method == "POST" and form.is_valid():
            return self.rotate(request, site, form.cleaned_data)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Rotate the key of {site.name}",
            "site": site,
            "form": form,
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/sites/site/rotate.html", context)

    def rotate(self, request: HttpRequest, site: Site, facts: dict[str, Any]) -> HttpResponse:
        try:
            rotation = services.rotate_key(
                site.pk,
                by=acting_admin(request, Event.Source.ADMIN),
                at=timezone.now(),
                overlap=timedelta(hours=facts["overlap_hours"]),
                # A reload of the page that shows the key must not make another one.
                expected_revisions={facts["revision"]},
            )
        except DomainError as error:
            messages.error(
                request,
                f"{error.detail}. No key was made now. If you just rotated it, its new key was shown then, once.",
            )
            return HttpResponseRedirect(reverse("admin:sites_site_change", args=[site.pk]))
        overlap = {"previous_until": rotation.previous_key_expires_at, "works_on": facts["overlap_hours"] > 0}
        return self.show_key(request, site, rotation.secret_key, title=f"New key: {site.name}", **overlap)


def environment_of(url: str, site: Site, key: str) -> str:
    """What a local backend needs to know, as lines of an environment file; no value needs quotes."""
    return f"PORTCULLIS_URL={url}\nPORTCULLIS_SITE_ID={site.pk}\nPORTCULLIS_SITE_KEY={key}"


def first_heartbeat(url: str, site: Site, key: str) -> str:
    """For any POSIX shell."""
    headers = [f"X-Site-ID: {site.pk}", f"X-Site-Key: {key}", "Content-Type: application/json"]
    given = " ".join(f"-H {shlex.quote(header)}" for header in headers)
    report = shlex.quote('{"version": "1.0.0", "uptime_seconds": 0}')
    return f"curl -sS {shlex.quote(url + '/api/heartbeat')} {given} -d {report}"

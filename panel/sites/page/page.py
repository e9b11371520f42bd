"""The page of one site: what is known of it, what can be done, and the form for what an admin may edit."""

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from audit.actors import acting_admin
from audit.models import Event
from panel.events.timeline import label_of
from panel.sites.page.buttons import buttons_for
from panel.sites.page.edit_form import EditForm
from panel.sites.page.facts import facts_of
from sites import services
from sites.errors import SiteChanged
from sites.events import SITE
from sites.models import Site

RESTAURANT_FIELDS = ("name", "owner_name", "contact_email", "timezone")
# What asks for more than the permission to edit.
ASKS_FOR = {"license_expires_at": "sites.set_license_expiry", "is_active": "sites.deactivate_site"}


class SitePage(admin.ModelAdmin):
    form = EditForm
    change_form_template = "admin/sites/site/page/site.html"
    fieldsets = [
        ("Restaurant", {"fields": RESTAURANT_FIELDS}),
        ("Licence", {"fields": ["license_expires_at", "is_active"]}),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        withheld = [name for name, permission in ASKS_FOR.items() if not request.user.has_perm(permission)]
        return withheld if obj else []

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Site | None:
        """While a form is saved the site's row is held: nobody changes it between the comparison and the writing."""
        sites: Any = Site.objects.with_state(at=timezone.now())
        if request.method == "POST":
            sites = sites.select_for_update(of=("self",), no_key=True)
        try:
            site: Site | None = sites.filter(pk=uuid.UUID(object_id)).first()
        except ValueError:
            return None
        if request.method == "POST" and site and site.deregistered_at and super().has_change_permission(request):
            raise SiteChanged("The site was deregistered while you had the page open. Nothing was saved.")
        return site

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.deregistered_at is None)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Site, form: Any, change: bool) -> None:
        """Of an edited site: writes what this person changed, unless somebody else did so meanwhile."""
        services.update_site(
            obj.pk,
            form.changes,
            by=acting_admin(request, Event.Source.ADMIN),
            at=timezone.now(),
            expected_revisions={form.stored["revision"]},
        )
        saved = ", ".join(map(label_of, form.changes))
        messages.success(request, f"Saved: {saved}." if saved else "There was nothing to save.")

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """The service recorded an event; a second log would only say less."""

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:sites_site_change", args=[obj.pk]))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        site = kwargs.get("obj")
        if site is not None:
            context |= facts_of(site, at=timezone.now())
            context |= {"title": site.name, "subtitle": None, "can_edit": self.has_change_permission(request, site)}
            context["buttons"] = buttons_for(site, has_permission(request), at=timezone.now())
        return super().render_change_form(request, context, *args, **kwargs)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """The history of a site is its events."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return HttpResponseRedirect(
            reverse("admin:audit_event_changelist") + f"?subject_type={SITE}&subject_id={object_id}"
        )


def has_permission(request: HttpRequest) -> Callable[[str], bool]:
    return lambda permission: request.user.has_perm(permission)

"""The page of one site: what is known of it, and the form for what an admin may edit."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from audit.actors import acting_admin
from audit.models import Event
from common.moments import in_zone, moment
from panel.edit_form import EditForm
from panel.operations import OPERATIONS
from sites import services
from sites.models import Site, SiteKey

STATE_FIELDS = ("shown_status", "shown_lock", "shown_license", "shown_last_seen", "shown_address", "shown_due")
RESTAURANT_FIELDS = ("name", "owner_name", "contact_email", "timezone")
LINE_BREAK = SafeString("<br>")


class SitePage(admin.ModelAdmin):
    form = EditForm
    fieldsets = [
        ("State", {"fields": STATE_FIELDS}),
        ("Restaurant", {"fields": RESTAURANT_FIELDS}),
        ("Licence", {"fields": ["license_expires_at", "is_active"]}),
        ("Identity", {"fields": ["site_id", "shown_keys", "created_at", "updated_at", "deregistered_at"]}),
    ]
    readonly_fields = [
        *STATE_FIELDS,
        "shown_keys",
        "site_id",
        "created_at",
        "updated_at",
        "deregistered_at",
    ]

    @admin.display(description="Heard from")
    def shown_address(self, site: Site) -> str:
        return site.pulse.last_seen_ip or "–"

    @admin.display(description="Expected by")
    def shown_due(self, site: Site) -> str:
        return moment(site.pulse.due_at) if site.pulse.due_at else "–"

    @admin.display(description="Keys")
    def shown_keys(self, site: Site) -> SafeString:
        rows = [(key.hint, state_of_key(key), in_zone(key.created_at)) for key in site.keys.order_by("-id")[:10]]
        return format_html_join(LINE_BREAK, "<code>{}</code> {}, made on {}", rows)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.readonly_fields if obj else []

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.deregistered_at is None)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Site, form: Any, change: bool) -> None:
        """Of an edited site: writes what this person changed, unless somebody else did so meanwhile."""
        facts = form.cleaned_data
        services.update_site(
            obj.pk,
            {name: facts[name] for name in form.changed_data if name in services.EDITABLE},
            by=acting_admin(request, Event.Source.ADMIN),
            at=timezone.now(),
            expected_revisions={facts["revision"]},
        )

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """The service recorded an event; a second log would only say less."""

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        site = self.get_object(request, object_id)
        buttons = [] if site is None else self.buttons(request, site)
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "buttons": buttons})

    def buttons(self, request: HttpRequest, site: Site) -> list[dict[str, Any]]:
        offered = [
            {"label": operation.label, "url": reverse("admin:sites_site_operate", args=[name]) + f"?site={site.pk}"}
            for name, operation in OPERATIONS.items()
            if request.user.has_perm(operation.permission) and operation.applies_to(site)
        ]
        if request.user.has_perm("sites.rotate_site_key") and site.deregistered_at is None:
            offered.append({"label": "Rotate key", "url": reverse("admin:sites_site_rotate", args=[site.pk])})
        return offered

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """The history of a site is its events."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return HttpResponseRedirect(reverse("admin:audit_event_changelist") + f"?site_id={object_id}")


def state_of_key(key: SiteKey) -> str:
    if key.revoked_at:
        return f"retired on {in_zone(key.revoked_at)}"
    if key.expires_at is None:
        return "newest"
    verb = "works until" if key.expires_at > timezone.now() else "ended at"
    return f"{verb} {in_zone(key.expires_at)}"

"""The list of organizations, and the pages that add, show and change one."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit.actors import acting_admin
from audit.models import Event
from common.admin import KnownLookupsOnly
from common.errors import DomainError
from panel.events.timeline import timeline
from panel.kept_forms import with_kept_entries
from panel.organizations.forms import ChangeOrganizationForm, NewOrganizationForm
from panel.organizations.links import sites_of_url
from panel.own_lists import OwnLength
from panel.widgets.times import moment, plural
from sites.errors import OrganizationAlreadyAdded
from sites.events import ORGANIZATION
from sites.models import Organization
from sites.querysets import Alphabetical
from sites.services import create_organization, update_organization

MAX_EVENTS = 20


@admin.register(Organization)
class OrganizationAdmin(OwnLength, KnownLookupsOnly, admin.ModelAdmin):
    list_display = ["shown_name", "slug", "shown_sites", "shown_since"]
    list_filter = ()
    search_fields = ["search_text"]
    search_help_text = "Name or slug"
    ordering = [Alphabetical("name").asc()]
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    actions = None
    change_form_template = "panel/organizations/page.html"

    def get_queryset(self, request: HttpRequest) -> Any:
        return Organization.objects.with_locations()

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[QuerySet[Any], bool]:
        return queryset.matching(search_term.strip()), False

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        kwargs["form"] = ChangeOrganizationForm if obj else NewOrganizationForm
        return with_kept_entries(request, super().get_form(request, obj, change, **kwargs))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if not obj:
            return ["name", "slug", "organization_id"]
        return ["name", "slug", "revision_seen"] if self.has_change_permission(request, obj) else ["name", "slug"]

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the refusal of a service as a message on the same page."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except OrganizationAlreadyAdded:
            messages.info(request, "This organization was added already.")
            return HttpResponseRedirect(page_of(request.POST["organization_id"]))
        except DomainError as error:
            messages.error(request, f"{error.detail}. Nothing was saved.")
            return HttpResponseRedirect(request.get_full_path())

    def save_model(self, request: HttpRequest, obj: Organization, form: Any, change: bool) -> None:
        by, at, given = acting_admin(request, Event.Source.ADMIN), timezone.now(), form.cleaned_data
        if change:
            changes = {name: given[name] for name in ("name", "slug")}
            update_organization(obj.pk, changes, by=by, at=at, expected_revisions={given["revision_seen"]})
            return
        created = create_organization(
            name=given["name"], slug=given["slug"] or None, organization_id=given["organization_id"], by=by, at=at
        )
        obj.pk = created.pk  # Django's next page is about `obj`

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """The services record events."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """The services record events."""

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        titles = {"title": "Add an organization"}
        if organization := kwargs.get("obj"):
            events = Event.objects.of(ORGANIZATION, organization.pk).newest_first()[:MAX_EVENTS]
            titles = {"title": organization.name, "page_title": f"{organization.name} · Organizations"}
            context |= {
                "sites_url": sites_of_url(organization.pk),
                "events": timeline(events),
                "events_url": events_url(organization.pk),
            }
        context |= {**titles, "subtitle": None, "show_save_and_continue": False, "show_save_and_add_another": False}
        return super().render_change_form(request, context, *args, **kwargs)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """The history of an organization is the list of events about it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return HttpResponseRedirect(events_url(object_id))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    # --- Columns of the list ---

    @admin.display(description="Organization", ordering=Alphabetical("name"))
    def shown_name(self, organization: Organization) -> str:
        return organization.name

    @admin.display(description="Sites", ordering="locations")
    def shown_sites(self, organization: Any) -> SafeString | str:
        number = organization.locations
        if not number:
            return "none"
        return format_html('<a href="{}">{}</a>', sites_of_url(organization.pk), plural(number, "site"))

    @admin.display(description="Added", ordering="created_at")
    def shown_since(self, organization: Organization) -> SafeString:
        return moment(organization.created_at)


def page_of(organization_id: Any) -> str:
    return reverse("admin:sites_organization_change", args=[organization_id])


def events_url(organization_id: Any) -> str:
    query = urlencode({"subject_type": ORGANIZATION, "subject_id": organization_id})
    return f"{reverse('admin:audit_event_changelist')}?{query}"

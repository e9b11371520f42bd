"""The list of incidents, with its views and filters, and the page of one."""

import uuid
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from alerts.models import AlertChannel, Incident
from common.admin import ReadOnlyAdmin
from panel.alerts.badges import severity_badge
from panel.alerts.incidents.acknowledge import PERMISSION, AcknowledgeView
from panel.alerts.incidents.filters import KindFilter, OpenedFilter, SeverityFilter, SiteFilter, ViewFilter
from panel.alerts.incidents.page import incident_facts
from panel.alerts.mark import MarkView
from panel.own_lists import OwnLength
from panel.widgets.period_filter import PeriodFilter


@admin.register(Incident)
class IncidentAdmin(OwnLength, ReadOnlyAdmin):
    list_display = ["title"]
    sortable_by = ()
    list_filter = [ViewFilter, OpenedFilter, SeverityFilter, KindFilter, SiteFilter]
    linked_lookups = (PeriodFilter.BEGIN, PeriodFilter.END)
    list_select_related = ["site", "acknowledged_by"]
    search_fields = ["title", "detail"]
    search_help_text = "Name of a site, network, or another word of the incident"
    ordering = ["-sequence"]
    change_form_template = "panel/alerts/incidents/page.html"

    def get_urls(self) -> list[URLPattern]:
        in_admin = self.admin_site.admin_view
        return [
            path("acknowledge/", in_admin(AcknowledgeView.as_view()), name="alerts_incident_acknowledge"),
            path("critical/", in_admin(MarkView.as_view()), name="alerts_incident_mark"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        if request.method == "POST":
            return ask_to_acknowledge(request)
        response = super().changelist_view(request, extra_context)
        if changelist := getattr(response, "context_data", {}).get("cl"):
            # A view is no filter: "Clear all filters" and "found" are about the others.
            changelist.has_active_filters = bool(set(changelist.get_filters_params()) - {ViewFilter.parameter_name})
            view = next(spec.value() for spec in changelist.filter_specs if isinstance(spec, ViewFilter))
            response.context_data |= {
                "rows": [(incident, severity_badge(incident)) for incident in changelist.result_list],
                "view": view,
                "can_select": view == "open" and request.user.has_perm(PERMISSION),
                "has_no_channel": request.user.has_perm("alerts.manage_channels")
                and not AlertChannel.objects.in_use().exists(),
            }
        return response

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """By its number, or by its id, as events name it."""
        try:
            return self.get_queryset(request).filter(id=uuid.UUID(object_id)).first()
        except ValueError:
            return super().get_object(request, object_id, from_field)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        incident = kwargs["obj"]
        context |= {"title": incident.title, "page_title": f"{incident.title} · Incidents", "subtitle": None}
        context |= incident_facts(incident, request)
        return super().render_change_form(request, context, *args, **kwargs)


def ask_to_acknowledge(request: HttpRequest) -> HttpResponse:
    """Leads from the list to the page that asks for the note."""
    selected = request.POST.getlist("_selected_action")
    if not selected:
        messages.warning(request, "Select incidents first.")
        return HttpResponseRedirect(request.get_full_path())
    query = urlencode({"incident": selected}, doseq=True)
    return HttpResponseRedirect(f"{reverse('admin:alerts_incident_acknowledge')}?{query}")

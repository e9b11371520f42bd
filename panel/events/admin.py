from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import path
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.roles import PERMISSIONS, Role
from audit.models import Event
from common.admin import ReadOnlyAdmin
from panel.events.export import EventExportView
from panel.events.filters import ActionFilter, ActorFilter, SourceFilter, SubjectTypeFilter
from panel.events.timeline import entry, timeline
from panel.events.words import action_words, actor_url, actor_words, source_words, subject_url
from panel.own_lists import OwnLength
from panel.widgets.period_filter import PeriodFilter


@admin.register(Event)
class EventAdmin(OwnLength, ReadOnlyAdmin):
    list_filter = [PeriodFilter, SubjectTypeFilter, ActionFilter, SourceFilter, ActorFilter]
    search_fields = ["subject_name", "actor_name", "reason", "=subject_id", "=request_id"]
    search_help_text = "Name of a site or an admin, reason; or a whole site id or request id"
    ordering = ["-sequence"]
    change_form_template = "panel/events/page.html"
    linked_lookups = ("subject_id", PeriodFilter.BEGIN, PeriodFilter.END)
    readonly_fields = ["action_label", "subject", "actor_label", "source_label", "address", "changed"]
    fields = [
        "at",
        "action_label",
        "subject",
        "subject_id",
        "actor_label",
        "role",
        "source_label",
        "address",
        "request_id",
        "reason",
        "changed",
        "id",
    ]

    def get_urls(self) -> list[Any]:
        export = self.admin_site.admin_view(EventExportView.as_view(event_admin=self))
        return [path("export.csv", export, name="audit_event_export"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        response = super().changelist_view(request, extra_context)
        if changelist := getattr(response, "context_data", {}).get("cl"):
            response.context_data["entries"] = timeline(changelist.result_list)
        return response

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        event = kwargs["obj"]
        label = action_words(event).label
        context |= {"title": label, "page_title": f"{label} · {event.subject_name}", "subtitle": None}
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description="action")
    def action_label(self, event: Any) -> str:
        return action_words(event).label

    @admin.display(description="subject")
    def subject(self, event: Any) -> SafeString | str:
        url = subject_url(event, PERMISSIONS[Role.VIEWER])
        return format_html('<a href="{}">{}</a>', url, event.subject_name) if url else event.subject_name

    @admin.display(description="actor")
    def actor_label(self, event: Any) -> SafeString | str:
        url = actor_url(event)
        return format_html('<a href="{}">{}</a>', url, event.actor_name) if url else actor_words(event)

    @admin.display(description="source")
    def source_label(self, event: Any) -> str:
        return source_words(event)

    @admin.display(description="address")
    def address(self, event: Any) -> str | None:
        return event.ip

    @admin.display(description="changes")
    def changed(self, event: Any) -> SafeString | str:
        return render_to_string("panel/events/changes.html", {"entry": entry(event)})

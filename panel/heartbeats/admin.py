"""The list of heartbeats, and the page of one."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from heartbeat.models import Heartbeat
from panel.heartbeats.answers import answer_badges
from panel.heartbeats.filters import OF_SITE, AnswerFilter, ReceivedFilter
from panel.sites.of_a_site import OfASiteAdmin
from panel.sites.operations.selection import read_uuid
from panel.widgets.period_filter import read_end
from panel.widgets.times import duration, moment, moment_to_the_second
from sites.models import Site


@admin.register(Heartbeat)
class HeartbeatAdmin(OfASiteAdmin):
    list_display = ("shown_time", "shown_site", "shown_address", "shown_version", "shown_uptime", "shown_answer")
    list_display_links = ["shown_time"]
    list_select_related = ["site"]
    list_filter = [ReceivedFilter, AnswerFilter]
    linked_lookups = (OF_SITE, ReceivedFilter.BEGIN, ReceivedFilter.END)
    sortable_by = ()
    readonly_fields = (*list_display, "shown_due")
    fields = readonly_fields

    def get_ordering(self, request: HttpRequest) -> Any:
        """By time where few rows or an index allow it (see ReceivedFilter), by id otherwise."""
        end = read_end(request.GET.get(ReceivedFilter.END, ""))
        has_ended = end is not None and end <= timezone.now()
        return ["-received_at", "-id"] if has_ended or OF_SITE in request.GET else ["-id"]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        site = site_of(request)
        context = {"title": f"Heartbeats of {site.name}", "site": site} if site else {}
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        context["site"] = kwargs["obj"].site
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description="received")
    def shown_time(self, heartbeat: Heartbeat) -> SafeString:
        return moment_to_the_second(heartbeat.received_at)

    @admin.display(description="site")
    def shown_site(self, heartbeat: Heartbeat) -> SafeString:
        url = reverse("admin:sites_site_change", args=[heartbeat.site_id])
        return format_html('<a href="{}">{}</a>', url, heartbeat.site.name)

    @admin.display(description="from", empty_value="–")
    def shown_address(self, heartbeat: Heartbeat) -> str | None:
        return heartbeat.ip

    @admin.display(description="version")
    def shown_version(self, heartbeat: Heartbeat) -> str:
        return heartbeat.version

    @admin.display(description="running for")
    def shown_uptime(self, heartbeat: Heartbeat) -> str:
        return duration(heartbeat.uptime_seconds)

    @admin.display(description="answer")
    def shown_answer(self, heartbeat: Heartbeat) -> SafeString:
        return SafeString(" ".join(answer_badges(heartbeat)))

    @admin.display(description="next one due by", empty_value="–")
    def shown_due(self, heartbeat: Heartbeat) -> SafeString | None:
        return moment(heartbeat.due_at) if heartbeat.due_at else None


def site_of(request: HttpRequest) -> Site | None:
    """The site to which the list is limited."""
    site_id = read_uuid(request.GET.get(OF_SITE, ""))
    return Site.objects.filter(pk=site_id).only("name").first() if site_id else None

"""The list of sites."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from common.admin import KnownLookupsOnly
from common.moments import ago, moment_ago, until
from panel.badges import badge
from panel.site_filters import LicenseFilter, RegistrationFilter, StatusFilter
from sites.models import Site
from sites.querysets import SiteQuerySet


class SiteListPage(KnownLookupsOnly, admin.ModelAdmin):
    list_display = ["name", "shown_status", "shown_lock", "shown_license", "shown_last_seen"]
    list_filter = [StatusFilter, "is_locked", LicenseFilter, "is_active", RegistrationFilter]
    search_fields = ["search_text"]
    search_help_text = "Name, owner, e-mail or id"
    ordering = ["name", "site_id"]
    list_per_page = 50
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> SiteQuerySet:
        return Site.objects.with_state(at=timezone.now())

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[QuerySet[Site], bool]:
        return (queryset.matching(search_term.strip()) if search_term.strip() else queryset), False

    @admin.display(description="Status", ordering="pulse__due_at")
    def shown_status(self, site: Any) -> SafeString:
        return badge("deregistered" if site.deregistered_at else site.status)

    @admin.display(description="Lock", ordering="is_locked")
    def shown_lock(self, site: Site) -> SafeString:
        if not site.is_locked:
            return badge("open")
        return format_html('{}<br><span class="quiet">{}</span>', badge("locked"), site.lock_reason)

    @admin.display(description="Licence", ordering="license_expires_at")
    def shown_license(self, site: Any) -> SafeString:
        ended = site.license_expires_at <= timezone.now()
        ends = site.license_expires_at
        shown = badge("expired", f"ended {ago(ends)}") if ended else badge("licensed", f"ends {until(ends)}")
        return shown if site.is_active else format_html("{} {}", badge("inactive"), shown)

    @admin.display(description="Last seen", ordering="pulse__last_seen_at")
    def shown_last_seen(self, site: Site) -> SafeString | str:
        seen = site.pulse.last_seen_at
        if seen is None:
            return "never"
        return format_html('{}<br><span class="quiet">version {}</span>', moment_ago(seen), site.pulse.version)

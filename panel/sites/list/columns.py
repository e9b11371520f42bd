"""The list of sites: what its columns show."""

from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.views.main import ERROR_FLAG
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from common.admin import KnownLookupsOnly
from panel.sites.list.changelist import SELECT_ALL, SiteChangeList
from panel.sites.list.filters import (
    ActiveFilter,
    CloneFilter,
    EndingWeekFilter,
    FixedView,
    LicenseFilter,
    LockFilter,
    NewerDecisionFilter,
    OrganizationFilter,
    ReceiptFilter,
    RegistrationFilter,
    StatusFilter,
    TagFilter,
    ToldOfLockFilter,
    VersionFilter,
    ZoneFilter,
)
from panel.sites.saved_views.tabs import tabs_for
from panel.widgets.badges import badge
from panel.widgets.bars import heartbeat_bar
from panel.widgets.times import moment_ago, moment_until
from sites.call_rate import calls_too_often
from sites.models import Site
from sites.querysets import ENDING_SOON, SiteQuerySet
from sites.receipts import ReceiptStage

REASON_SHOWN = 40
ORGANIZATION_PAGE = "admin:sites_organization_change"


class SiteListPage(KnownLookupsOnly, admin.ModelAdmin):
    list_display = [
        "shown_name",
        "shown_state",
        "shown_end",
        "shown_seen",
        "shown_version",
        "shown_week",
        "shown_receipt",
        "shown_organization",
    ]
    list_filter = [
        FixedView,
        StatusFilter,
        LicenseFilter,
        EndingWeekFilter,
        LockFilter,
        ToldOfLockFilter,
        ReceiptFilter,
        ActiveFilter,
        CloneFilter,
        NewerDecisionFilter,
        RegistrationFilter,
        OrganizationFilter,
        TagFilter,
        VersionFilter,
        ZoneFilter,
    ]
    linked_lookups = (LockFilter.parameter_name, ActiveFilter.parameter_name)
    search_fields = ["search_text"]
    search_help_text = "Name, owner, e-mail, phone or id"
    show_facets = admin.ShowFacets.NEVER

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[SiteChangeList]:
        return SiteChangeList

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        selected = request.POST.getlist(ACTION_CHECKBOX_NAME)
        if "index" in request.POST and not (selected and request.POST.get("action")):
            messages.warning(request, "Select sites and an action first.")
            return HttpResponseRedirect(request.get_full_path())
        answer = super().changelist_view(
            request, {"title": "Sites", "saved_views": partial(tabs_for, request, self), **(extra_context or {})}
        )
        if isinstance(answer, HttpResponseRedirect) and answer.url == f"{request.path}?{ERROR_FLAG}=1":
            messages.warning(request, "The list has no such filter, so it shows all sites.")
        return answer

    def get_queryset(self, request: HttpRequest) -> SiteQuerySet:
        return Site.objects.with_state(at=timezone.now())

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[QuerySet[Site], bool]:
        return (queryset.matching(search_term.strip()) if search_term.strip() else queryset), False

    @admin.display(description=SELECT_ALL)
    def action_checkbox(self, site: Site) -> SafeString:
        """Django's own is a form field with a template of its own, for each row: a third of the page's time."""
        html = '<input type="checkbox" name="{}" value="{}" class="action-select" aria-label="{}">'
        return format_html(html, ACTION_CHECKBOX_NAME, site.pk, f"Select {site.name} for an action")

    # --- Columns of the list. Each is ordered by a key of `changelist.ORDERS`, or by triage. ---

    @admin.display(description="Site", ordering="name")
    def shown_name(self, site: Site) -> SafeString:
        return format_html('{}<span class="owner">{}</span>', site.name, site.owner_name)

    @admin.display(description="State", ordering="triage")
    def shown_state(self, site: Any) -> SafeString:
        facts = [badge("deregistered" if site.deregistered_at else site.status)]
        if site.is_locked:
            reason = shortened(site.lock_reason or "")
            facts.append(
                format_html('{} <span class="reason" title="{}">{}</span>', badge("locked"), site.lock_reason, reason)
            )
        if not site.is_active:
            facts.append(badge("inactive"))
        if site.clone_suspected_at and site.deregistered_at is None:
            facts.append(badge("warn", "clone suspected"))
        if calls_too_often(site.pulse, at=timezone.now()):
            facts.append(badge("warn", "calls too often"))
        return format_html_join("", '<div class="fact">{}</div>', ((fact,) for fact in facts))

    @admin.display(description="Licence", ordering="license_expires_at")
    def shown_end(self, site: Site) -> SafeString:
        ends, at = site.license_expires_at, timezone.now()
        if ends <= at:
            return badge("expired", format_html("ended {}", moment_ago(ends)))
        return badge("ending" if ends <= at + ENDING_SOON else "licensed", format_html("ends {}", moment_until(ends)))

    @admin.display(description="Last seen", ordering="last_seen_at")
    def shown_seen(self, site: Site) -> SafeString | str:
        return "never" if site.pulse.last_seen_at is None else moment_ago(site.pulse.last_seen_at)

    @admin.display(description="Version", ordering="version")
    def shown_version(self, site: Site) -> str:
        return site.pulse.version or "–"

    @admin.display(description="Last 7 days")
    def shown_week(self, site: Any) -> SafeString:
        return heartbeat_bar(site.slots)

    @admin.display(description="Receipt")
    def shown_receipt(self, site: Site) -> SafeString | str:
        """Not shown unless it is chosen."""
        stage = site.receipt_stage
        if stage == ReceiptStage.UNREPORTED or site.deregistered_at:
            return "–"
        since = {
            ReceiptStage.REQUESTED: site.updated_at,
            ReceiptStage.DELIVERED: site.pulse.delivered_at,
            ReceiptStage.APPLIED: site.pulse.applied_at,
        }[stage]
        state = badge("done" if stage == ReceiptStage.APPLIED else "none", str(stage.label))
        return format_html("{} {}", state, moment_ago(since)) if since else state

    @admin.display(description="Organization")
    def shown_organization(self, site: Any) -> SafeString | str:
        """Not shown unless it is chosen."""
        if site.organization_id is None:
            return "–"
        return format_html(
            '<a href="{}">{}</a>', reverse(ORGANIZATION_PAGE, args=[site.organization_id]), site.organization_name
        )


def shortened(reason: str) -> str:
    return reason if len(reason) <= REASON_SHOWN else f"{reason[: REASON_SHOWN - 1]}…"

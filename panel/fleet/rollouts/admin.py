"""The list of roll-outs. Their pages are views of their own."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import URLPattern, path

from common.admin import ReadOnlyAdmin
from fleet.rollouts.models import Rollout
from panel.fleet.rollouts.badges import progress_bar, rollout_badge, words_of
from panel.fleet.rollouts.changes import CHANGES, ChangeRolloutView
from panel.fleet.rollouts.counts import RolloutCounts
from panel.fleet.rollouts.creation.views import CreateRolloutView
from panel.fleet.rollouts.filters import StateFilter
from panel.fleet.rollouts.page.views import RolloutHistoryView, RolloutView
from panel.fleet.rollouts.window import WindowView
from panel.own_lists import OwnLength


@admin.register(Rollout)
class RolloutAdmin(OwnLength, ReadOnlyAdmin):
    list_display = ["name"]
    sortable_by = ()
    list_filter = [StateFilter]
    list_select_related = ["firmware"]
    search_fields = ["name", "firmware__product", "firmware__version"]
    search_help_text = "Name, or product or version of the firmware"
    ordering = ["-created_at", "-id"]

    def get_urls(self) -> list[URLPattern]:
        def page(route: str, view: Any, name: str, **options: Any) -> URLPattern:
            in_admin = self.admin_site.admin_view(view.as_view(**options))
            return path(route, in_admin, name=f"rollouts_rollout_{name}")

        return [
            page("add/", CreateRolloutView, "add"),
            page("window/<uuid:site_id>/", WindowView, "window"),
            page("<uuid:rollout_id>/change/", RolloutView, "change"),
            page("<uuid:rollout_id>/history/", RolloutHistoryView, "history"),
            *(
                page(f"<uuid:rollout_id>/{name.replace('_', '-')}/", ChangeRolloutView, name, change=change)
                for name, change in CHANGES.items()
            ),
            # Of Django's pages only the list.
            *(url for url in super().get_urls() if str(url.name).endswith("_changelist")),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        response = super().changelist_view(request, {"title": "Roll-outs", **(extra_context or {})})
        if changelist := getattr(response, "context_data", {}).get("cl"):
            rollouts = list(changelist.result_list)
            counts = RolloutCounts(rollouts)
            response.context_data["rows"] = [
                (rollout, rollout_badge(rollout), progress_bar(numbers), words_of(numbers))
                for rollout in rollouts
                for numbers in [counts.of(rollout.pk)]
            ]
        return response

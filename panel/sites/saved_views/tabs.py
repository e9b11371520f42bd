"""The saved views above the list of sites."""

from dataclasses import dataclass
from typing import Any

from django.contrib.admin import ModelAdmin
from django.http import HttpRequest

from panel.sites.saved_views.queries import is_usable, present_query
from sites.models import SavedView

MAX_TABS = 6


@dataclass(frozen=True)
class Tabs:
    """`views` are pairs of a view and whether the list shows it now; `others` counts those that only their own page shows."""

    views: list[tuple[SavedView, bool]]
    others: int
    query: str


def tabs_for(request: HttpRequest, site_admin: ModelAdmin) -> Tabs:
    """The first few by name, and the one that the list shows."""
    query = present_query(request.GET, site_admin)
    found: list[Any] = list(SavedView.objects.visible_to(request.user))
    usable = [view for view in found if is_usable(view.query, site_admin)]
    views = [(view, bool(query) and view.query == query) for view in usable]
    tabs = [pair for number, pair in enumerate(views) if number < MAX_TABS or pair[1]]
    return Tabs(tabs, len(found) - len(tabs), query or "")

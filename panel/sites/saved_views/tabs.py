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
    """The first few by name, and the one that the list shows. Whether the others can be opened, their page says."""
    query = present_query(request.GET, site_admin) or ""
    found: list[Any] = list(SavedView.objects.visible_to(request.user))
    tabs: list[tuple[SavedView, bool]] = []
    for view in found:
        is_shown = bool(query) and view.query == query
        if is_shown or (len(tabs) < MAX_TABS and is_usable(view.query, site_admin)):
            tabs.append((view, is_shown))
    return Tabs(tabs, len(found) - len(tabs), query)

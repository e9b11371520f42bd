"""The admin of sites: the list with its actions, and the URLs of the pages that are views of their own."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import URLPattern

from panel.sites.clones.urls import urls as clone_urls
from panel.sites.erasure.urls import urls as erasure_urls
from panel.sites.files.urls import urls as file_urls
from panel.sites.imports.export import export_actions
from panel.sites.imports.urls import urls as import_urls
from panel.sites.list.columns import SiteListPage
from panel.sites.notes.urls import urls as note_urls
from panel.sites.operations.actions import operation_actions
from panel.sites.operations.selection import are_site_ids
from panel.sites.operations.urls import urls as operation_urls
from panel.sites.page.urls import urls as page_urls
from panel.sites.registration.urls import urls as registration_urls
from panel.sites.results.urls import urls as result_urls
from panel.sites.saved_views.urls import urls as saved_view_urls
from panel.sites.shares.urls import urls as share_urls
from panel.sites.tags.urls import urls as tag_urls
from sites.models import Site


@admin.register(Site)
class SiteAdmin(SiteListPage):
    """Lists the sites. Each `*/urls.py` below this folder adds the pages of its package."""

    def get_urls(self) -> list[URLPattern]:
        # Before Django's: the pages that register a site and show one take the places of its forms.
        return [
            *registration_urls(self),
            *operation_urls(self),
            *result_urls(self),
            *import_urls(self),
            *erasure_urls(self),
            *clone_urls(self),
            *note_urls(self),
            *file_urls(self),
            *tag_urls(self),
            *share_urls(self),
            *saved_view_urls(self),
            *page_urls(self),
            *super().get_urls(),
        ]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {**super().get_actions(request), **export_actions(request), **operation_actions(request)}

    def response_action(self, request: HttpRequest, queryset: QuerySet[Site], *args: Any, **kwargs: Any) -> Any:
        if not are_site_ids(request.POST.getlist("_selected_action")):
            messages.error(request, "What was selected is not a list of sites. Nothing was done.")
            return HttpResponseRedirect(request.get_full_path())
        return super().response_action(request, queryset, *args, **kwargs)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

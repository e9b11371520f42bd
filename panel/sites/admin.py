"""The admin pages of sites, put together. They show, ask and call services; nothing here changes a site by itself."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import URLPattern

from common.admin import RefusalsAsMessages
from panel.sites.imports.export import ExportsSites
from panel.sites.imports.views import ImportsSites
from panel.sites.list.columns import SiteListPage
from panel.sites.operations.views import OperatesOnSites
from panel.sites.page.urls import urls as page_urls
from panel.sites.registration.views import HandsOutKeys
from sites.models import Site


@admin.register(Site)
class SiteAdmin(RefusalsAsMessages, ExportsSites, ImportsSites, SiteListPage, HandsOutKeys, OperatesOnSites):
    """Each part stands in a module of its own."""

    def get_urls(self) -> list[URLPattern]:
        # Before Django's: the page of a site takes the place of the change form.
        return [*page_urls(self), *super().get_urls()]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

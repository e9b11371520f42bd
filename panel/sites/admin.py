"""The admin pages of sites, put together. They show, ask and call services; nothing here changes a site by itself."""

from django.contrib import admin

from common.admin import RefusalsAsMessages
from panel.sites.imports.export import ExportsSites
from panel.sites.imports.views import ImportsSites
from panel.sites.list.columns import SiteListPage
from panel.sites.operations.views import OperatesOnSites
from panel.sites.page.page import SitePage
from panel.sites.registration.views import HandsOutKeys
from sites.models import Site


@admin.register(Site)
class SiteAdmin(RefusalsAsMessages, ExportsSites, ImportsSites, SiteListPage, HandsOutKeys, OperatesOnSites, SitePage):
    """Each part stands in a module of its own."""

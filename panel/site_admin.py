"""The admin pages of sites, put together. They show, ask and call services; nothing here changes a site by itself."""

from django.contrib import admin

from common.admin import RefusalsAsMessages
from panel.keys import HandsOutKeys
from panel.operating import OperatesOnSites
from panel.site_list import SiteListPage
from panel.site_page import SitePage
from panel.transfer.export import ExportsSites
from panel.transfer.pages import ImportsSites
from sites.models import Site


@admin.register(Site)
class SiteAdmin(RefusalsAsMessages, ExportsSites, ImportsSites, SiteListPage, HandsOutKeys, OperatesOnSites, SitePage):
    """Each part stands in a module of its own."""

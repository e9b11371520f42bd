from django.contrib.admin import ModelAdmin
from django.urls import URLPattern, path

from panel.sites.page.views import SiteHistoryView, SitePageView


def urls(site_admin: ModelAdmin) -> list[URLPattern]:
    """The page of a site takes the place of Django's change form, and the list of its events that of Django's history."""
    in_admin = site_admin.admin_site.admin_view
    return [
        path(
            "<path:object_id>/change/",
            in_admin(SitePageView.as_view(site_admin=site_admin)),
            name="sites_site_change",
        ),
        path(
            "<path:object_id>/history/",
            in_admin(SiteHistoryView.as_view(site_admin=site_admin)),
            name="sites_site_history",
        ),
    ]

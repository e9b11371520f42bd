from django.contrib.admin import ModelAdmin
from django.urls import URLPattern, path

from panel.sites.tags.views import SiteTagsView


def urls(site_admin: ModelAdmin) -> list[URLPattern]:
    in_admin = site_admin.admin_site.admin_view
    return [
        path(
            "<uuid:site_id>/tags/",
            in_admin(SiteTagsView.as_view(site_admin=site_admin)),
            name="sites_site_tags",
        ),
    ]

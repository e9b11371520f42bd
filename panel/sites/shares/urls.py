from django.contrib.admin import ModelAdmin
from django.urls import URLPattern, path

from panel.sites.shares.views import RevokeLinkView, SharePageView


def urls(site_admin: ModelAdmin) -> list[URLPattern]:
    in_admin = site_admin.admin_site.admin_view
    return [
        path(
            "<uuid:site_id>/share/",
            in_admin(SharePageView.as_view(site_admin=site_admin)),
            name="sites_site_share",
        ),
        path(
            "<uuid:site_id>/share/<uuid:link_id>/revoke/",
            in_admin(RevokeLinkView.as_view(site_admin=site_admin)),
            name="sites_site_share_revoke",
        ),
    ]

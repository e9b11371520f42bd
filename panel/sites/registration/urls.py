from django.contrib.admin import ModelAdmin
from django.urls import URLPattern, path

from panel.sites.registration.key_use import KeyUseView
from panel.sites.registration.views import RegisterSiteView, RotateKeyView


def urls(site_admin: ModelAdmin) -> list[URLPattern]:
    in_admin = site_admin.admin_site.admin_view
    return [
        path("add/", in_admin(RegisterSiteView.as_view(site_admin=site_admin)), name="sites_site_add"),
        path(
            "<uuid:site_id>/rotate-key/",
            in_admin(RotateKeyView.as_view(site_admin=site_admin)),
            name="sites_site_rotate",
        ),
        path(
            "<uuid:site_id>/key-use/<int:key_id>/",
            in_admin(KeyUseView.as_view(site_admin=site_admin)),
            name="sites_site_key_use",
        ),
    ]

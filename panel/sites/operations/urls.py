from django.contrib.admin import ModelAdmin
from django.urls import URLPattern, path

from panel.sites.operations.views import ConfirmOperationView


def urls(site_admin: ModelAdmin) -> list[URLPattern]:
    in_admin = site_admin.admin_site.admin_view
    return [
        path(
            "operate/<slug:name>/",
            in_admin(ConfirmOperationView.as_view(site_admin=site_admin)),
            name="sites_site_operate",
        ),
    ]

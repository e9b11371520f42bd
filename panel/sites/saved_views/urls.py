from django.contrib.admin import ModelAdmin
from django.urls import URLPattern, path

from panel.sites.saved_views.views import SavedViewsView, SavedViewView


def urls(site_admin: ModelAdmin) -> list[URLPattern]:
    in_admin = site_admin.admin_site.admin_view
    return [
        path("views/", in_admin(SavedViewsView.as_view(site_admin=site_admin)), name="sites_site_views"),
        path(
            "views/<uuid:view_id>/",
            in_admin(SavedViewView.as_view(site_admin=site_admin)),
            name="sites_site_view",
        ),
    ]

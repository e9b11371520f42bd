from django.contrib.admin import ModelAdmin
from django.urls import URLPattern, path

from panel.sites.results.undo_view import UndoView
from panel.sites.results.views import OperationResultView, RecentOperationsView


def urls(site_admin: ModelAdmin) -> list[URLPattern]:
    in_admin = site_admin.admin_site.admin_view
    return [
        path(
            "operations/",
            in_admin(RecentOperationsView.as_view(site_admin=site_admin)),
            name="sites_site_operations",
        ),
        path(
            "operate/<slug:name>/<uuid:run_id>/",
            in_admin(OperationResultView.as_view(site_admin=site_admin)),
            name="sites_site_operated",
        ),
        path(
            "operate/<slug:name>/<uuid:run_id>/undo/",
            in_admin(UndoView.as_view(site_admin=site_admin)),
            name="sites_site_undo",
        ),
    ]

from django.contrib.admin import ModelAdmin
from django.urls import URLPattern, path

from panel.sites.imports.export import ExportView
from panel.sites.imports.views import ImportView, TemplateFileView, UploadView


def urls(site_admin: ModelAdmin) -> list[URLPattern]:
    in_admin = site_admin.admin_site.admin_view
    return [
        path("export.csv", in_admin(ExportView.as_view(site_admin=site_admin)), name="sites_site_export"),
        path("import/", in_admin(UploadView.as_view(site_admin=site_admin)), name="sites_site_import"),
        path(
            "import/template.csv",
            in_admin(TemplateFileView.as_view(site_admin=site_admin)),
            name="sites_site_import_template",
        ),
        path(
            "import/<uuid:import_id>/",
            in_admin(ImportView.as_view(site_admin=site_admin)),
            name="sites_site_import_review",
        ),
    ]

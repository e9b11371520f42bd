from django.contrib.admin import ModelAdmin
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_exempt

from panel.sites.files import views


def urls(site_admin: ModelAdmin) -> list[URLPattern]:
    in_admin = site_admin.admin_site.admin_view
    file = "<uuid:site_id>/files/<uuid:file_id>/"
    # Its view checks the CSRF token once it knows that this admin may upload: the check reads the whole body.
    add = csrf_exempt(views.AddFileView.as_view(site_admin=site_admin))
    return [
        path(
            "<uuid:site_id>/files/", in_admin(views.FilesView.as_view(site_admin=site_admin)), name="sites_site_files"
        ),
        path("<uuid:site_id>/files/add/", in_admin(add), name="sites_site_add_file"),
        path(f"{file}content/", in_admin(views.ContentView.as_view(), cacheable=True), name="sites_site_file_content"),
        path(f"{file}preview/", in_admin(views.PreviewView.as_view(), cacheable=True), name="sites_site_file_preview"),
        path(
            f"{file}delete/",
            in_admin(views.DeleteFileView.as_view(site_admin=site_admin)),
            name="sites_site_delete_file",
        ),
    ]

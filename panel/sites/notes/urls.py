from django.contrib.admin import ModelAdmin
from django.urls import URLPattern, path

from panel.sites.notes.views import NotesView


def urls(site_admin: ModelAdmin) -> list[URLPattern]:
    in_admin = site_admin.admin_site.admin_view
    return [path("<uuid:site_id>/notes/", in_admin(NotesView.as_view(site_admin=site_admin)), name="sites_site_notes")]

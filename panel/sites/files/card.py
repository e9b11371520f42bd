"""The newest files of a site, on its page."""

from collections.abc import Callable
from typing import NamedTuple

from documents.models import SiteFile
from panel.sites.files.forms import FileForm
from sites.models import Site

SHOWN = 6


class SiteFiles(NamedTuple):
    """`form` is None for a person who may not upload."""

    files: list[SiteFile]
    has_more: bool
    form: FileForm | None
    can_delete: bool


def site_files(site: Site, has_permission: Callable[[str], bool]) -> SiteFiles:
    found = list(SiteFile.objects.of_site(site.pk).select_related("uploaded_by")[: SHOWN + 1])
    return SiteFiles(
        found[:SHOWN], len(found) > SHOWN, form_for(site, has_permission), may_delete(site, has_permission)
    )


def form_for(site: Site, has_permission: Callable[[str], bool]) -> FileForm | None:
    may_add = has_permission("documents.add_sitefile") and site.deregistered_at is None
    return FileForm(auto_id="id_file_%s") if may_add else None


def may_delete(site: Site, has_permission: Callable[[str], bool]) -> bool:
    return has_permission("documents.delete_sitefile") and site.deregistered_at is None

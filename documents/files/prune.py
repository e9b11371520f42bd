"""Deletes the bytes and rows of files that are no longer kept, and bytes without a row."""

from datetime import datetime, timedelta

from django.conf import settings
from django.core.files.storage import default_storage
from django.db.models import Q

from documents.files.errors import FileMissing
from documents.files.services import FOLDER
from documents.models import PREVIEW_SUFFIX, SiteFile

# An upload stores the row within seconds after the bytes.
ORPHANED_AFTER = timedelta(days=1)


def prune_files(*, at: datetime) -> dict[str, int]:
    """How many files, and how many bytes without a row. Raises FileStorageUnavailable; the rest waits for the next time.

    The bytes go first: as long as they are there, the row says so.
    """
    over = Q(deleted_at__isnull=False) | Q(site__deregistered_at__lte=at - settings.FILES_KEPT)
    files = 0
    for file in SiteFile.objects.filter(over).only("stored_as", "content_type").iterator(chunk_size=500):
        for name in file.names_in_storage:
            default_storage.delete(name)
        SiteFile.objects.filter(pk=file.pk).delete()
        files += 1
    return {"files": files, "files_without_a_row": delete_orphans(at=at)}


def delete_orphans(*, at: datetime) -> int:
    """What a crash between the bytes and the row has left, or a storage that did not answer when a file was deleted."""
    try:
        names = {f"{FOLDER}/{name}" for name in default_storage.listdir(FOLDER)[1]}
    except FileNotFoundError:
        return 0  # a storage without folders of its own making, before the first upload
    known = set(SiteFile.objects.values_list("stored_as", flat=True))
    deleted = 0
    for name in sorted(name for name in names if name.removesuffix(PREVIEW_SUFFIX) not in known):
        try:
            if default_storage.get_modified_time(name) > at - ORPHANED_AFTER:
                continue
        except FileMissing:
            continue  # its upload was refused since, and has removed it
        default_storage.delete(name)
        deleted += 1
    return deleted

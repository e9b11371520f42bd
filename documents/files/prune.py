"""Deletes the bytes and rows of files that are no longer kept, and bytes without a row."""

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction

from documents.files.errors import FileMissing, FileStorageUnavailable
from documents.files.services import FOLDER, remove_bytes, remove_name
from documents.models import PREVIEW_SUFFIX, SiteFile
from sites.models import Site
from sites.services import row_for_update

# An upload stores the row within seconds after the bytes.
ORPHANED_AFTER = timedelta(days=1)
# A storage that is down lets each file wait for its time limit.
MAX_FAILURES_IN_A_ROW = 20
BATCH = 1_000


def prune_files(*, at: datetime) -> dict[str, int]:
    """How many files, and how many bytes without a row.

    Raises FileStorageUnavailable at the end if some could not be deleted; they wait for the next time.
    """
    mark_files_of_former_sites(at=at)
    deletions = Deletions()
    files = 0
    marked = SiteFile.objects.filter(deleted_at__isnull=False).only("stored_as", "content_type")
    # In another order each time, so that those that can never be deleted do not keep the others waiting.
    for file in marked.order_by("?").iterator(chunk_size=500):
        # The bytes go first: as long as they are there, the row says so.
        if deletions.note(remove_bytes(file)):
            SiteFile.objects.filter(pk=file.pk).delete()
            files += 1
    orphans = delete_orphans(deletions, at=at)
    if deletions.failed:
        raise FileStorageUnavailable(f"{deletions.failed} files could not be deleted from the storage.")
    return {"files": files, "files_without_a_row": orphans}


def mark_files_of_former_sites(*, at: datetime) -> None:
    """As deleted, which a restored site does not change any more."""
    over = Site.objects.filter(
        deregistered_at__lte=at - settings.FILES_KEPT, files__isnull=False, files__deleted_at=None
    )
    for site_id in list(over.values_list("pk", flat=True).distinct()):
        mark_files(site_id, at=at)


@transaction.atomic
def mark_files(site_id: uuid.UUID, *, at: datetime) -> None:
    site = row_for_update(Site.objects.all(), site_id)
    # It may have been restored since it was looked for.
    if site.deregistered_at is not None and site.deregistered_at <= at - settings.FILES_KEPT:
        SiteFile.objects.present().filter(site=site).update(deleted_at=at)


class Deletions:
    """Counts those that failed. Raises FileStorageUnavailable if many fail in a row."""

    def __init__(self) -> None:
        self.failed = 0
        self.in_a_row = 0

    def note(self, succeeded: bool) -> bool:
        self.in_a_row = 0 if succeeded else self.in_a_row + 1
        self.failed += not succeeded
        if self.in_a_row >= MAX_FAILURES_IN_A_ROW:
            raise FileStorageUnavailable
        return succeeded


def delete_orphans(deletions: Deletions, *, at: datetime) -> int:
    """What a crash between the bytes and the row has left.

    The names in the storage, some 150 bytes each, are held in memory.
    """
    try:
        names = [f"{FOLDER}/{name}" for name in default_storage.listdir(FOLDER)[1]]
    except FileNotFoundError:
        return 0  # a storage without folders of its own making, before the first upload
    deleted = 0
    for start in range(0, len(names), BATCH):
        for name in without_row(names[start : start + BATCH]):
            deleted += is_old(name, at=at) and deletions.note(remove_name(name))
    return deleted


def without_row(names: list[str]) -> list[str]:
    owners = {name: name.removesuffix(PREVIEW_SUFFIX) for name in names}
    known = set(SiteFile.objects.filter(stored_as__in=set(owners.values())).values_list("stored_as", flat=True))
    return [name for name, owner in owners.items() if owner not in known]


def is_old(name: str, *, at: datetime) -> bool:
    try:
        return default_storage.get_modified_time(name) <= at - ORPHANED_AFTER
    except FileMissing:
        return False  # its upload was refused since, and has removed it

"""The part of an erasure for files."""

import uuid
from functools import partial

from django.db import transaction

from documents.files.services import remove_bytes
from documents.models import SiteFile


def files_of(site_id: uuid.UUID) -> int:
    """How many, with those that are deleted but not yet pruned."""
    return SiteFile.objects.filter(site=site_id).count()


def delete_files(site_id: uuid.UUID) -> None:
    """The rows with the caller's transaction, the bytes right after it. Bytes that a storage keeps are pruned as orphans."""
    rows = SiteFile.objects.filter(site=site_id)
    for row in list(rows.only("stored_as", "content_type")):
        transaction.on_commit(partial(remove_bytes, row))
    rows.delete()

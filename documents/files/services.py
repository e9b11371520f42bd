"""Everything that changes the files of a site: one function for each change of state."""

import hashlib
import logging
import tempfile
import uuid
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import cast

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.db import transaction

from accounts.models import Admin
from audit.actors import Actor
from audit.services import record_event
from common.errors import DomainError
from documents.files.content import content_type_of
from documents.files.errors import FileInvalid, FileNotFound, FileTooLarge, QuotaExceeded
from documents.files.folder import temporary_disk_errors
from documents.files.names import clean_file_name
from documents.files.pictures import encode_anew
from documents.files.scan import scan
from documents.models import FileKind, SiteFile
from sites.events import SiteAction, site_subject
from sites.models import Site
from sites.services import row_for_update
from sites.validation import checked_note

FOLDER = "sites"  # of the storage
MAX_FILES_PER_SITE = 1_000

log = logging.getLogger("portcullis.files")


@temporary_disk_errors()
def add_file(
    site_id: uuid.UUID, incoming: TemporaryUploadedFile, *, kind: str, name: str, by: Actor, at: datetime
) -> SiteFile:
    """Check, clean and store a file that has arrived. `name` is what the client calls it. `by` is an admin.

    Raises FileInvalid, UnsupportedFileType, FileRefused, FileTooLarge, QuotaExceeded, SiteNotFound, FileStorageFull,
    FileStorageUnavailable, FileScanUnavailable, PicturesBusy. Nothing is stored then.
    """
    if kind not in FileKind.values:
        raise FileInvalid(f"Must be one of {', '.join(FileKind.values)}.", field="kind")
    if not incoming.size:
        raise FileInvalid("The file is empty.", field="file")
    incoming.flush()
    given = Path(incoming.temporary_file_path())
    found = content_type_of(given)
    # Before the work. A picture has another size after it.
    refuse_over_quota(site_id, more=1 if found.picture_format else incoming.size)
    scan(given)
    with tempfile.TemporaryDirectory(prefix="upload-", dir=settings.FILE_UPLOAD_TEMP_DIR) as folder:
        path, preview = given, Path(folder, "preview")
        if found.picture_format:
            path = Path(folder, "picture")
            encode_anew(given, path, preview, picture_format=found.picture_format)
        row = SiteFile(
            site_id=site_id,
            kind=kind,
            name=clean_file_name(name, extensions=found.extensions),
            content_type=found.media_type,
            size=path.stat().st_size,
            sha256=sha256_of(path),
            stored_as=f"{FOLDER}/{uuid.uuid4()}{found.extensions[0]}",
            uploaded_at=at,
            uploaded_by=cast(Admin, by.admin),
        )
        store(row, path, preview, by=by, at=at)
    return row


def store(row: SiteFile, path: Path, preview: Path, *, by: Actor, at: datetime) -> None:
    """The bytes first: a row always has its bytes. What a crash leaves without a row, `documents.files.prune` deletes."""
    if row.size > settings.FILE_MAX_BYTES:
        raise FileTooLarge(f"The picture has more than {settings.FILE_MAX_BYTES} bytes after it was encoded anew.")
    save_bytes(row.stored_as, path)
    try:
        if row.is_picture:
            save_bytes(row.preview_stored_as, preview)
        insert(row, by=by, at=at)
    except DomainError:
        remove_bytes(row)
        raise


def save_bytes(name: str, path: Path) -> None:
    with path.open("rb") as opened:
        default_storage.save(name, File(opened))


@transaction.atomic
def insert(row: SiteFile, *, by: Actor, at: datetime) -> None:
    # The lock on the site makes the quota exact if two files arrive at once.
    site = row_for_update(Site.objects.live(), row.site_id)
    refuse_over_quota(site.pk, more=row.size)
    row.save(force_insert=True)
    recorded = {name: (None, getattr(row, name)) for name in ("name", "kind", "content_type", "size", "sha256")}
    subject = site_subject(site.pk, site.name)
    record_event(SiteAction.FILE_UPLOADED, subject=subject, by=by, at=at, changes=recorded)


@transaction.atomic
def delete_file(
    site_id: uuid.UUID, file_id: uuid.UUID, *, by: Actor, at: datetime, reason: str | None = None
) -> SiteFile:
    """From now on the file is not served. Its bytes go at once if the storage answers, otherwise with the next pruning.

    Raises InvalidInput, SiteNotFound, FileNotFound.
    """
    reason = checked_note(reason, field="reason")
    site = row_for_update(Site.objects.live(), site_id)
    row: SiteFile | None = SiteFile.objects.of_site(site.pk).filter(pk=file_id).first()
    if row is None:
        raise FileNotFound
    row.deleted_at = at
    row.save(update_fields=["deleted_at"])
    subject = site_subject(site.pk, site.name)
    changes = {"name": (row.name, None), "sha256": (row.sha256, None)}
    record_event(SiteAction.FILE_DELETED, subject=subject, by=by, at=at, reason=reason, changes=changes)
    transaction.on_commit(partial(remove_bytes, row))
    return row


def refuse_over_quota(site_id: uuid.UUID, *, more: int) -> None:
    """Raises QuotaExceeded if the site's files and so many bytes more exceed FILES_BYTES_PER_SITE."""
    count, total = SiteFile.objects.of_site(site_id).count_and_bytes()
    limit = settings.FILES_BYTES_PER_SITE
    if total + more > limit:
        raise QuotaExceeded(f"The files of a site may have {limit} bytes together. Delete one first.")
    if count >= MAX_FILES_PER_SITE:
        raise QuotaExceeded(f"A site may have {MAX_FILES_PER_SITE} files. Delete one first.")


def remove_bytes(row: SiteFile) -> bool:
    """Whether they are gone, with the preview. If the storage fails, the next pruning tries again."""
    return all(remove_name(name) for name in row.names_in_storage)


def remove_name(name: str) -> bool:
    try:
        default_storage.delete(name)
    except DomainError as error:
        log.error("%s could not be deleted from the storage: %s", name, error)
        return False
    return True


def sha256_of(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()

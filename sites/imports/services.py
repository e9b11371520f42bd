"""Uploaded files of sites: kept from the dry run until they are applied, once."""

import uuid
from dataclasses import asdict
from datetime import datetime

from django.db import transaction

from accounts.models import Admin
from audit.actors import Actor
from sites.imports.apply import SiteChange, import_sites
from sites.imports.errors import ImportAlreadyApplied, ImportHasRefusedRows, ImportNotFound
from sites.imports.preview import CHANGE, REFUSED, REGISTER, PlannedRow, preview_rows
from sites.imports.prune import prune_site_imports
from sites.imports.reading import read_file
from sites.limits import MAX_REASON_LENGTH
from sites.models import SiteImport
from sites.services import Registration
from sites.validation import read_values


def start_import(content: bytes, *, file_name: str, admin: Admin, at: datetime) -> SiteImport:
    """Read a file and keep the expected results of its rows for the admin who uploaded it. Raises UnreadableFile."""
    file = read_file(content)
    rows = [asdict(row) for row in preview_rows(file.rows)]
    prune_site_imports(at=at)
    return SiteImport.objects.create(
        admin=admin, created_at=at, file_name=file_name, ignored_columns=file.ignored_columns, rows=rows
    )


def apply_import(import_id: uuid.UUID, *, by: Actor, at: datetime) -> list[Registration]:
    """Write all that the dry run announced, or nothing; the new sites, with their keys.

    Raises ImportNotFound, ImportAlreadyApplied, ImportHasRefusedRows, SitesChanged.
    """
    pending = SiteImport.objects.filter(pk=import_id, admin=by.admin.pk if by.admin else None).first()
    if pending is None:
        raise ImportNotFound
    rows = rows_of(pending)
    if any(row.fate == REFUSED for row in rows):
        raise ImportHasRefusedRows
    # Read before the transaction, so that other changes wait no longer than the writing takes.
    changes = [change_of(row) for row in rows if row.fate == CHANGE]
    new = [read_values(row.after) for row in rows if row.fate == REGISTER]
    with transaction.atomic():
        claim(pending, changed=len(changes), registered=len(new), at=at)
        return import_sites(changes, new, reason=f"import {pending.file_name}"[:MAX_REASON_LENGTH], by=by, at=at)


def claim(pending: SiteImport, *, at: datetime, **counts: int) -> None:
    """Of two that apply the same file, the second waits here for the first and is then refused."""
    still_pending = SiteImport.objects.filter(pk=pending.pk, applied_at=None)
    if not still_pending.update(rows=None, applied_at=at, **counts):
        raise ImportAlreadyApplied


def rows_of(pending: SiteImport) -> list[PlannedRow]:
    return [PlannedRow(**row) for row in pending.rows or []]


def change_of(row: PlannedRow) -> SiteChange:
    return SiteChange(uuid.UUID(row.site_id), row.revision, read_values(row.after))

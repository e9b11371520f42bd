"""Upload a file of sites, which is previewed, and apply it: all of it is written, or nothing."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import Admin
from audit.actors import Actor
from common.errors import InvalidInput
from common.values import clean_text
from sites.errors import OrganizationChanged, SitesChanged
from sites.imports.columns import ORGANIZATION
from sites.imports.errors import ImportAlreadyApplied, ImportHasRefusedRows, ImportNotFound
from sites.imports.preview import PreviewRow, RowResult, preview_rows
from sites.imports.prune import prune_site_imports
from sites.imports.reading import read_file
from sites.limits import MAX_IMPORT_REASON_LENGTH
from sites.models import Organization, Site, SiteImport
from sites.services import Registration, register_site, update_site
from sites.validation import read_values


@dataclass(frozen=True)
class SiteChange:
    """What a row changes of the site, and the reason for its event; `values` as `update_site` takes them."""

    site_id: uuid.UUID
    revision: int
    values: Mapping[str, Any]
    reason: str


def start_import(content: bytes, *, file_name: str, admin: Admin, at: datetime) -> SiteImport:
    """Read a file and keep the expected results of its rows for the admin who uploaded it. Raises UnreadableFile."""
    file = read_file(content)
    rows = [asdict(row) for row in preview_rows(file.rows)]
    prune_site_imports(at=at)
    return SiteImport.objects.create(
        admin=admin, created_at=at, file_name=file_name, ignored_columns=file.ignored_columns, rows=rows
    )


def apply_import(import_id: uuid.UUID, *, by: Actor, at: datetime, reason: str = "") -> list[Registration]:
    """Write everything that the preview showed, or nothing; the new sites, with their keys.

    `reason` is required if a row takes a licence away, and is recorded with these rows.
    Raises InvalidInput, ImportNotFound, ImportAlreadyApplied, ImportHasRefusedRows, SitesChanged,
    OrganizationChanged.
    """
    pending = SiteImport.objects.filter(pk=import_id, admin=by.admin.pk if by.admin else None).first()
    if pending is None:
        raise ImportNotFound
    rows = rows_of(pending)
    if any(row.result == RowResult.REFUSED for row in rows):
        raise ImportHasRefusedRows
    if any(row.takes_license_away for row in rows):
        reason = checked_reason(reason)
    source = f"import {pending.file_name}"
    # Read before the transaction, so that other changes wait no longer than the writing takes.
    ids = organization_ids(rows)
    changes = [
        change_of(row, ids, reason=f"{source}: {reason}" if row.takes_license_away else source)
        for row in rows
        if row.result == RowResult.CHANGE
    ]
    new = [values_of(row, ids) for row in rows if row.result == RowResult.REGISTER]
    with transaction.atomic():
        mark_applied(pending, changed=len(changes), registered=len(new), at=at)
        return import_sites(changes, new, reason=source, by=by, at=at)


def checked_reason(reason: str) -> str:
    try:
        return clean_text(reason, max_length=MAX_IMPORT_REASON_LENGTH, multiline=True)
    except ValidationError as error:
        raise InvalidInput(error.messages[0], field="reason") from error


def mark_applied(pending: SiteImport, *, at: datetime, **counts: int) -> None:
    """If two apply the same file at once, the second waits here for the first and is then refused."""
    still_pending = SiteImport.objects.filter(pk=pending.pk, applied_at=None)
    if not still_pending.update(rows=None, applied_at=at, **counts):
        raise ImportAlreadyApplied


@transaction.atomic
def import_sites(
    changes: Sequence[SiteChange],
    registrations: Sequence[Mapping[str, Any]],
    *,
    reason: str,
    by: Actor,
    at: datetime,
) -> list[Registration]:
    """Change and register sites, with one event for each; `registrations` as `register_site` takes them, with `reason`.

    Raises SitesChanged, and writes nothing, if one of the sites has another revision than in the preview or was
    deregistered.
    """
    lock_sites(changes)
    for change in changes:
        update_site(
            change.site_id, change.values, by=by, at=at, reason=change.reason, expected_revisions={change.revision}
        )
    return [register_site(**facts, by=by, at=at, reason=reason) for facts in registrations]


def lock_sites(changes: Sequence[SiteChange]) -> None:
    """Lock the sites' rows in the order of their ids, so that two imports at once cannot deadlock. Raises SitesChanged."""
    expected = {change.site_id: change.revision for change in changes}
    rows = Site.objects.live().select_for_update(no_key=True).filter(pk__in=expected).order_by("pk")
    present = dict(rows.values_list("pk", "revision"))
    changed = [site_id for site_id, revision in expected.items() if present.get(site_id) != revision]
    if changed:
        raise SitesChanged(changed)


def rows_of(pending: SiteImport) -> list[PreviewRow]:
    return [PreviewRow(**row) for row in pending.rows or []]


def change_of(row: PreviewRow, organizations: Mapping[str, uuid.UUID], *, reason: str) -> SiteChange:
    return SiteChange(uuid.UUID(row.site_id), row.revision, values_of(row, organizations), reason)


def organization_ids(rows: Sequence[PreviewRow]) -> dict[str, uuid.UUID]:
    """The ids of the organizations of these rows, by their slugs."""
    slugs = {row.after[ORGANIZATION] for row in rows if ORGANIZATION in row.after}
    return dict(Organization.objects.filter(slug__in=slugs).values_list("slug", "pk")) if slugs else {}


def values_of(row: PreviewRow, organizations: Mapping[str, uuid.UUID]) -> dict[str, Any]:
    """The row's values as services take them. Raises OrganizationChanged if a slug has changed since the preview."""
    values = dict(row.after)
    slug = values.pop(ORGANIZATION, None)
    if slug is None:
        return read_values(values)
    if slug not in organizations:
        raise OrganizationChanged(f"There is no organization {slug} any more. Upload the file again.")
    return {**read_values(values), "organization_id": organizations[slug]}

"""The preview: the expected result of each row of a file, by the rules of the API, before anything is written."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.core.exceptions import ValidationError

from common.instants import parse_instant
from sites.imports.columns import IDENTITY
from sites.imports.reading import Row, shortened
from sites.models import Site
from sites.services import EDITABLE, printable
from sites.validation import REQUIRED, read_values

MAX_REGISTRATIONS = 200  # their keys are shown on one page


class RowResult(StrEnum):
    REFUSED = "refused"
    CHANGE = "change"
    REGISTER = "register"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class PreviewRow:
    """A row with its expected result; stored as JSON, by these names.

    `after` is what the API would be sent, `before` the site's current values; both hold only what differs. `problems` are
    pairs of a column, empty for the whole row, and a reason.
    """

    line: int
    result: str
    name: str = ""
    site_id: str = ""
    revision: int = 0
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    problems: list[tuple[str, str]] = field(default_factory=list)

    @property
    def deactivates(self) -> bool:
        return self.result == RowResult.CHANGE and self.after.get("is_active") is False

    @property
    def ends_license_earlier(self) -> bool:
        name = "license_expires_at"
        return name in self.before and parse_instant(self.after[name]) < parse_instant(self.before[name])

    @property
    def takes_license_away(self) -> bool:
        return self.deactivates or self.ends_license_earlier


class RowRefused(Exception):
    """Why a row is refused. Raised and caught in this module only."""

    def __init__(self, *problems: tuple[str, str]) -> None:
        self.problems = list(problems)


def preview_rows(rows: list[Row]) -> list[PreviewRow]:
    """The expected result of each row; at most two queries, however many rows."""
    given = FileContext(rows)
    return [preview_row(row, given) for row in rows]


class FileContext:
    """What a row is checked against: the sites that the file names, and the file's other rows."""

    def __init__(self, rows: list[Row]) -> None:
        ids = [each for each in (as_uuid(row.cells.get(IDENTITY, "")) for row in rows) if each]
        self.sites: Mapping[uuid.UUID, Site] = {site.pk: site for site in Site.objects.filter(pk__in=set(ids))}
        self.lines: dict[uuid.UUID, list[int]] = defaultdict(list)
        for row in rows:
            if site_id := as_uuid(row.cells.get(IDENTITY, "")):
                self.lines[site_id].append(row.line)
        new = [row.line for row in rows if IDENTITY not in row.cells and not row.fault]
        self.too_many = set(new[MAX_REGISTRATIONS:])


def preview_row(row: Row, given: FileContext) -> PreviewRow:
    try:
        if row.fault:
            raise RowRefused(("", row.fault))
        return preview_change(row, given) if IDENTITY in row.cells else preview_registration(row, given)
    except RowRefused as refused:
        # Named as in the file, so that a person can find the row.
        name = shortened(row.cells.get("name", ""))
        return PreviewRow(row.line, RowResult.REFUSED, name=name, problems=refused.problems)


def preview_change(row: Row, given: FileContext) -> PreviewRow:
    site = named_site(row, given)
    facts = read_body(body_of(row), row)
    changed = {name: value for name, value in facts.items() if value != getattr(site, name)}
    return PreviewRow(
        row.line,
        RowResult.CHANGE if changed else RowResult.UNCHANGED,
        name=site.name,
        site_id=str(site.pk),
        revision=site.revision,
        before={name: printable(getattr(site, name)) for name in changed},
        after={name: printable(value) for name, value in changed.items()},
    )


def named_site(row: Row, given: FileContext) -> Site:
    site_id = as_uuid(row.cells[IDENTITY])
    if site_id is None:
        raise RowRefused((IDENTITY, f"Not the id of a site: {shortened(row.cells[IDENTITY])}"))
    if len(given.lines[site_id]) > 1:
        other = next(line for line in given.lines[site_id] if line != row.line)
        raise RowRefused((IDENTITY, f"This site is also in line {other}."))
    site = given.sites.get(site_id)
    if site is None:
        raise RowRefused((IDENTITY, "There is no such site. A new site has an empty site_id."))
    if site.deregistered_at:
        raise RowRefused((IDENTITY, f"{site.name} is deregistered. Restore it first."))
    return site


def preview_registration(row: Row, given: FileContext) -> PreviewRow:
    if row.line in given.too_many:
        raise RowRefused(
            ("", f"A file can register at most {MAX_REGISTRATIONS} new sites. Put the others into a second file.")
        )
    body = body_of(row)
    is_active = body.pop("is_active", True)
    facts = read_body(body, row, required=REQUIRED)
    if is_active is not True:
        raise RowRefused(("is_active", "A new site is active: leave the cell empty or write true."))
    after = {name: printable(value) for name, value in facts.items()}
    return PreviewRow(row.line, RowResult.REGISTER, name=facts["name"], after=after)


def read_body(body: dict[str, Any], row: Row, *, required: Collection[str] = ()) -> dict[str, Any]:
    try:
        return read_values(body, required=required)
    except ValidationError as error:
        raise RowRefused(*problems_by_column(error.message_dict, row)) from error


def body_of(row: Row) -> dict[str, Any]:
    """The row as the API would receive it: `is_active` as a boolean."""
    body: dict[str, Any] = {name: row.cells[name] for name in EDITABLE if name in row.cells}
    if "is_active" in body:
        truths = {"true": True, "false": False}
        body["is_active"] = truths.get(body["is_active"].strip().lower(), body["is_active"])
    return body


def problems_by_column(errors: Mapping[str, Iterable[Any]], row: Row) -> Iterable[tuple[str, str]]:
    for column, reasons in errors.items():
        given = f" Given: {shortened(row.cells[column])}" if column in row.cells else ""
        yield column, " ".join(map(str, reasons)) + given


def as_uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text.strip())
    except ValueError:
        return None

"""The preview: the expected result of each row of a file, by the rules of the API, before anything is written."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q

from common.instants import parse_instant
from sites.imports.columns import IDENTITY, ORGANIZATION
from sites.imports.reading import Row, shortened
from sites.models import Organization, Site
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

    `after` is what the API would be sent, but for an organization its slug; `before` is the site's current values. Both hold
    only what differs. `problems` are pairs of a column, empty for the whole row, and a reason.
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
    """The expected result of each row; at most three queries, however many rows."""
    given = FileContext(rows)
    return [preview_row(row, given) for row in rows]


class FileContext:
    """What a row is checked against: the sites and organizations that the file names, and the file's other rows."""

    def __init__(self, rows: list[Row]) -> None:
        ids = [each for each in (as_uuid(row.cells.get(IDENTITY, "")) for row in rows) if each]
        sites = Site.objects.filter(pk__in=set(ids)).select_related("organization")
        self.sites: Mapping[uuid.UUID, Site] = {site.pk: site for site in sites}
        texts = {row.cells[ORGANIZATION].strip() for row in rows if ORGANIZATION in row.cells}
        named = Organization.objects.filter(Q(slug__in=texts) | Q(name__in=texts))
        self.by_slug: dict[str, Organization] = {}
        self.by_name: dict[str, list[Organization]] = defaultdict(list)
        for organization in named if texts else ():
            self.by_slug[organization.slug] = organization
            self.by_name[organization.name].append(organization)
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
    facts = read_facts(body_of(row), row, given)
    present = {name: present_value(site, name) for name in facts}
    changed = {name: value for name, value in facts.items() if value != present[name]}
    return PreviewRow(
        row.line,
        RowResult.CHANGE if changed else RowResult.UNCHANGED,
        name=site.name,
        site_id=str(site.pk),
        revision=site.revision,
        before={name: printable(present[name]) for name in changed},
        after={name: printable(value) for name, value in changed.items()},
    )


def present_value(site: Site, column: str) -> Any:
    if column == ORGANIZATION:
        return site.organization.slug if site.organization else None
    return getattr(site, column)


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
    facts = read_facts(body, row, given, required=REQUIRED)
    if is_active is not True:
        raise RowRefused(("is_active", "A new site is active: leave the cell empty or write true."))
    after = {name: printable(value) for name, value in facts.items()}
    return PreviewRow(row.line, RowResult.REGISTER, name=facts["name"], after=after)


def read_facts(body: dict[str, Any], row: Row, given: FileContext, *, required: Collection[str] = ()) -> dict[str, Any]:
    """The values of the row by column; that of an organization is its slug. Raises RowRefused."""
    facts: dict[str, Any] = {}
    problems: list[tuple[str, str]] = []
    try:
        facts = read_values(body, required=required)
    except ValidationError as error:
        problems += problems_by_column(error.message_dict, row)
    try:
        if ORGANIZATION in row.cells:
            facts[ORGANIZATION] = named_organization(row.cells[ORGANIZATION].strip(), given).slug
    except RowRefused as refused:
        problems += refused.problems
    if problems:
        raise RowRefused(*problems)
    return facts


def named_organization(text: str, given: FileContext) -> Organization:
    """The organization of that slug, else the only one of that name."""
    named = [given.by_slug[text]] if text in given.by_slug else given.by_name.get(text, [])
    if not named:
        raise RowRefused((ORGANIZATION, f"There is no such organization. Add it first. Given: {shortened(text)}"))
    if len(named) > 1:
        slugs = ", ".join(sorted(each.slug for each in named))
        raise RowRefused((ORGANIZATION, f"Several organizations have this name. Write the slug of one: {slugs}."))
    return named[0]


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

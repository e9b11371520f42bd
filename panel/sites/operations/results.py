"""What an operation has done to a site, in words: the page with the result and the message after a single site."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from common.instants import parse_instant
from panel.events.timeline import label_of
from panel.sites.operations.expected_results import ResultKind
from panel.widgets.times import in_zone
from sites.models import Site

ShownValues = Mapping[str, Any]


@dataclass(frozen=True)
class Result:
    """Stored as JSON, by these names."""

    site_id: str
    name: str
    kind: ResultKind
    words: str
    # The operation's opposite would bring the site back.
    is_undoable: bool = False
    # Of a changed site: when the restaurant is told, and the site's revision since.
    told: str = ""
    revision: int | None = None
    # Of the undo of an operation: who did it.
    by: str = ""


def report_path(operation_name: str) -> str:
    """Where `idempotency.services` stores the results of an operation."""
    return f"/admin/sites/site/operate/{operation_name}"


def locked_words(site: Site, shown: ShownValues) -> str:
    """A lock is never refused as stale. Its result therefore says what it replaced, and what the page did not show."""
    replaced = site.just_changed["lock_reason"][0]
    words = f"Locked; your reason replaces “{replaced}”" if replaced else "Locked"
    if replaced == shown.get("lock_reason"):
        return words
    then, now = value_words(shown.get("lock_reason")), value_words(replaced)
    return (
        f"{words}. Somebody changed the lock while you had the page open: its reason was {then} on your page,"
        f" {now} just before"
    )


def new_expiry_words(site: Site, shown: ShownValues) -> str:
    before, after = (in_zone(parse_instant(value)) for value in site.just_changed["license_expires_at"])
    return f"Licence: {before} → {after}"


def tags_words(site: Site, shown: ShownValues) -> str:
    before, after = (", ".join(tags) or "none" for tags in site.just_changed["tags"])
    return f"Tags: {before} → {after}"


def refused_words(differences: Mapping[str, tuple[Any, Any]]) -> str:
    """For a site that was changed since the page was opened; `differences` is that of `SiteChanged`."""
    changes = "; ".join(
        f"{label_of(name)}: {value_words(then)} on your page, {value_words(now)} now"
        for name, (then, now) in differences.items()
    )
    return f"Changed while you had the page open, so nothing was done. {changes}"


def value_words(value: Any) -> str:
    if isinstance(value, datetime):
        return in_zone(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else f"“{value}”"

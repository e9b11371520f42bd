"""Doing an operation to each of many sites, and the report on what became of each."""

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from audit.actors import Actor
from common.errors import DomainError
from common.instants import format_instant, parse_instant
from panel.sites.operations import expected_results as fates
from panel.sites.operations.registry import Operation
from sites.errors import SiteChanged, SiteNotFound
from sites.models import Site

DONE = "done"
MOMENTS = ("locked_at", "license_expires_at", "deregistered_at")


@dataclass(frozen=True)
class Outcome:
    """`kind` is DONE, or UNCHANGED or REFUSED as in `panel.sites.operations.expected_results`. Stored as JSON."""

    site_id: str
    name: str
    kind: str
    words: str


def carry_out(
    operation: Operation,
    sites: Sequence[Site],
    *,
    shown: Mapping[uuid.UUID, Mapping[str, Any]],
    facts: Mapping[str, Any],
    by: Actor,
) -> list[dict[str, str]]:
    """One transaction and one event a site; what one site refuses does not keep the others waiting."""
    outcomes = [
        Outcome(str(site.pk), site.name, *do_to(operation, site, shown=shown[site.pk], facts=facts, by=by))
        for site in sites
    ]
    return [asdict(outcome) for outcome in outcomes]


def do_to(
    operation: Operation, site: Site, *, shown: Mapping[str, Any], facts: Mapping[str, Any], by: Actor
) -> tuple[str, str]:
    if not operation.is_never_stale:
        facts = {**facts, "expected": shown}
    try:
        after = operation.service(site.pk, by=by, at=timezone.now(), **facts)
    except operation.done_before:
        return fates.UNCHANGED, "Was done already"
    except SiteNotFound:
        return fates.REFUSED, "Deregistered: restore it first"
    except SiteChanged as error:
        return fates.REFUSED, fates.what_changed(error.differences)
    except DomainError as error:
        return fates.REFUSED, error.detail
    if not after.just_changed:
        return fates.UNCHANGED, "Nothing to do"
    return DONE, operation.outcome(after) + what_it_overtook(operation, after, shown)


def what_it_overtook(operation: Operation, after: Site, shown: Mapping[str, Any]) -> str:
    """Where an operation goes through on a site that somebody changed meanwhile, the person must know."""
    if not operation.is_never_stale:
        return ""
    before = {name: after.just_changed.get(name, (None, None))[0] for name in ("lock_reason",)}
    if before["lock_reason"] == shown.get("lock_reason"):
        return ""
    then, now = fates.in_words(shown.get("lock_reason")), fates.in_words(before["lock_reason"])
    return f". Somebody changed the lock while you had the page open: its reason was {then} on your page, {now} just before"


def shown_of(operation: Operation, site: Site) -> str:
    """What the confirmation page shows of a site and the person decides on, for the form to bring back."""
    values = [getattr(site, name) for name in operation.decided_on]
    plain = [format_instant(value) if isinstance(value, datetime) else value for value in values]
    # As it is, not in escapes: the longest reasons of AT_ONCE sites must fit into one form.
    return json.dumps(plain, ensure_ascii=False)


def read_shown(operation: Operation, posted: str) -> dict[str, Any]:
    """The reverse of `shown_of`. A form that says nothing readable showed nothing: then no value can be as shown."""
    try:
        values = json.loads(posted)
        refuse_unstorable(values)
        pairs = dict(zip(operation.decided_on, values, strict=True))
        return {name: parse_instant(value) if name in MOMENTS and value else value for name, value in pairs.items()}
    except (ValueError, TypeError, RecursionError):
        return dict.fromkeys(operation.decided_on, "nothing")


def refuse_unstorable(values: Iterable[Any]) -> None:
    """JSON spells what no site ever held and no database keeps: the report quotes these values. Raises ValueError."""
    for text in (value for value in values if isinstance(value, str)):
        if "\0" in text:
            raise ValueError("holds NUL")
        text.encode()

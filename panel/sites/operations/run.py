"""Runs an operation on each of the selected sites and returns a result for each."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from django.utils import timezone

from audit.actors import Actor
from common.errors import DomainError
from panel.sites.next_heartbeat import told_at
from panel.sites.operations.expected_results import ResultKind
from panel.sites.operations.registry import Operation
from panel.sites.operations.results import Result, ShownValues, refused_words
from sites.errors import SiteChanged, SiteNotFound
from sites.models import Site


def run_operation(
    operation: Operation,
    sites: Sequence[Site],
    *,
    shown: Mapping[uuid.UUID, ShownValues],
    arguments: Mapping[str, Any],
    by: Actor,
) -> list[dict[str, Any]]:
    """Each site is one transaction and one event: a site that is refused does not keep the others from being changed.

    `arguments` are the service's, `shown` what the page showed. Returns a `Result` as JSON for each site, in order.
    """
    return [asdict(run_on_site(operation, site, shown=shown[site.pk], arguments=arguments, by=by)) for site in sites]


def run_on_site(
    operation: Operation, site: Site, *, shown: ShownValues, arguments: Mapping[str, Any], by: Actor
) -> Result:
    result = partial(Result, str(site.pk), site.name)
    if not operation.is_unconditional:
        arguments = {**arguments, "expected": shown}
    try:
        changed = operation.service(site.pk, by=by, at=timezone.now(), **arguments)
    except operation.already_done_errors:
        return result(ResultKind.UNCHANGED, "Already done")
    except SiteNotFound:
        return result(ResultKind.REFUSED, "Deregistered: restore it first")
    except SiteChanged as error:
        return result(ResultKind.REFUSED, refused_words(error.differences))
    except DomainError as error:
        return result(ResultKind.REFUSED, error.detail)
    if not changed.just_changed:
        return result(ResultKind.UNCHANGED, "Nothing to do")
    is_undoable = bool(operation.opposite) and operation.is_undone_by_opposite(changed)
    told = f"told {told_at(site, at=timezone.now())}" if operation.is_told else ""
    return result(ResultKind.DONE, operation.done_words(changed, shown), is_undoable, told, changed.revision)

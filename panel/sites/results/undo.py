"""Undoes an operation: each site goes back to what it was, unless somebody has changed it since."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from django.utils import timezone

from audit.actors import Actor
from audit.models import Event
from common.errors import DomainError
from idempotency.models import IdempotentRequest
from panel.events.words import actor_words
from panel.sites.next_heartbeat import told_at
from panel.sites.operations.expected_results import ResultKind
from panel.sites.operations.registry import Operation
from panel.sites.operations.results import Result
from panel.sites.results.inverses import INVERSES, Inverse
from panel.widgets.times import in_zone_near
from sites.errors import SiteChanged
from sites.events import RAISE_THE_REVISION, SITE
from sites.models import Site

UNDO_WITHIN = timedelta(minutes=10)
# By so much the clocks of two servers may differ.
CLOCK_DIFFERENCE = timedelta(minutes=1)


@dataclass(frozen=True)
class Step:
    """What the undo does to a site. `event` is the newest decision about it, which is the operation's unless it was changed."""

    site: Site
    revision: int
    event: Event | None

    @property
    def is_changed(self) -> bool:
        return self.event is None or self.site.revision != self.revision


def undo_until(report: IdempotentRequest) -> datetime:
    return report.created_at + UNDO_WITHIN


def explanation_of(report: IdempotentRequest, operation: Operation) -> str:
    """The reason of the events."""
    return f"Undo of “{operation.label}” at {report.created_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def revisions_of(results: Sequence[Mapping[str, Any]]) -> dict[uuid.UUID, int]:
    """Of the sites that the operation changed: the revision just after it."""
    return {
        uuid.UUID(result["site_id"]): result["revision"]
        for result in results
        if result["kind"] == ResultKind.DONE and result.get("revision")
    }


def plan_undo(report: IdempotentRequest) -> list[Step]:
    """A step for each site that the operation changed, by name. Two statements."""
    revisions = revisions_of(report.body or [])
    # Before the sites: if a site still has its revision after that, its event is that of the operation.
    events = newest_decisions(revisions, since=report.created_at - CLOCK_DIFFERENCE)
    sites = Site.objects.select_related("pulse").filter(pk__in=revisions).sorted_by("name")
    return [Step(site, revisions[site.pk], events.get(str(site.pk))) for site in sites]


def newest_decisions(site_ids: Mapping[uuid.UUID, int] | Sequence[uuid.UUID], *, since: datetime) -> dict[str, Event]:
    """The event of the newest change of each site's revision, by the site's id as events hold it."""
    events = Event.objects.filter(
        subject_type=SITE, subject_id__in=[str(pk) for pk in site_ids], action__in=RAISE_THE_REVISION, at__gte=since
    )
    return {event.subject_id: event for event in events.order_by("sequence")}


def run_undo(report: IdempotentRequest, operation: Operation, *, by: Actor) -> list[dict[str, Any]]:
    """Each site is one transaction and one event. Returns a `Result` as JSON for each site."""
    return [asdict(undo_site(step, report, operation, by=by)) for step in plan_undo(report)]


def undo_site(step: Step, report: IdempotentRequest, operation: Operation, *, by: Actor) -> Result:
    site, event, inverse = step.site, step.event, INVERSES[operation.name]
    result = partial(Result, str(site.pk), site.name, by=by.admin.username if by.admin else "")
    explanation = explanation_of(report, operation)
    if event is not None and event.reason == explanation:
        return result(ResultKind.UNCHANGED, "Undone already")
    if event is None or step.is_changed:
        return result(ResultKind.REFUSED, changed_words(event, at=timezone.now()))
    at = timezone.now()
    try:
        changed = inverse.run(
            site.pk, event.changes, explanation=explanation, by=by, at=at, expected_revisions={step.revision}
        )
    except SiteChanged:
        newest = newest_decisions([site.pk], since=report.created_at - CLOCK_DIFFERENCE).get(str(site.pk))
        return result(ResultKind.REFUSED, changed_words(newest, at=at))
    except DomainError as error:
        return result(ResultKind.REFUSED, error.detail)
    return result(
        ResultKind.DONE, inverse.words(event.changes)[1], False, told_words(inverse, site, at=at), changed.revision
    )


def told_words(inverse: Inverse, site: Site, *, at: datetime) -> str:
    return f"told {told_at(site, at=at)}" if inverse.is_told else ""


def changed_words(event: Event | None, *, at: datetime) -> str:
    """As in "Changed since by carla at 20:16 CET: left as it is"."""
    by = f" by {actor_words(event)} at {in_zone_near(event.at, now=at)}" if event else ""
    return f"Changed since{by}: left as it is"

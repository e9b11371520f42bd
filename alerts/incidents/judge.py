"""Compares the incidents with their causes: opens those that are missing, resolves those whose cause is gone.

The worker runs it every ALERT_CHECK_SECONDS. It asks for the sites in sets, with a number of statements that does not depend on
how many sites there are.
"""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef

from alerts.evidence.timeline import read_timeline
from alerts.incidents.conditions import ENDING_DAYS, Condition, conditions, ending_stage
from alerts.incidents.offline import judge_silence
from alerts.incidents.outages import judge_outages
from alerts.incidents.services import (
    NewIncident,
    batches,
    open_incidents,
    resolve_incidents,
    update_incidents,
    with_sites,
)
from alerts.incidents.sign_ins import judge_sign_ins
from alerts.incidents.words import resolution, site_detail, site_title
from alerts.kinds import Kind
from alerts.models import Incident
from sites.models import Site

BATCH_SIZE = 200


def check_alerts(*, at: datetime) -> dict[str, int] | None:
    """How many incidents were opened and resolved; None if none was."""
    timeline = read_timeline(at=at)
    of_kinds = dict(conditions(timeline, at=at))
    silence = of_kinds.pop(Kind.SITE_OFFLINE)
    unresolved = unresolved_kinds()
    opened, resolved = judge_silence(silence, timeline, unresolved, at=at)
    for kind, condition in of_kinds.items():
        opened_of_kind, resolved_of_kind = judge_sites(kind, condition, is_known=kind in unresolved, at=at)
        opened, resolved = opened + opened_of_kind, resolved + resolved_of_kind
    if Kind.LICENSE_ENDING in unresolved:
        update_ending_licenses(at=at)
    for judge in (judge_outages, judge_sign_ins):
        opened_of_kind, resolved_of_kind = judge(unresolved, at=at)
        opened, resolved = opened + opened_of_kind, resolved + resolved_of_kind
    return {"opened": opened, "resolved": resolved} if opened or resolved else None


def unresolved_kinds() -> Collection[str]:
    """What was there before this run: most of the time few kinds, and nothing has to be asked about the others."""
    return set(Incident.objects.unresolved().order_by().values_list("kind", flat=True).distinct())


def judge_sites(kind: Kind, condition: Condition, *, is_known: bool, at: datetime) -> tuple[int, int]:
    """How many incidents of the kind were opened and resolved; `is_known` if some may be unresolved."""
    over, ended = sort_over(kind, condition, at=at) if is_known else ({}, {})
    # That the licence has ended is an incident of its own.
    replaced_by = Kind.LICENSE_ENDED if kind == Kind.LICENSE_ENDING else None
    new = [new_incident(kind, site, at=at) for site in sites_without(kind, condition, is_known=is_known)]
    opened = resolved = 0
    # Each batch is a transaction of its own: on SQLite heartbeats wait until it ends.
    for numbers in batches(list(over), BATCH_SIZE):
        resolved += len(resolve_incidents(numbers, at=at, because=over))
    for numbers in batches(list(ended), BATCH_SIZE):
        resolved += len(resolve_incidents(numbers, at=at, because=ended, replaced_by=replaced_by))
    for some in batches(new, BATCH_SIZE):
        opened += len(open_incidents(some, at=at))
    return opened, resolved


def sites_without(kind: Kind, condition: Condition, *, is_known: bool) -> Iterator[Site]:
    """Live sites that have the cause and no unresolved incident of that kind."""
    sites = uncovered = Site.objects.live().filter(condition.begins)
    if is_known:
        unresolved = Incident.objects.unresolved().filter(kind=kind, site=OuterRef("pk"))
        uncovered = sites.filter(~Exists(unresolved))
    # Most of the time there is none: then the other columns are not asked for.
    found = list(uncovered.order_by("pk").values_list("pk", flat=True))
    for batch in batches(found):
        # Once more by the condition: a site may have changed since.
        yield from sites.filter(pk__in=batch).select_related("pulse").order_by("pk")


def sort_over(kind: Kind, condition: Condition, *, at: datetime) -> tuple[dict[int, str], dict[int, str]]:
    """The incidents whose site does not have the cause any more, and those of them whose licence has ended.

    Both are {number of the incident: why it is over}.
    """
    still = Site.objects.live().filter(condition.holds, pk=OuterRef("site"))
    over_now = Incident.objects.unresolved().filter(~Exists(still), kind=kind)
    over: dict[int, str] = {}
    ended: dict[int, str] = {}
    for incident in with_sites(over_now):
        has_ended = incident.site.license_expires_at <= at and not incident.site.deregistered_at
        (ended if has_ended else over)[incident.pk] = resolution(kind, incident.site, at=at)
    return over, ended


def new_incident(kind: Kind, site: Site, *, at: datetime) -> NewIncident:
    stage = None
    if kind == Kind.LICENSE_ENDING:
        left = site.license_expires_at - at
        stage = min(days for days in ENDING_DAYS if left <= timedelta(days=days))
    since = {
        Kind.LOCK_NOT_TAKEN_UP: site.locked_at,
        Kind.CALLS_WITHOUT_LICENSE: site.license_expires_at,
        Kind.LICENSE_ENDED: site.license_expires_at,
        Kind.CLONE_SUSPECTED: site.pulse.clone_suspected_at,
    }.get(kind)
    return NewIncident(
        kind,
        site_title(kind, site, stage=stage),
        site_detail(kind, site),
        since=since or at,
        site_id=site.pk,
        stage=stage,
    )


@transaction.atomic
def update_ending_licenses(*, at: datetime) -> None:
    """Remind of licences that have come nearer to their end, and correct what is said of those that were extended a little."""
    stage_now = ending_stage("site__license_expires_at", at=at)
    ending = Incident.objects.unresolved().filter(kind=Kind.LICENSE_ENDING).annotate(stage_now=stage_now)
    changed = ending.exclude(stage_now=F("stage")).select_for_update(of=("self",)).order_by("pk")
    nearer: list[Incident] = []
    farther: list[Incident] = []
    for incident in with_sites(changed):
        (nearer if incident.stage_now < incident.stage else farther).append(incident)
        incident.stage = incident.stage_now
        incident.title = site_title(Kind.LICENSE_ENDING, incident.site, stage=incident.stage)
        incident.detail = site_detail(Kind.LICENSE_ENDING, incident.site)
    fields = ("stage", "title", "detail")
    if nearer:
        update_incidents(nearer, at=at, fields=fields)
    if farther:
        update_incidents(farther, at=at, fields=fields, is_told=False)

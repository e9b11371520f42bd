"""Sites that are offline, alone or together.

Sites that become silent within 15 minutes have a common cause if at least five of them share a network or an organization, or
if they are a fifth of all that should have called: then one incident takes the place of theirs. Sites that become silent later
for the same cause join it without a message. The cause is gone when few of them are left; after a while these get incidents of
their own.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q

from alerts.evidence.timeline import Timeline
from alerts.incidents.conditions import Condition
from alerts.incidents.grouping import (
    EVERYWHERE,
    SMALLEST_GROUP,
    WINDOW,
    CommonCause,
    Silence,
    cause_in,
    common_causes,
    earlier_subject,
    organization_in,
)
from alerts.incidents.services import (
    NewIncident,
    batches,
    locked,
    open_incidents,
    resolve_incidents,
    update_incidents,
    with_sites,
)
from alerts.incidents.words import Shared, resolution, site_detail, site_title, together_detail, together_title
from alerts.kinds import Kind, State
from alerts.models import Incident, IncidentSite
from alerts.querysets import IncidentQuerySet
from common.web.client_address import surrounding_network
from heartbeat.schedule import SPREAD
from sites.models import Organization, Site
from sites.querysets import SiteQuerySet, licensed_at

BATCH_SIZE = 1_000
NAMED = 5


@transaction.atomic
def judge_silence(
    condition: Condition, timeline: Timeline, unresolved: Collection[str], *, at: datetime
) -> tuple[int, int]:
    """How many incidents were opened and resolved. `unresolved` are the kinds of which some may be unresolved."""
    are_together = Kind.SITES_OFFLINE_TOGETHER in unresolved
    resolved = resolve_heard(condition, at=at) if Kind.SITE_OFFLINE in unresolved else 0
    if are_together:
        # An acknowledgement waits, so that its message does not come between.
        locked(unresolved_groups())
        let_heard_leave(condition, at=at)
        resolved += len(resolve_faded(at=at))
    # Five columns of them: after a fault of a provider these may be many thousands.
    facts = newly_silent(condition).values_list(
        "pk", "pulse__due_at", "pulse__last_seen_at", "pulse__last_seen_ip", "organization"
    )
    silences = [
        Silence(
            site_id,
            timeline.silent_at(due_at, settings.HEARTBEAT_GRACE, heard_at=heard_at),
            surrounding_network(ip),
            organization=organization,
        )
        for site_id, due_at, heard_at, ip, organization in facts
    ]
    left = join_common_causes(silences, at=at) if are_together else silences
    opened = 0
    if left:
        causes = new_causes(left, timeline, at=at)
        if causes:
            opened, replaced = open_together(causes, at=at)
            resolved += replaced
        grouped = {silence.site_id for cause in causes for silence in cause.silences}
        alone = [silence for silence in left if silence.site_id not in grouped]
        opened += len(open_incidents(incidents_of(alone), at=at))
    if are_together:
        update_common_causes(at=at)
    return opened, resolved


def silent_still(condition: Condition) -> SiteQuerySet:
    sites: SiteQuerySet = Site.objects.live().filter(condition.holds)
    return sites


def resolve_heard(condition: Condition, *, at: datetime) -> int:
    still = silent_still(condition).filter(pk=OuterRef("site"))
    over = Incident.objects.unresolved().filter(~Exists(still), kind=Kind.SITE_OFFLINE)
    because = {one.pk: resolution(Kind.SITE_OFFLINE, one.site, at=at) for one in with_sites(over)}
    return len(resolve_incidents(because, at=at, because=because))


def let_heard_leave(condition: Condition, *, at: datetime) -> None:
    still = silent_still(condition).filter(pk=OuterRef("site"))
    IncidentSite.objects.present().filter(~Exists(still)).update(left_at=at)


def newly_silent(condition: Condition) -> SiteQuerySet:
    """Silent sites that no unresolved incident covers."""
    own = Incident.objects.unresolved().filter(kind=Kind.SITE_OFFLINE, site=OuterRef("pk"))
    member = IncidentSite.objects.present().filter(site=OuterRef("pk"))
    sites: SiteQuerySet = Site.objects.live().filter(condition.begins).filter(~Exists(own), ~Exists(member))
    return sites


def incidents_of(silences: Sequence[Silence]) -> Iterator[NewIncident]:
    kind = Kind.SITE_OFFLINE
    for batch in batches(silences):
        sites = Site.objects.select_related("pulse").in_bulk([silence.site_id for silence in batch])
        for silence in batch:
            site = sites[silence.site_id]
            detail = site_detail(kind, site)
            yield NewIncident(kind, site_title(kind, site), detail, since=silence.since, site_id=site.pk)


# --- Common causes: new ones ---


def new_causes(silences: Sequence[Silence], timeline: Timeline, *, at: datetime) -> list[CommonCause]:
    """Those that these sites have in common, also with sites that are offline since shortly before."""
    earliest = min(silence.since for silence in silences) - WINDOW
    alone = Incident.objects.filter(kind=Kind.SITE_OFFLINE, state=State.OPEN, since__gte=earliest)
    columns = ("pk", "site", "since", "site__pulse__last_seen_ip", "site__organization")
    known = [
        Silence(site_id, since, surrounding_network(ip), incident, organization)
        for incident, site_id, since, ip, organization in alone.values_list(*columns)
    ]

    def calling_since(moment: datetime) -> int:
        moment = timeline.heard_since(moment, settings.HEARTBEAT_GRACE)
        with_service = licensed_at(at) & Q(is_locked=False)
        return Site.objects.live().filter(with_service, pulse__last_seen_at__gte=moment, pulse__due_at__gte=at).count()

    causes = common_causes([*silences, *known], calling_since=calling_since)
    return [cause for cause in causes if any(silence.incident is None for silence in cause.silences)]


def open_together(causes: Sequence[CommonCause], *, at: datetime) -> tuple[int, int]:
    """Open an incident for each cause in place of those of its sites; how many were opened, and how many replaced."""
    by_subject: dict[str, list[Silence]] = {}
    for cause in causes:
        by_subject.setdefault(cause.subject, []).extend(cause.silences)
    release_subjects(by_subject)
    opened = open_incidents([together(subject, of) for subject, of in by_subject.items()], at=at)
    replaced = 0
    for incident in opened:
        of_incident = by_subject[incident.subject]
        alone = [silence.incident for silence in of_incident if silence.incident is not None]
        because = dict.fromkeys(alone, "Over: it is part of a common cause.")
        replaced += len(resolve_incidents(alone, at=at, because=because, replaced_by=Kind.SITES_OFFLINE_TOGETHER))
        add_members(incident, of_incident, at=at)
    return len(opened), replaced


def release_subjects(subjects: Iterable[str]) -> None:
    """Give the earlier common causes of these subjects another one, so that later ones are not taken for them."""
    for group in locked(unresolved_groups().filter(subject__in=list(subjects))):
        group.subject = earlier_subject(group.subject, group.pk)
        group.save(update_fields=["subject"])


def together(subject: str, silences: Sequence[Silence]) -> NewIncident:
    since = [silence.since for silence in silences]
    names = Site.objects.filter(pk__in=[silence.site_id for silence in silences[:NAMED]]).order_by("name")
    count = len(silences)
    return NewIncident(
        Kind.SITES_OFFLINE_TOGETHER,
        together_title(shared(subject), count, min(since), max(since)),
        together_detail(shared(subject), list(names.values_list("name", flat=True)), count),
        since=min(since),
        subject=subject,
        site_count=count,
        stage=count,
    )


def shared(cause: str) -> Shared:
    """What the sites have in common, in words."""
    organization_id = organization_in(cause)
    if organization_id is None:
        return Shared(network=cause)
    return Shared(organization=Organization.objects.values_list("name", flat=True).get(pk=organization_id))


def add_members(incident: Incident, silences: Iterable[Silence], *, at: datetime) -> None:
    rows = [IncidentSite(incident=incident, site_id=one.site_id, since=one.since, joined_at=at) for one in silences]
    IncidentSite.objects.bulk_create(rows, batch_size=BATCH_SIZE, ignore_conflicts=True)


# --- Common causes: those that are known ---


def join_common_causes(silences: Sequence[Silence], *, at: datetime) -> list[Silence]:
    """Let sites join the unresolved incident of their cause; returns the others."""
    of_cause: dict[str, list[Incident]] = defaultdict(list)
    for group in unresolved_groups().annotate(newest=Max("members__since")).order_by("-pk"):
        of_cause[cause_in(group.subject)].append(group)
    left: list[Silence] = []
    joining: dict[Incident, list[Silence]] = defaultdict(list)
    for silence in silences:
        subjects = [*filter(None, silence.subjects), EVERYWHERE]
        candidates = [group for subject in subjects for group in of_cause[subject]]
        cause = next((group for group in candidates if may_be_cause(group, silence)), None)
        if cause:
            joining[cause].append(silence)
        else:
            left.append(silence)
    for group, of_group in joining.items():
        add_members(group, of_group, at=at)
    return left


def may_be_cause(group: Any, silence: Silence) -> bool:
    """`group.newest` is when its last site became silent."""
    # By then each site that lost its connection has missed a heartbeat: later silences have another cause.
    end = group.since + settings.HEARTBEAT_INTERVAL * (1 + SPREAD) + WINDOW
    if cause_in(group.subject) == EVERYWHERE:
        end = min(end, group.newest + WINDOW)
    return bool(group.since - WINDOW <= silence.since <= end)


def unresolved_groups() -> IncidentQuerySet:
    return Incident.objects.unresolved().filter(kind=Kind.SITES_OFFLINE_TOGETHER)


def resolve_faded(*, at: datetime) -> list[Incident]:
    """Resolve the common causes that are gone: without a site, or for ALERT_RETURN_SECONDS with few of those that it had."""
    groups = unresolved_groups().annotate(present=present_members(), ever=Count("members__site", distinct=True))
    gone: list[int] = []
    empty: list[int] = []
    for group in groups:
        is_fading = group.present < SMALLEST_GROUP and 2 * group.present <= group.ever
        fading_since = (group.fading_since or at) if is_fading else None
        if fading_since != group.fading_since:
            group.fading_since = fading_since
            group.save(update_fields=["fading_since"])
        if group.present == 0:
            empty.append(group.pk)
        elif fading_since and fading_since + settings.ALERT_RETURN <= at:
            gone.append(group.pk)
    because = dict.fromkeys(empty, "Over: all have called again.")
    because |= dict.fromkeys(gone, "Over: the sites that are still silent have incidents of their own.")
    return resolve_incidents(because, at=at, because=because)


def present_members() -> Count:
    return Count("members", filter=Q(members__left_at=None), distinct=True)


def update_common_causes(*, at: datetime) -> None:
    """Correct what is said of a common cause whose sites have changed; tell it again when they have doubled."""
    counted = unresolved_groups().annotate(
        present=present_members(),
        ever=Count("members__site", distinct=True),
        first=Min("members__since"),
        last=Max("members__since"),
        newest_join=Max("members__joined_at"),
        newest_leave=Max("members__left_at"),
    )
    changed = Q(newest_join__gt=F("updated_at")) | Q(newest_leave__gt=F("updated_at")) | ~Q(present=F("site_count"))
    for group in counted.filter(changed).select_related("acknowledged_by"):
        present = IncidentSite.objects.present().filter(incident=group).order_by("site__name")
        names = list(present.values_list("site__name", flat=True)[:NAMED])
        has_doubled = group.ever >= 2 * (group.stage or 1)
        group.site_count = group.present
        group.stage = group.ever if has_doubled else group.stage
        in_common = shared(cause_in(group.subject))
        group.title = together_title(in_common, group.ever, group.first, group.last)
        group.detail = together_detail(in_common, names, group.present, back=group.ever - group.present)
        fields = ("site_count", "stage", "title", "detail")
        update_incidents([group], at=at, fields=fields, is_told=has_doubled)

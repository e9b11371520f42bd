"""Sites that are offline, alone or together.

Sites that become silent within 15 minutes have a common cause if at least five of them share a network, or if they are a fifth
of all that should have called: then one incident takes the place of theirs. Sites that become silent later for the same cause
join it without a message. The cause is gone when few of them are left; after a while these get incidents of their own.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q

from alerts.evidence.timeline import Timeline
from alerts.incidents.conditions import Condition
from alerts.incidents.grouping import EVERYWHERE, SMALLEST_GROUP, WINDOW, CommonCause, Silence, common_causes
from alerts.incidents.services import NewIncident, open_incidents, remind_of_incidents, resolve_incidents
from alerts.incidents.words import resolution, site_detail, site_title, together_detail, together_title
from alerts.kinds import Kind, State
from alerts.models import Incident, IncidentSite
from alerts.querysets import IncidentQuerySet
from common.web.client_address import surrounding_network
from sites.models import Site
from sites.querysets import licensed_at

BATCH_SIZE = 1_000
NAMED = 5
# Heartbeats differ from the usual pace by up to 5 %, see heartbeat/schedule.py.
SLOWEST_PACE = 1.05


@transaction.atomic
def judge_silence(condition: Condition, timeline: Timeline, *, at: datetime) -> tuple[int, int]:
    """How many incidents were opened and resolved."""
    still = Site.objects.live().filter(condition.holds)
    members = IncidentSite.objects.present()
    members.filter(~Exists(still.filter(pk=OuterRef("site")))).update(left_at=at)
    over = Incident.objects.unresolved().filter(~Exists(still.filter(pk=OuterRef("site"))), kind=Kind.SITE_OFFLINE)
    because = {one.pk: resolution(Kind.SITE_OFFLINE, one.site, at=at) for one in over.select_related("site__pulse")}
    resolved = len(resolve_incidents(because, at=at, because=because))
    resolved += len(resolve_faded(at=at))

    own = Incident.objects.unresolved().filter(kind=Kind.SITE_OFFLINE, site=OuterRef("pk"))
    silent = (
        Site.objects.live().filter(condition.begins).filter(~Exists(own), ~Exists(members.filter(site=OuterRef("pk"))))
    )
    sites = {site.pk: site for site in silent.select_related("pulse")}
    silences = [
        Silence(
            site.pk,
            timeline.silent_at(site.pulse.due_at, settings.HEARTBEAT_GRACE),
            surrounding_network(site.pulse.last_seen_ip),
        )
        for site in sites.values()
    ]
    left = join_common_causes(silences, at=at)
    opened = 0
    if left:
        causes = new_causes(left, at=at)
        opened, replaced = open_together(causes, at=at)
        resolved += replaced
        grouped = {silence.site_id for cause in causes for silence in cause.silences}
        alone = [silence for silence in left if silence.site_id not in grouped]
        opened += len(open_incidents((new_incident(sites[one.site_id], one.since) for one in alone), at=at))
    update_common_causes(at=at)
    return opened, resolved


def new_incident(site: Site, since: datetime) -> NewIncident:
    kind = Kind.SITE_OFFLINE
    return NewIncident(kind, site_title(kind, site), site_detail(kind, site), since=since, site_id=site.pk)


# --- Common causes: new ones ---


def new_causes(silences: Sequence[Silence], *, at: datetime) -> list[CommonCause]:
    """Those that these sites have in common, also with sites that are offline since shortly before."""
    earliest = min(silence.since for silence in silences) - WINDOW
    alone = Incident.objects.filter(kind=Kind.SITE_OFFLINE, state=State.OPEN, since__gte=earliest)
    known = [
        Silence(site_id, since, surrounding_network(ip), incident)
        for incident, site_id, since, ip in alone.values_list("pk", "site", "since", "site__pulse__last_seen_ip")
    ]

    def calling_since(moment: datetime) -> int:
        with_service = licensed_at(at) & Q(is_locked=False)
        return Site.objects.live().filter(with_service, pulse__last_seen_at__gte=moment, pulse__due_at__gte=at).count()

    causes = common_causes([*silences, *known], calling_since=calling_since)
    return [cause for cause in causes if any(silence.incident is None for silence in cause.silences)]


def open_together(causes: Sequence[CommonCause], *, at: datetime) -> tuple[int, int]:
    """Open an incident for each cause in place of those of its sites; how many were opened, and how many replaced."""
    by_subject: dict[str, list[Silence]] = {}
    for cause in causes:
        by_subject.setdefault(cause.subject, []).extend(cause.silences)
    replaced = [silence.incident for of in by_subject.values() for silence in of if silence.incident is not None]
    because = dict.fromkeys(replaced, "Over: it is part of a common cause.")
    resolve_incidents(replaced, at=at, because=because, is_news=False)
    opened = open_incidents([together(subject, of) for subject, of in by_subject.items()], at=at)
    for incident in opened:
        add_members(incident, by_subject[incident.subject], at=at)
    return len(opened), len(replaced)


def together(subject: str, silences: Sequence[Silence]) -> NewIncident:
    since = [silence.since for silence in silences]
    names = Site.objects.filter(pk__in=[silence.site_id for silence in silences[:NAMED]]).order_by("name")
    count = len(silences)
    return NewIncident(
        Kind.SITES_OFFLINE_TOGETHER,
        together_title(subject, count, min(since), max(since)),
        together_detail(subject, list(names.values_list("name", flat=True)), count),
        since=min(since),
        subject=subject,
        site_count=count,
        stage=count,
    )


def add_members(incident: Incident, silences: Iterable[Silence], *, at: datetime) -> None:
    rows = [IncidentSite(incident=incident, site_id=one.site_id, since=one.since, joined_at=at) for one in silences]
    IncidentSite.objects.bulk_create(rows, batch_size=BATCH_SIZE, ignore_conflicts=True)


# --- Common causes: those that are known ---


def join_common_causes(silences: Sequence[Silence], *, at: datetime) -> list[Silence]:
    """Let sites join the unresolved incident of their cause; returns the others."""
    groups = {group.subject: group for group in unresolved_groups().annotate(newest=Max("members__since"))}
    if not groups:
        return list(silences)
    # After that time each site of a network whose connection was lost has missed a heartbeat.
    all_noticed = settings.HEARTBEAT_INTERVAL * SLOWEST_PACE + WINDOW
    left: list[Silence] = []
    joining: dict[Incident, list[Silence]] = defaultdict(list)
    for silence in silences:
        of_network, everywhere = groups.get(silence.network or None), groups.get(EVERYWHERE)
        if of_network and of_network.since - WINDOW <= silence.since <= of_network.since + all_noticed:
            joining[of_network].append(silence)
        elif (
            everywhere
            and everywhere.newest
            and everywhere.since - WINDOW <= silence.since <= everywhere.newest + WINDOW
        ):
            joining[everywhere].append(silence)
        else:
            left.append(silence)
    for group, of_group in joining.items():
        add_members(group, of_group, at=at)
    return left


def unresolved_groups() -> IncidentQuerySet:
    return Incident.objects.unresolved().filter(kind=Kind.SITES_OFFLINE_TOGETHER)


def resolve_faded(*, at: datetime) -> list[Incident]:
    """Resolve the common causes that are gone: without a site, or for ALERT_RETURN_SECONDS with few of those that it had."""
    groups = unresolved_groups().annotate(present=present_members(), ever=Count("members__site", distinct=True))
    gone = []
    for group in groups:
        is_fading = group.present < SMALLEST_GROUP and 2 * group.present <= group.ever
        fading_since = (group.fading_since or at) if is_fading else None
        if fading_since != group.fading_since:
            group.fading_since = fading_since
            group.save(update_fields=["fading_since"])
        if group.present == 0 or (fading_since and fading_since + settings.ALERT_RETURN <= at):
            gone.append(group.pk)
    return resolve_incidents(gone, at=at)


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
        group.title = together_title(group.subject, group.ever, group.first, group.last)
        group.detail = together_detail(group.subject, names, group.present, back=group.ever - group.present)
        fields = ("site_count", "stage", "title", "detail")
        remind_of_incidents([group], at=at, fields=fields, is_told=has_doubled)

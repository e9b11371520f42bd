"""The order of triage of the list of devices, and the page of it that is asked for.

By the status that the job noted last (`DeviceLastStatus`), which has an index and is a few seconds old: the pulses, which
heartbeats change, have none. First offline and late devices, those that have been so for the longest first; then suspected
clones, then those that were never seen although they were registered a while ago, and then the others by name.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Case, F, IntegerChoices, Q, SmallIntegerField, When

from common.admin import COUNTED_AT_MOST
from fleet.devices.querysets import DeviceQuerySet
from fleet.devices.status import DeviceStatus
from fleet.heartbeats.models import DeviceLastStatus
from panel.fleet.devices.list.query import DeviceQuery
from panel.widgets.column_list import TRIAGE
from sites.querysets import Alphabetical

# If more devices match, sorting them costs more than a statement for each group, which reads until the page is full.
SORT_AT_MOST = 2_000
FIRST_HEARTBEAT_WITHIN = timedelta(days=1)  # of the registration


class Triage(IntegerChoices):
    OFFLINE = 0
    LATE = 1
    CLONE_SUSPECTED = 2
    NEVER_SEEN = 3
    OTHER = 4


OVERDUE = (Triage.OFFLINE, Triage.LATE)


def noted(status: str) -> Q:
    return Q(last_status__status=status)


def group_conditions(at: datetime) -> Mapping[Triage, Q]:
    """Of each group the condition on a Device; no device is in two."""
    is_overdue = (DeviceStatus.OFFLINE, DeviceStatus.LATE)
    is_calm = Q(last_status=None) | Q(last_status__status__in=set(DeviceStatus) - {*is_overdue})
    has_waited = noted(DeviceStatus.NEVER_SEEN) & Q(created_at__lt=at - FIRST_HEARTBEAT_WITHIN)
    is_new = noted(DeviceStatus.NEVER_SEEN) & Q(created_at__gte=at - FIRST_HEARTBEAT_WITHIN)
    others = Q(last_status=None) | Q(last_status__status__in=(DeviceStatus.ONLINE, DeviceStatus.STOPPED)) | is_new
    is_single = Q(clone_suspected_at=None)
    return {
        Triage.OFFLINE: noted(DeviceStatus.OFFLINE),
        Triage.LATE: noted(DeviceStatus.LATE),
        Triage.CLONE_SUSPECTED: is_calm & ~is_single,
        Triage.NEVER_SEEN: has_waited & is_single,
        Triage.OTHER: others & is_single,
    }


def needs_attention() -> Q:
    """With a subquery: to join the tables would read all of both."""
    overdue = DeviceLastStatus.objects.filter(status__in=(DeviceStatus.OFFLINE, DeviceStatus.LATE))
    return Q(pk__in=overdue.values("device")) | Q(clone_suspected_at__isnull=False)


def find_page(query: DeviceQuery, rows: slice, *, total: int | None = None) -> tuple[int, list[UUID]]:
    """How many devices the list has, at most COUNTED_AT_MOST, and the ids of those at the positions `rows`.

    With `total` they are not counted again.
    """
    if total is None:
        total = query.matching_devices().order_by()[:COUNTED_AT_MOST].count()
    total = min(total, COUNTED_AT_MOST)
    rows = slice(rows.start, min(rows.stop, total))
    if query.order == TRIAGE and not query.descending and total > SORT_AT_MOST:
        return total, ids_by_groups(query, rows.stop)[rows]
    return total, list(in_order(query).values_list("pk", flat=True)[rows])


def ids_by_groups(query: DeviceQuery, stop: int) -> list[UUID]:
    """The first `stop` ids in the order of triage, by a statement for each group until there are so many.

    Each group has an index with its order, or is small.
    """
    found: list[UUID] = []
    for group, condition in group_conditions(query.at).items():
        if len(found) >= stop:
            break
        devices = query.matching_devices().filter(condition)
        order = ("last_status__at", "pk") if group in OVERDUE else (Alphabetical("name"), "pk")
        found += devices.order_by(*order).values_list("pk", flat=True)[: stop - len(found)]
    return found


def in_order(query: DeviceQuery) -> DeviceQuerySet:
    """The whole list, sorted by one statement."""
    if query.order == TRIAGE:
        return in_triage_order(query)
    name: Any = Alphabetical(query.order)
    ordered: DeviceQuerySet = query.matching_devices().order_by(
        name.desc() if query.descending else name.asc(), "-pk" if query.descending else "pk"
    )
    return ordered


def in_triage_order(query: DeviceQuery) -> DeviceQuerySet:
    conditions = group_conditions(query.at)
    group = Case(
        *(When(condition, then=group) for group, condition in conditions.items()),
        default=Triage.OTHER,
        output_field=SmallIntegerField(),
    )
    is_overdue = Q(triage__in=OVERDUE)
    devices: Any = query.matching_devices().annotate(
        triage=group,
        overdue_since=Case(When(is_overdue, then=F("last_status__at"))),
        name_unless_overdue=Case(When(~is_overdue, then=Alphabetical("name"))),
    )
    keys = ("triage", "overdue_since", "name_unless_overdue", "pk")
    ordered: DeviceQuerySet = devices.order_by(*(f"-{key}" if query.descending else key for key in keys))
    return ordered

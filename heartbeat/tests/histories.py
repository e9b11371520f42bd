"""Invented histories, and a plain model of the results to expect for them."""

import itertools
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.conf import settings

from heartbeat.models import Heartbeat
from heartbeat.schedule import pace_of
from sites.models import Site, SitePulse

NOW = datetime(2030, 6, 1, 12, 34, 56, 789012, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


class Call(NamedTuple):
    at: datetime
    due_at: datetime | None


def write_history(site_id: uuid.UUID, calls: Sequence[Call]) -> None:
    """Replace the history and the pulse, as these calls would have written them."""
    Heartbeat.objects.of_site(site_id).delete()
    common = {"site_id": site_id, "version": "1", "uptime_seconds": 1, "licensed": True, "locked": False}
    Heartbeat.objects.bulk_create(Heartbeat(received_at=at, due_at=due_at, **common) for at, due_at in calls)
    newest = max(calls, default=None, key=lambda call: call.at)
    SitePulse.objects.filter(pk=site_id).update(
        last_seen_at=newest and newest.at, due_at=newest and due(site_id, newest)
    )


def register_at(site_id: uuid.UUID, at: datetime) -> Site:
    Site.objects.filter(pk=site_id).update(created_at=at)
    return Site.objects.get(pk=site_id)


def due(site_id: uuid.UUID, call: Call) -> datetime:
    return call.due_at or call.at + timedelta(seconds=pace_of(site_id).usual_seconds)


def is_offline(site_id: uuid.UUID, calls: Sequence[Call], moment: datetime) -> bool:
    """Whether `status` was offline at that moment, for a site that had called."""
    newest = max((call for call in calls if call.at <= moment), key=lambda call: call.at)
    return due(site_id, newest) + settings.HEARTBEAT_GRACE < moment


def periods_offline(
    site_id: uuid.UUID, calls: Sequence[Call], start: datetime, end: datetime
) -> list[tuple[datetime, datetime]]:
    """The status changes only at certain moments, so it is computed once in the middle between two of them."""
    changes = {call.at for call in calls} | {due(site_id, call) + settings.HEARTBEAT_GRACE for call in calls}
    start = max(start, min((call.at for call in calls), default=end))
    moments = sorted({moment for moment in changes if start < moment < end} | {start, end} if start < end else ())
    found: list[tuple[datetime, datetime]] = []
    for begin, finish in itertools.pairwise(moments):
        if is_offline(site_id, calls, begin + (finish - begin) / 2):
            if found and found[-1][1] == begin and not any(call.at == begin for call in calls):
                found[-1] = (found[-1][0], finish)
            else:
                found.append((begin, finish))
    return found

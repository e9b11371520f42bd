"""When a site's next heartbeat is due.

The usual pace is HEARTBEAT_INTERVAL, up to 5 % shorter or longer. The deviation is the same at each call of a site, so that
sites that called at the same moment drift apart. If the licence ends before the usual next call, the site calls within the
minute after that end. `heartbeat.statement` has the same rule in SQL. What makes a site late or offline after that moment is
decided in `sites.status`.
"""

import uuid
import zlib
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings

SPREAD = 0.05
AFTER_END_AT_LEAST = 1
AFTER_END_SPREAD = 50
SHORTEST_SECONDS = 60
SECOND = timedelta(seconds=1)


class Pace(NamedTuple):
    """Seconds from one call of a site to the next, and from the end of its licence to the first call after it."""

    usual_seconds: int
    after_end_seconds: int


def pace_of(site_id: uuid.UUID) -> Pace:
    share = zlib.crc32(site_id.bytes) / 2**32
    return Pace(
        usual_seconds=round(settings.HEARTBEAT_INTERVAL.total_seconds() * (1 + SPREAD * (2 * share - 1))),
        after_end_seconds=AFTER_END_AT_LEAST + int(AFTER_END_SPREAD * share),
    )


def seconds_until_next_call(site_id: uuid.UUID, *, licensed_until: datetime | None, at: datetime) -> int:
    """`licensed_until` is None if the site is not licensed now."""
    pace = pace_of(site_id)
    if licensed_until is None or licensed_until >= at + timedelta(seconds=pace.usual_seconds):
        return pace.usual_seconds
    whole_seconds_to_end = -((at - licensed_until) // SECOND)  # rounded up
    return max(whole_seconds_to_end + pace.after_end_seconds, SHORTEST_SECONDS)

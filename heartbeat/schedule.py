"""When a site shall call next."""

import math
import uuid
import zlib
from datetime import datetime, timedelta

from django.conf import settings

from licensing.verdict import Verdict

SPREAD = 0.05
SHORTEST = timedelta(seconds=60)
AFTER_END_AT_LEAST = 1
AFTER_END_SPREAD = 50


def seconds_until_next(site_id: uuid.UUID, verdict: Verdict, *, at: datetime) -> int:
    """Seconds from `at` to the call that the site is asked for.

    The usual pace is HEARTBEAT_INTERVAL, up to 5 % shorter or longer. The deviation belongs to the site, so that sites
    which came back together drift apart a little more with every call. A licence that ends before that is worth a call
    within the minute after its end, since only then does the site learn of it.
    """
    share = zlib.crc32(site_id.bytes) / 2**32
    usual = settings.HEARTBEAT_INTERVAL.total_seconds() * (1 + SPREAD * (2 * share - 1))
    until_end = (verdict.expires_at - at).total_seconds()
    if verdict.licensed and until_end < usual:
        after_end = AFTER_END_AT_LEAST + int(AFTER_END_SPREAD * share)
        return max(math.ceil(until_end) + after_end, int(SHORTEST.total_seconds()))
    return round(usual)

"""When a site shall call next.

The usual pace is HEARTBEAT_INTERVAL, up to 5 % shorter or longer. The deviation belongs to the site, so that sites which
came back together drift apart a little more with every call. A licence that ends before that is worth a call within the
minute after its end; whether it does is decided where the end is known, in the statement of `heartbeat.services`.
"""

import uuid
import zlib
from typing import NamedTuple

from django.conf import settings

SPREAD = 0.05
AFTER_END_AT_LEAST = 1
AFTER_END_SPREAD = 50


class Pace(NamedTuple):
    """A site's own: seconds from one call to the next, and from the end of its licence to the call that learns of it."""

    usual_seconds: int
    after_end_seconds: int


def pace_of(site_id: uuid.UUID) -> Pace:
    share = zlib.crc32(site_id.bytes) / 2**32
    return Pace(
        usual_seconds=round(settings.HEARTBEAT_INTERVAL.total_seconds() * (1 + SPREAD * (2 * share - 1))),
        after_end_seconds=AFTER_END_AT_LEAST + int(AFTER_END_SPREAD * share),
    )

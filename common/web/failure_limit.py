"""How many failures one client's address may cause in a minute, counted by all processes together."""

import math
import time

from django.core.cache.backends.locmem import LocMemCache
from django.http import HttpRequest
from django_ratelimit.core import get_usage

from common.web.client_address import address_bucket

WINDOW_SECONDS = 60


class FailureLimit:
    """Only failures are counted and refused: what is valid is accepted from the same address.

    An address over the limit stays over it until its minute ends. Until then this process caches it, and the rest of a
    flood costs no write. A lost entry of that cache costs one more count.
    """

    def __init__(self, group: str) -> None:
        self.group = group
        self.refused = LocMemCache(f"refused_addresses:{group}", {"OPTIONS": {"MAX_ENTRIES": 10_000}})

    def count(self, address: str | None, *, per_minute: int) -> int | None:
        """Count a failure. Returns the seconds until the address may fail again; None within the limit."""
        bucket = address_bucket(address)
        refused_until = self.refused.get(bucket)
        if refused_until is not None:
            return math.ceil(refused_until - time.time())
        usage = get_usage(
            HttpRequest(),  # the key does not depend on it
            group=self.group,
            key=lambda *_: bucket,
            rate=(per_minute, WINDOW_SECONDS),
            increment=True,
        )
        if usage is None or not usage["should_limit"]:
            return None
        seconds: int = usage["time_left"]
        self.refused.set(bucket, time.time() + seconds, timeout=seconds)
        return seconds

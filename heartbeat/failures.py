"""How often an address may send wrong credentials of a site. The heartbeat and the doorbell count together."""

import math
import time

from django.conf import settings
from django.core.cache.backends.locmem import LocMemCache
from django.http import HttpRequest
from django_ratelimit.core import get_usage

from common.web.client_address import address_bucket
from heartbeat.errors import TooManyFailures

# Addresses over the limit, cached in this process. A lost entry costs one more count in the shared counters.
refused_addresses = LocMemCache("refused_addresses", {"OPTIONS": {"MAX_ENTRIES": 10_000}})


def count_failure(ip: str | None) -> None:
    """Count a failure of this address. Raises TooManyFailures over the limit.

    Only failures are counted and refused, so valid credentials from the same address are still accepted. An address over
    the limit stays over it until its minute ends. Until then this process caches it, and the rest of a flood costs no write.
    """
    address = address_bucket(ip)
    refused_until = refused_addresses.get(address)
    if refused_until is not None:
        raise TooManyFailures(retry_after_seconds=math.ceil(refused_until - time.time()))
    usage = get_usage(
        HttpRequest(),  # the key does not depend on it
        group="heartbeat-failures",
        key=lambda *_: address,
        rate=(settings.HEARTBEAT_FAILURES_PER_MINUTE, 60),
        increment=True,
    )
    if usage is not None and usage["should_limit"]:
        refused_addresses.set(address, time.time() + usage["time_left"], timeout=usage["time_left"])
        raise TooManyFailures(retry_after_seconds=usage["time_left"])

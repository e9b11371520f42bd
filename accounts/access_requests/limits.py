"""How many requests for access one address may send, whatever the answer."""

import time

from django.conf import settings

from accounts.counters import sign_in_counters
from accounts.errors import TooManyAccessRequests
from common.web.client_address import address_bucket, wider_buckets

WINDOW_SECONDS = 3600


def count_access_request(address: str | None) -> None:
    """Count one; an IPv6 address counts as its /64, /56 and /48, as at the sign-in. Raises TooManyAccessRequests."""
    counters = sign_in_counters()
    for network, times in {address_bucket(address): 1, **wider_buckets(address)}.items():
        counter = f"access:{network}"
        if counters.count(counter, WINDOW_SECONDS) > times * settings.ACCESS_REQUESTS_PER_ADDRESS:
            lapses_at = counters.expires_at(counter) or time.time()
            raise TooManyAccessRequests(retry_after_seconds=int(lapses_at - time.time()) + 1)


def write_in_place_of_request() -> None:
    """For a request that is not stored: one statement, as for its row. Nothing reads it."""
    sign_in_counters().set("access:dropped", 1, WINDOW_SECONDS)

"""When to beat next."""

from __future__ import annotations

import random

from portcullis_agent.lease import Lease

FIRST_BACKOFF_SECONDS = 30
LONGEST_BACKOFF_SECONDS = 30 * 60
SHORTEST_WAIT_SECONDS = 1.0
START_PAUSE_SECONDS = 60
UNSIGNED_WAIT_SECONDS = (60, 24 * 60 * 60)


def wait_after_failures(
    failures: int,
    retry_after: int | None,
    source: random.Random,
    *,
    first: float = FIRST_BACKOFF_SECONDS,
    longest: float = LONGEST_BACKOFF_SECONDS,
) -> float:
    """Exponential back-off with full jitter, from `first` to `longest` seconds, and never less than `Retry-After`."""
    backoff = min(first * 2 ** min(failures - 1, 16), longest)
    return max(source.uniform(0, backoff), retry_after or 0, SHORTEST_WAIT_SECONDS)


def wait_after_lease(lease: Lease) -> int:
    """What the lease says, but not beyond half of its life: a site must not lapse because it waits as it was told."""
    return max(1, min(lease.next_heartbeat_seconds, (lease.expires_at - lease.issued_at) // 2))


def wait_at_start(lease_age: float, told: int) -> float:
    """A process asks at once when it starts, unless the one before it did so within the last minute."""
    return max(0.0, min(START_PAUSE_SECONDS, told) - lease_age)


def wait_without_lease(told: object) -> int | None:
    """What the unsigned answer of a server that has no signing key says, within limits; None if it says nothing."""
    if not isinstance(told, int) or isinstance(told, bool):
        return None
    shortest, longest = UNSIGNED_WAIT_SECONDS
    return min(max(told, shortest), longest)

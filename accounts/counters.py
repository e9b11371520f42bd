"""The counters around signing in: of failures, of attempts that are recorded, of requests for access."""

from django.core.cache import caches

from common.counters import SqlCounterCache


def sign_in_counters() -> SqlCounterCache:
    """In the database, as every process must count the same."""
    counters = caches["sign_in_counters"]
    assert isinstance(counters, SqlCounterCache)
    return counters

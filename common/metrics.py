"""Counters that `/metrics` shows. Each app keeps its own in its `metrics.py`.

Nothing is counted unless METRICS_TOKEN is set. A label has few values, known beforehand: never an id, a name, an address or
a path.
"""

from functools import cache

from django.conf import settings
from prometheus_client import Counter


def count(counter: Counter, *labels: str) -> None:
    if settings.METRICS_TOKEN:
        child(counter, *labels).inc()


@cache
def child(counter: Counter, *labels: str) -> Counter:
    """The counter of these values. Looking it up in `prometheus_client` costs as much as counting."""
    return counter.labels(*labels) if labels else counter

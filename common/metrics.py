"""Counters that `/metrics` shows. Each app keeps its own in its `metrics.py`.

Nothing is counted unless METRICS_TOKEN is set. A label has few values, known beforehand: never an id, a name, an address or
a path.

Writing a counter takes `prometheus_client` some twenty calls. In the middle of a request they cost several times as much as in
a row, because their code is not in the processor's cache. Therefore a worker process of gunicorn notes what to write, and a
thread writes it every WRITE_EVERY_SECONDS (decisions/0054). Elsewhere it is written at once.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from functools import cache

from django.conf import settings
from prometheus_client import Counter

WRITE_EVERY_SECONDS = 0.1

Write = Callable[[float], None]
noted: deque[tuple[Write, float]] = deque()  # its methods need no lock
writer: threading.Thread | None = None


def count(counter: Counter, *labels: str) -> None:
    if settings.METRICS_TOKEN:
        record(increment_of(counter, *labels), 1)


@cache
def increment_of(counter: Counter, *labels: str) -> Write:
    """How to add to the counter of these values. Looking it up in `prometheus_client` costs as much as counting."""
    increment: Write = (counter.labels(*labels) if labels else counter).inc
    return increment


def record(write: Write, amount: float) -> None:
    if writer is None:
        write(amount)
    else:
        noted.append((write, amount))


def write_noted() -> None:
    while noted:
        try:
            write, amount = noted.popleft()
        except IndexError:  # another thread took the last one
            return
        write(amount)


def write_in_background() -> None:
    """From now on a thread of this process writes. Call it after the fork."""
    global writer

    def repeat() -> None:
        while True:
            time.sleep(WRITE_EVERY_SECONDS)
            write_noted()

    writer = threading.Thread(target=repeat, name="metrics", daemon=True)
    writer.start()


def wait_for_writers() -> None:
    """Until every process has written what it had noted before this call."""
    if writer is not None:
        time.sleep(2 * WRITE_EVERY_SECONDS)
    write_noted()

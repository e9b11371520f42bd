"""Real threads that do the same thing at the same moment."""

import threading
from collections.abc import Callable
from typing import TypeVar

from django.db import connections

Result = TypeVar("Result")


def side_by_side(*calls: Callable[[], Result]) -> list[Result]:
    """What each call returned, in no order; all start together, each with its own database connection."""
    results: list[Result] = []
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], Result]) -> None:
        try:
            barrier.wait()
            results.append(call())
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[call]) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == len(calls)
    return results

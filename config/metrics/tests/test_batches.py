"""A worker process writes its counts in batches, from a thread; a scrape waits for them."""

import threading
from collections.abc import Iterator

import pytest
from prometheus_client import Counter

from common import metrics


@pytest.fixture
def counter() -> Counter:
    return Counter("test", "Of these tests.", registry=None)


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As after `write_in_background`, but with a thread that never writes."""
    monkeypatch.setattr(metrics, "writer", threading.Thread())
    yield
    metrics.noted.clear()


def test_elsewhere_each_count_is_written_at_once(counter: Counter) -> None:
    metrics.record(counter.inc, 2)
    assert counter._value.get() == 2


def test_counts_are_noted_until_a_scrape(batches: None, counter: Counter) -> None:
    for _ in range(1000):
        metrics.record(counter.inc, 1)
    assert counter._value.get() == 0
    metrics.wait_for_writers()
    assert counter._value.get() == 1000
    assert not metrics.noted


def test_no_count_is_lost_or_written_twice_by_many_threads(batches: None, counter: Counter) -> None:
    def note_and_write() -> None:
        for _ in range(2000):
            metrics.record(counter.inc, 1)
            metrics.write_noted()

    threads = [threading.Thread(target=note_and_write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    metrics.write_noted()
    assert counter._value.get() == 8000

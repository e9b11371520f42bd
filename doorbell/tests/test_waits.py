"""Waits end when their site is changed, when their time is over, or soon after the process is told to stop; never later."""

import asyncio
import uuid

import pytest

from doorbell import waits as module
from doorbell.application import joined
from doorbell.waits import WAITS_PER_MINUTE, Wait, Waits

SITE, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)
LONG = 30.0


async def seconds_of(wait: Wait, seconds: float, *, after: float, what: str) -> float:
    """How long it waits if, some time after its begin, it is rung or told to end."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    acts = {"rings": lambda: wait.announce(9), "must end soon": lambda: wait.end_by(loop.time() + 0.1)}
    loop.call_later(after, acts[what])
    try:
        async with asyncio.timeout(seconds) as wait.timeout:
            await asyncio.sleep(2 * LONG)
    except TimeoutError:
        pass
    return loop.time() - began


def test_a_ring_ends_a_wait_at_once() -> None:
    assert asyncio.run(seconds_of(Wait(SITE, 1, "a"), LONG, after=0.05, what="rings")) < 5


def test_a_wait_that_must_end_soon_ends_soon() -> None:
    assert asyncio.run(seconds_of(Wait(SITE, 1, "a"), LONG, after=0.05, what="must end soon")) < 5


def test_a_wait_that_must_end_soon_does_not_last_longer_than_it_would() -> None:
    async def both() -> float:
        wait = Wait(SITE, 1, "a")
        asyncio.get_running_loop().call_later(0.05, lambda: wait.end_by(asyncio.get_running_loop().time() + LONG))
        return await seconds_of(wait, 0.2, after=LONG, what="rings")

    assert asyncio.run(both()) < 5


def test_a_revision_that_the_site_holds_is_no_news() -> None:
    waits, wait = Waits(), Wait(SITE, 5, "a")
    waits.open(wait)
    for revision in (3, 5):
        waits.announce(SITE, revision)
        assert not wait.is_over
    waits.announce(OTHER, 9)
    assert not wait.is_over
    waits.announce(SITE, 6)
    waits.announce(SITE, 4)  # late
    assert (wait.is_over, wait.revision) == (True, 6)


def test_nothing_is_left_of_waits_that_are_closed() -> None:
    waits = Waits()
    all_waits = [Wait(SITE, 1, "a"), Wait(SITE, 1, "b"), Wait(OTHER, 1, "a")]
    for wait in all_waits:
        waits.open(wait)
    waits.accept(all_waits[0])
    assert (len(waits), waits.of_address("a"), waits.accepted_of_site(SITE), waits.accepted_of_site(OTHER)) == (
        3,
        2,
        1,
        0,
    )
    for wait in all_waits:
        waits.close(wait)
    assert (len(waits), waits.of_address("a"), waits.accepted_of_site(SITE), waits.sites()) == (0, 0, 0, [])


def test_a_site_begins_a_limited_number_of_waits_in_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [6_000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    waits = Waits()
    assert not any(waits.begins_too_often(SITE) for _ in range(WAITS_PER_MINUTE))
    assert waits.begins_too_often(SITE)
    assert not waits.begins_too_often(OTHER)
    now[0] += 60
    assert not waits.begins_too_often(SITE)


def test_repeated_headers_are_read_as_wsgi_reads_them() -> None:
    headers = joined([(b"x-forwarded-for", b"203.0.113.7"), (b"host", b"a"), (b"x-forwarded-for", b"10.0.0.2")])
    assert headers == {b"x-forwarded-for": b"203.0.113.7,10.0.0.2", b"host": b"a"}

"""When to wait at the doorbell, and what its answers lead to. No input or output: times and random numbers are given.

The doorbell tells a site that there is something new. It has no authority: a ring leads to one heartbeat, and nothing else.
"""

from __future__ import annotations

import logging
import random
import threading
from dataclasses import dataclass
from urllib.parse import urlsplit

from portcullis_agent.client import RequestFailed
from portcullis_agent.settings import Settings, is_loopback

logger = logging.getLogger("portcullis_agent")

LONGEST_URL = 2000
LONGEST_WAITS = (55, 40, 28, 20)  # seconds: the next one is taken when a proxy cuts waits
SHORTEST_WAIT = 20
CUTS_IN_A_ROW = 2  # one may be the end of the server's process
HELD_SECONDS = 15.0  # a connection that ends sooner was not cut because it was idle
SPREAD_SECONDS = 1.0  # of the heartbeats of many sites whose doorbells ring at the same time
RING_PAUSE_SECONDS = 3.0  # between heartbeats for rings: with a report of each, 40 a minute; the server's limit is 60
CUT_PAUSE_SECONDS = 2.0
FIRST_PAUSE_SECONDS = 10.0
LONGEST_PAUSE_SECONDS = 10 * 60.0
FAILURES_UNTIL_UNUSABLE = 3
IDLE_SECONDS = 60.0
REFUSALS = frozenset({401, 404, 410})


@dataclass(frozen=True)
class Wait:
    """One request to the doorbell: it rings when the site's revision is above `since`, for at most `seconds`."""

    url: str
    since: int
    seconds: int


@dataclass(frozen=True)
class _Ring:
    revision: int
    rang_at: float
    beat_at: float


def doorbell_url(value: object, settings: Settings) -> str | None:
    """The doorbell's address in an answer, if it is one and not less protected than the agent's own; else None."""
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_URL or not (value.isascii() and value.isprintable()):
        return None
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return None
    if not host or "@" in parts.netloc or "#" in value or " " in value:
        return None
    if parts.scheme == "https":
        return value
    may_be_plain = settings.url.startswith("http://") and (settings.allow_http or is_loopback(host))
    return value if parts.scheme == "http" and may_be_plain else None


class Doorbell:
    """The state of one site's doorbell. Any thread may call it; all times are of one monotonic clock."""

    def __init__(self, source: random.Random, spread: float = SPREAD_SECONDS) -> None:
        self._random = source
        self._spread = spread
        self._lock = threading.Lock()
        self._url: str | None = None
        self._held: int | None = None
        self._ring: _Ring | None = None
        self._next_ring_at = 0.0
        self._useless_rings = 0
        self._is_reported = False
        self._begin(0.0)

    def _begin(self, now: float) -> None:
        """Forget what was learnt of the address before."""
        self._resume_at = now
        self._started_at, self._seconds = now, 0
        self._is_refused = False
        self._failures = self._early_ends = 0
        self._cuts = self._step = 0

    @property
    def beat_at(self) -> float | None:
        """When a heartbeat is due because it rang."""
        ring = self._ring
        return None if ring is None else ring.beat_at

    # Heartbeats

    def heartbeat_answered(self, *, sent_at: float, now: float, revision: int, url: str | None) -> None:
        """After a good heartbeat; `url` is the address in its answer."""
        with self._lock:
            if url != self._url:
                self._url = url
                self._begin(now)
            if self._is_refused:
                self._is_refused, self._resume_at = False, now
            self._settle_ring(sent_at, now, revision)

    def heartbeat_failed(self, *, sent_at: float, now: float) -> None:
        with self._lock:
            self._settle_ring(sent_at, now, None)

    def _settle_ring(self, sent_at: float, now: float, revision: int | None) -> None:
        """After a ring that brought nothing new, wait again only after a pause: somebody may forge them."""
        is_new = revision is not None and (self._held is None or revision > self._held)
        if revision is not None:
            self._held = revision
        if is_new:
            self._useless_rings = 0
        ring = self._ring
        if ring is None:
            return
        if revision is not None and revision >= ring.revision:
            self._ring = None
        elif sent_at >= ring.rang_at:  # else it rang while the heartbeat was under way, which may have been too early
            self._ring = None
            if not is_new:
                self._useless_rings += 1
                self._resume_at = now + self._limit(self._useless_rings) * self._random.uniform(1, 1.25)

    # Waits

    def next_wait(self, now: float, since: int) -> Wait | float:
        """The wait that is to be sent now, or after how many seconds to ask again, if no heartbeat is answered before."""
        with self._lock:
            if self._url is None or self._is_refused or self._ring is not None:
                return IDLE_SECONDS
            if now < self._resume_at:
                return min(self._resume_at - now, IDLE_SECONDS)
            longest = LONGEST_WAITS[self._step]
            self._started_at = now
            self._seconds = max(int(self._random.uniform(longest * 0.82, longest + 1)), SHORTEST_WAIT)
            self._seconds = min(self._seconds, longest)
            return Wait(self._url, since, self._seconds)

    def wait_ended(self, now: float, revision: int | None) -> None:
        """The doorbell rang for this revision, or the time passed (None)."""
        with self._lock:
            self._failures = self._cuts = 0
            if self._is_reported:
                self._is_reported = False
                logger.info("The doorbell can be used again.")
            if revision is not None:
                self._early_ends = 0
                if self._held is None or revision > self._held:
                    beat_at = max(now + self._random.uniform(0, self._spread), self._next_ring_at)
                    self._next_ring_at = beat_at + RING_PAUSE_SECONDS
                    self._ring = _Ring(revision, now, beat_at)
            elif now - self._started_at >= self._seconds / 2:
                self._early_ends = 0
            else:  # the server ends, and all its sites come back
                self._early_ends += 1
                self._resume_at = now + self._random.uniform(0, self._limit(self._early_ends))

    def wait_failed(self, now: float, failure: RequestFailed) -> None:
        """No answer, or none that says anything."""
        with self._lock:
            if failure.status in REFUSALS:
                self._is_refused = True
                self._report(failure)
                return
            if self._was_cut(now, failure) and self._step + 1 < len(LONGEST_WAITS):
                self._cuts += 1
                if self._cuts == CUTS_IN_A_ROW:
                    self._cuts, self._step = 0, self._step + 1
                self._resume_at = now + self._random.uniform(0, CUT_PAUSE_SECONDS)
                return
            self._failures += 1
            pause = self._random.uniform(1, self._limit(self._failures))
            self._resume_at = now + max(pause, failure.retry_after or 0)
            if self._failures >= FAILURES_UNTIL_UNUSABLE:
                self._report(failure)

    def _was_cut(self, now: float, failure: RequestFailed) -> bool:
        return failure.status in {None, 502, 504} and now - self._started_at >= HELD_SECONDS

    @staticmethod
    def _limit(count: int) -> float:
        return min(FIRST_PAUSE_SECONDS * 2.0 ** min(count - 1, 16), LONGEST_PAUSE_SECONDS)

    def _report(self, failure: RequestFailed) -> None:
        if not self._is_reported:
            self._is_reported = True
            logger.warning("The doorbell cannot be used: %s Heartbeats go on at their usual pace.", failure)

"""Requests that wait for a change of their site. All of this runs in one thread, that of the event loop."""

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Iterable

# Of one site. An agent begins forty in the worst case: one after each heartbeat that a ring leads to.
WAITS_PER_MINUTE = 120


class Wait:
    """One request. `since` is the revision that the site holds; `revision` the newest one that was announced since."""

    __slots__ = ("address", "is_accepted", "revision", "since", "site_id", "timeout")

    def __init__(self, site_id: uuid.UUID, since: int, address: str) -> None:
        self.site_id = site_id
        self.since = since
        self.address = address
        self.revision = 0
        self.is_accepted = False
        self.timeout: asyncio.Timeout | None = None  # while it waits

    @property
    def is_over(self) -> bool:
        return self.revision > self.since

    def announce(self, revision: int) -> None:
        self.revision = max(self.revision, revision)
        if self.is_over:
            self.end_by(0)

    def end_by(self, when: float) -> None:
        """End the wait at that time of the event loop, or at once if it has passed, unless it ends sooner."""
        timeout = self.timeout
        if timeout is not None and not timeout.expired():
            end = timeout.when()
            timeout.reschedule(when if end is None else min(when, end))


class Waits:
    """All waits of this process, by site and by address.

    A wait is registered before its credentials are checked, so that no change is missed in between. Only one whose credentials
    are right counts for its site: others must not take the site's places.
    """

    def __init__(self) -> None:
        self._by_site: dict[uuid.UUID, set[Wait]] = {}
        self._accepted: Counter[uuid.UUID] = Counter()
        self._of_address: Counter[str] = Counter()
        self._begun: Counter[uuid.UUID] = Counter()  # accepted in this minute
        self._minute = 0

    def __len__(self) -> int:
        return self._of_address.total()

    def of_address(self, address: str) -> int:
        return self._of_address[address]

    def accepted_of_site(self, site_id: uuid.UUID) -> int:
        return self._accepted[site_id]

    def begins_too_often(self, site_id: uuid.UUID) -> bool:
        """Count a wait of the site in this minute; whether there were too many already."""
        minute = int(time.monotonic() // 60)
        if minute != self._minute:
            self._minute = minute
            self._begun.clear()
        self._begun[site_id] += 1
        return self._begun[site_id] > WAITS_PER_MINUTE

    def sites(self) -> list[uuid.UUID]:
        return list(self._by_site)

    def open(self, wait: Wait) -> None:
        self._by_site.setdefault(wait.site_id, set()).add(wait)
        self._of_address[wait.address] += 1

    def accept(self, wait: Wait) -> None:
        """Count it for its site: its credentials are right."""
        wait.is_accepted = True
        self._accepted[wait.site_id] += 1

    def close(self, wait: Wait) -> None:
        of_site = self._by_site[wait.site_id]
        of_site.discard(wait)
        if not of_site:
            del self._by_site[wait.site_id]
        self._of_address[wait.address] -= 1
        if not self._of_address[wait.address]:
            del self._of_address[wait.address]
        if wait.is_accepted:
            self._accepted[wait.site_id] -= 1
            if not self._accepted[wait.site_id]:
                del self._accepted[wait.site_id]

    def announce(self, site_id: uuid.UUID, revision: int) -> None:
        for wait in self._by_site.get(site_id, ()):
            wait.announce(revision)

    def all(self) -> Iterable[Wait]:
        for of_site in self._by_site.values():
            yield from of_site

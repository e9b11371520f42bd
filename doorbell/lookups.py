"""What the doorbell asks the database. Django's connections belong to threads, so each kind of question has its own."""

import asyncio
import logging
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from django.db import Error, close_old_connections, connection
from django.utils import timezone

from doorbell.errors import ChangesUnknown
from sites.models import Site, SiteKey
from sites.services import CHANNEL

Result = TypeVar("Result")
log = logging.getLogger("portcullis.doorbell")

MOST_AT_ONCE = 500  # of keys or sites in one query
MOST_PENDING = 5_000
GATHER_SECONDS = 0.05
NO_SITE = uuid.UUID(int=0)
LONGEST_SECONDS = 4.5  # with the way to the client, an answer within 5 seconds


@dataclass(frozen=True)
class Caller:
    """The site that a request names, and the digests of its key under each pepper."""

    site_id: uuid.UUID
    digests: tuple[str, ...]


class DatabaseThread:
    """Runs functions that use the database, one at a time. ChangesUnknown: the database does not answer."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._is_failing = False

    async def run(self, ask: Callable[[], Result]) -> Result:
        def with_connection() -> Result:
            close_old_connections()
            return ask()

        work = asyncio.get_running_loop().run_in_executor(self._executor, with_connection)
        try:
            result = await asyncio.wait_for(work, LONGEST_SECONDS)
        except (Error, TimeoutError) as error:
            self._report(error)
            raise ChangesUnknown from error
        self._report(None)
        return result

    def _report(self, error: Exception | None) -> None:
        """Log the first failure and the first success after it."""
        if error is not None and not self._is_failing:
            log.warning("The database does not answer the question for %s: %s", self.name, error or "no answer in time")
        elif error is None and self._is_failing:
            log.info("The database answers the question for %s again.", self.name)
        self._is_failing = error is not None


class Credentials:
    """Checks the credentials of many requests with one query: those that come within GATHER_SECONDS share it.

    Ten thousand waiting sites begin two hundred waits a second. A query for each would cost more than all the rest.
    """

    def __init__(self) -> None:
        self._thread = DatabaseThread("credentials")
        self._pending: list[tuple[Caller, asyncio.Future[int | None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def revision_of(self, caller: Caller) -> int | None:
        """The site's revision; None if the key is not one of the site's. Raises ChangesUnknown."""
        if len(self._pending) >= MOST_PENDING:
            raise ChangesUnknown
        answer: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self._pending.append((caller, answer))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._ask())
        return await answer

    async def _ask(self) -> None:
        while self._pending:
            if len(self._pending) < MOST_AT_ONCE:
                await asyncio.sleep(GATHER_SECONDS)
            asked, self._pending = self._pending[:MOST_AT_ONCE], self._pending[MOST_AT_ONCE:]
            callers = [caller for caller, _ in asked]
            try:
                found = await self._thread.run(partial(revisions_by_key, callers))
            except ChangesUnknown as error:
                # Those that came since would have to wait as long for the same.
                asked, self._pending = asked + self._pending, []
                for _, answer in asked:
                    if not answer.done():
                        answer.set_exception(error)
                continue
            for caller, answer in asked:
                if not answer.done():  # the client may have left
                    answer.set_result(revision_for(caller, found))


def revision_for(caller: Caller, found: dict[tuple[uuid.UUID, str], int]) -> int | None:
    return next((found[caller.site_id, digest] for digest in caller.digests if (caller.site_id, digest) in found), None)


def revisions_by_key(callers: Sequence[Caller]) -> dict[tuple[uuid.UUID, str], int]:
    """The revision of each site by its id and the digest of a key that a heartbeat would accept."""
    digests = {digest for caller in callers for digest in caller.digests}
    keys = SiteKey.objects.live(at=timezone.now()).of_live_sites().filter(digest__in=digests)
    rows = keys.values_list("site_id", "digest", "site__revision")
    return {(site_id, digest): revision for site_id, digest, revision in rows}


def revisions_of(sites: Sequence[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Without sites it asks for one that does not exist: the health of the doorbell depends on an answer of the database."""
    found: dict[uuid.UUID, int] = {}
    for first in range(0, max(len(sites), 1), MOST_AT_ONCE):
        chunk = sites[first : first + MOST_AT_ONCE] or [NO_SITE]
        found |= dict(Site.objects.filter(pk__in=chunk).values_list("pk", "revision"))
    return found


def notify(payload: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, payload])

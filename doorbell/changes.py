"""How the doorbell learns of changes: PostgreSQL notifies it, or it asks for the revisions of all waiting sites each second.

It asks on SQLite, and on PostgreSQL as long as no notification arrives: while the connection is lost, or if DATABASE_URL leads
through a pooler that hands connections from client to client. To find that out, it notifies itself every few seconds on the way
that changes take: a probe.
"""

import asyncio
import contextlib
import logging
import random
import secrets
import time
import uuid

import psycopg
from django.db import connections

from common.notifications import listening_parameters
from doorbell.errors import ChangesUnknown
from doorbell.lookups import DatabaseThread, notify, revisions_of
from doorbell.waits import Waits
from sites.services import CHANNEL

ASK_EVERY_SECONDS = 1.0
PROBE_EVERY_SECONDS = 10.0
SILENT_AFTER_SECONDS = 15.0
# For how long a probe that arrived, or an answer, tells that no change was missed.
KNOWN_AFTER_PROBE_SECONDS, KNOWN_AFTER_ASKING_SECONDS = 20.0, 5.0
RECONNECT_SECONDS = (0.5, 2.0)
# Parameters that Django's backend adds for its own connections.

log = logging.getLogger("portcullis.doorbell")


class ChangeFeed:
    """Announces changed sites to the waits. `run` goes on until it is cancelled."""

    def __init__(self, waits: Waits) -> None:
        self.waits = waits
        self.on_postgresql = connections["default"].vendor == "postgresql"
        self._thread = DatabaseThread("changes")
        self._probe = f"probe:{secrets.token_hex(8)}"
        self._probed_at = self._asked_at = float("-inf")
        self._arrived_at = time.monotonic()
        # Whether a probe has arrived on the present connection.
        self._is_proven = False
        self._is_reported = False

    @property
    def are_known(self) -> bool:
        """Whether a change of the last seconds would have been announced."""
        now = time.monotonic()
        is_notified = self._is_proven and now - self._arrived_at < KNOWN_AFTER_PROBE_SECONDS
        return is_notified or now - self._asked_at < KNOWN_AFTER_ASKING_SECONDS

    @property
    def notifications_arrive(self) -> bool:
        return self._is_proven and time.monotonic() - self._arrived_at < SILENT_AFTER_SECONDS

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._ask_and_probe())
            if self.on_postgresql:
                tasks.create_task(self._listen())

    # --- Ask ---

    async def _ask_and_probe(self) -> None:
        while True:
            if not self.on_postgresql or not self.notifications_arrive:
                with contextlib.suppress(ChangesUnknown):  # it is logged, and asked again in a second
                    await self._ask()
            if self.on_postgresql:
                self._report_silence()
                await self._probe_if_due()
            await asyncio.sleep(ASK_EVERY_SECONDS)

    async def _ask(self) -> None:
        """Announce the revisions of all sites that wait. Raises ChangesUnknown."""
        sites = self.waits.sites()
        revisions = await self._thread.run(lambda: revisions_of(sites))
        self._asked_at = time.monotonic()
        for site_id, revision in revisions.items():
            self.waits.announce(site_id, revision)

    async def _probe_if_due(self) -> None:
        if time.monotonic() - self._probed_at < PROBE_EVERY_SECONDS:
            return
        self._probed_at = time.monotonic()
        with contextlib.suppress(ChangesUnknown):  # then no probe arrives, and it asks
            await self._thread.run(lambda: notify(self._probe))

    def _report_silence(self) -> None:
        """Log once that no notifications arrive, and once that they do again."""
        is_silent = time.monotonic() - self._arrived_at > SILENT_AFTER_SECONDS
        if is_silent and not self._is_reported:
            log.warning(
                "No notifications arrive from PostgreSQL: sites are told within a second or two. If DATABASE_URL leads"
                " through a pooler, set DOORBELL_DATABASE_URL to the database itself."
            )
            self._is_reported = True
        elif self._is_reported and self.notifications_arrive:
            log.info("Notifications arrive from PostgreSQL again.")
            self._is_reported = False

    # --- Listen ---

    async def _listen(self) -> None:
        while True:
            try:
                await self._listen_once()
            except (psycopg.Error, OSError, ChangesUnknown) as error:
                if self._is_proven:  # else it is tried once a second, and `_report_silence` says so once
                    log.warning("The connection that listens for changes is lost: %s", error)
            finally:
                self._is_proven = False
            await asyncio.sleep(random.uniform(*RECONNECT_SECONDS))  # noqa: S311 - keeps several doorbells apart

    async def _listen_once(self) -> None:
        conninfo, parameters = listening_parameters()
        async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True, **parameters) as connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            # Changes before LISTEN. A probe is taken below only, so that none counts before this.
            await self._ask()
            self._probed_at = float("-inf")
            connected_at = time.monotonic()
            while self.notifications_arrive or time.monotonic() - connected_at < SILENT_AFTER_SECONDS:
                async for notification in connection.notifies(timeout=SILENT_AFTER_SECONDS):
                    self._take(notification.payload)

    def _take(self, payload: str) -> None:
        if payload == self._probe:
            self._arrived_at = time.monotonic()
            self._is_proven = True
            return
        site_id, _, revision = payload.partition(":")
        with contextlib.suppress(ValueError):  # the probe of another doorbell
            self.waits.announce(uuid.UUID(site_id), int(revision))

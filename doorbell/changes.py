"""How the doorbell learns of changes: PostgreSQL notifies it, or it asks for the revisions of all waiting sites each second.

It asks on SQLite, and on PostgreSQL as long as no notification arrives: while the connection is lost, or if DATABASE_URL leads
through a pooler that hands connections from client to client. To find that out, it notifies itself every few seconds on the way
that changes take.
"""

import asyncio
import contextlib
import logging
import random
import secrets
import time
import uuid
from typing import Any

import psycopg
from django.conf import settings
from django.db import connections

from doorbell.errors import ChangesUnknown
from doorbell.lookups import Thread, notify, revisions_of
from doorbell.waits import Waits
from sites.services import CHANNEL

ASK_EVERY_SECONDS = 1.0
PROBE_EVERY_SECONDS = 10.0
DEAF_AFTER_SECONDS = 15.0
# For how long what was heard, or asked for, tells that nothing was changed.
KNOWN_AFTER_HEARING_SECONDS, KNOWN_AFTER_ASKING_SECONDS = 20.0, 5.0
RECONNECT_SECONDS = (0.5, 2.0)
# psycopg's own names of what Django's backend adds for its connections.
ONLY_FOR_DJANGO = ("context", "cursor_factory", "prepare_threshold", "server_side_binding")

log = logging.getLogger("portcullis.doorbell")


class Changes:
    """Announces changed sites to the waits. `run` goes on until it is cancelled."""

    def __init__(self, waits: Waits) -> None:
        self.waits = waits
        self.on_postgresql = connections["default"].vendor == "postgresql"
        self._thread = Thread("changes")
        self._probe = f"probe:{secrets.token_hex(8)}"
        self._probed_at = self._asked_at = float("-inf")
        self._heard_at = time.monotonic()
        # Whether this connection has brought a notification yet.
        self._is_proven = False
        self._failing: set[str] = set()

    @property
    def are_known(self) -> bool:
        """Whether a change of the last seconds would have been announced."""
        now = time.monotonic()
        hears = self._is_proven and now - self._heard_at < KNOWN_AFTER_HEARING_SECONDS
        return hears or now - self._asked_at < KNOWN_AFTER_ASKING_SECONDS

    @property
    def are_heard(self) -> bool:
        return self._is_proven and time.monotonic() - self._heard_at < DEAF_AFTER_SECONDS

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._look())
            if self.on_postgresql:
                tasks.create_task(self._listen())

    # --- Ask ---

    async def _look(self) -> None:
        while True:
            if not self.on_postgresql or not self.are_heard:
                await self._ask()
            if self.on_postgresql:
                self._look_whether_deaf()
                await self._probe_if_due()
            await asyncio.sleep(ASK_EVERY_SECONDS)

    async def _ask(self) -> None:
        sites = self.waits.sites()
        try:
            revisions = await self._thread.run(lambda: revisions_of(sites))
        except ChangesUnknown as error:
            self._report("The revisions of waiting sites", error.__cause__)
            return
        self._report("The revisions of waiting sites", None)
        self._asked_at = time.monotonic()
        for site_id, revision in revisions.items():
            self.waits.announce(site_id, revision)

    async def _probe_if_due(self) -> None:
        if time.monotonic() - self._probed_at < PROBE_EVERY_SECONDS:
            return
        self._probed_at = time.monotonic()
        with contextlib.suppress(ChangesUnknown):  # then nothing is heard, and `_look` asks, and logs that it cannot
            await self._thread.run(lambda: notify(self._probe))

    def _look_whether_deaf(self) -> None:
        is_deaf = time.monotonic() - self._heard_at > DEAF_AFTER_SECONDS
        hint = "if DATABASE_URL leads through a pooler, set DOORBELL_DATABASE_URL to the database itself"
        if is_deaf or self.are_heard:
            self._report("Notifications from PostgreSQL", hint if is_deaf else None)

    def _report(self, what: str, problem: object | None) -> None:
        """Log that something does not work, and that it works again: once each."""
        if problem is not None and what not in self._failing:
            log.warning("%s do not arrive: %s", what, problem)
            self._failing.add(what)
        elif problem is None and what in self._failing:
            log.info("%s arrive again.", what)
            self._failing.discard(what)

    # --- Listen ---

    async def _listen(self) -> None:
        while True:
            try:
                await self._listen_once()
            except (psycopg.Error, OSError) as error:
                self._report("Notifications from PostgreSQL", error)
            await asyncio.sleep(random.uniform(*RECONNECT_SECONDS))  # noqa: S311 - keeps several doorbells apart

    async def _listen_once(self) -> None:
        self._is_proven = False
        conninfo, parameters = connection_parameters()
        async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True, **parameters) as connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            self._probed_at = float("-inf")
            connected_at = time.monotonic()
            # Until a probe is heard, `_look` asks for all revisions: changes before LISTEN are found so.
            while self.are_heard or time.monotonic() - connected_at < DEAF_AFTER_SECONDS:
                async for notification in connection.notifies(timeout=DEAF_AFTER_SECONDS):
                    self._take(notification.payload)

    def _take(self, payload: str) -> None:
        if payload == self._probe:
            self._heard_at = time.monotonic()
            self._is_proven = True
            return
        site_id, _, revision = payload.partition(":")
        with contextlib.suppress(ValueError):  # the probe of another doorbell
            self.waits.announce(uuid.UUID(site_id), int(revision))


def connection_parameters() -> tuple[str, dict[str, Any]]:
    """Of DOORBELL_DATABASE_URL, otherwise those of Django's connections, for psycopg."""
    if settings.DOORBELL_DATABASE_URL:
        return settings.DOORBELL_DATABASE_URL, {"connect_timeout": 3}
    parameters = connections["default"].get_connection_params()
    return "", {name: value for name, value in parameters.items() if name not in ONLY_FOR_DJANGO}

"""Lists and the dashboard read from a replica of PostgreSQL, if DATABASE_REPLICA_URL names one.

The replica is used for a request only if it has replayed everything that the primary had committed when the request
began to read. So a list is never older than its request, whoever wrote last (decisions/0062). Otherwise, and for
everything else, the primary is read.
"""

import logging
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections
from django.http import HttpRequest, HttpResponseBase

PRIMARY, REPLICA = "default", "replica"
# The names of the URLs whose GET only shows rows: no form with a revision, nothing that decides on a write.
PAGES = frozenset(
    {
        "admin:index",
        "admin:sites_site_changelist",
        "admin:audit_event_changelist",
        "admin:heartbeat_heartbeat_changelist",
        "site-list",
        "site-events",
        "site-heartbeats",
    }
)
# The apps whose rows these pages show. Who may see them (accounts) is always read from the primary.
APPS = frozenset({"sites", "heartbeat", "audit"})
RETRY_AFTER_SECONDS = 5.0
POLL_SECONDS = 0.005
# A replica of a former primary may be further in the log, but of another timeline; after a promotion both have other commits at
# the same positions. A role without more rights can ask for the timeline of the last checkpoint, not for the present one.
POSITION = """
SELECT pg_is_in_recovery() AND timeline_id = %s, pg_last_wal_replay_lsn() >= %s::pg_lsn
  FROM pg_control_checkpoint()
"""

log = logging.getLogger("portcullis.replica")


@dataclass
class Source:
    """Where one request reads its rows; None until its first read."""

    alias: str | None = None


@dataclass
class ReplicaState:
    """What this process knows of the replica; times are those of time.monotonic."""

    ignored_until: float = 0.0
    is_used: bool = True

    def may_be_asked(self) -> bool:
        """After a failure, one request asks again every few seconds; the others do not wait for it."""
        now = time.monotonic()
        if now < self.ignored_until:
            return False
        if not self.is_used:
            self.ignored_until = now + RETRY_AFTER_SECONDS
        return True

    def failed(self, reason: object) -> None:
        if self.is_used:
            log.warning("lists are read from the primary: %s", reason)
        self.is_used, self.ignored_until = False, time.monotonic() + RETRY_AFTER_SECONDS

    def answered(self) -> None:
        if not self.is_used:
            log.warning("lists are read from the replica again")
        self.is_used, self.ignored_until = True, 0.0


source_of_request: ContextVar[Source | None] = ContextVar("source_of_request", default=None)
state = ReplicaState()


def choose() -> str:
    """The replica, if it has everything that the primary has committed by now; else the primary."""
    if not state.may_be_asked():
        return PRIMARY
    with connections[PRIMARY].cursor() as cursor:
        # A commit is acknowledged, and visible to others, only after it was flushed. The name begins with the timeline.
        cursor.execute("SELECT pg_current_wal_flush_lsn(), left(pg_walfile_name(pg_current_wal_flush_lsn()), 8)")
        committed, timeline = cursor.fetchone()
    try:
        is_current = replays_within_limit(committed, timeline=int(timeline, 16))
    except (DatabaseError, InterfaceError) as error:
        state.failed(error)
        return PRIMARY
    if not is_current:
        limit = settings.DATABASE_REPLICA_WAIT.total_seconds()
        state.failed(f"the replica is more than {limit:g} s behind, or has no checkpoint of the present primary yet")
        return PRIMARY
    state.answered()
    return REPLICA


def replays_within_limit(position: str, *, timeline: int) -> bool:
    """Wait until the replica has replayed the log up to `position`.

    False if it has not in time, is no replica, or is not known to follow the primary of that timeline.
    """
    deadline = time.monotonic() + settings.DATABASE_REPLICA_WAIT.total_seconds()
    with connections[REPLICA].cursor() as cursor:
        while True:
            cursor.execute(POSITION, [timeline, position])
            is_of_primary, is_current = cursor.fetchone()
            if is_of_primary and is_current:
                return True
            if not is_of_primary or time.monotonic() >= deadline:
                return False
            time.sleep(POLL_SECONDS)


class ReplicaRouter:
    def db_for_read(self, model: Any, **hints: Any) -> str:
        source = source_of_request.get()
        if source is None or model._meta.app_label not in APPS or connections[PRIMARY].in_atomic_block:
            return PRIMARY
        if source.alias is None:
            source.alias = choose()
        return source.alias

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return PRIMARY

    def allow_relation(self, first: Any, second: Any, **hints: Any) -> bool:
        return True  # both are the same database

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return db == PRIMARY


class ReplicaMiddleware:
    """The last middleware: lets the views of PAGES read from the replica, and repeats one on the primary if that fails."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        token = source_of_request.set(None)
        try:
            response = self.get_response(request)
            source = source_of_request.get()
            if response.status_code == 503 and source is not None and source.alias == REPLICA:
                state.failed(f"the replica did not answer {request.path}")
                response = self.get_response(request)
            return response
        finally:
            source_of_request.reset(token)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        match = request.resolver_match
        if request.method in ("GET", "HEAD") and match is not None and match.view_name in PAGES:
            source_of_request.set(Source())

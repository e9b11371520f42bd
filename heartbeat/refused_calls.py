"""When a site was last refused for its key, and from where.

The answer to a refused call must take the same time whether the site is known or not, and a flood of wrong keys must not make
the database work. So the request itself only notes the call in memory; a thread of its own writes it about a tenth of a second
later, or a second later if it has just written.
What a process has noted and not written is lost with it.
"""

import logging
import random
import threading
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Case, F, Q, Value, When
from django.db.utils import Error as DatabaseError

from sites.models import SitePulse

logger = logging.getLogger("portcullis.heartbeat")

INTERVAL = timedelta(minutes=1)  # at most one write for a site
SECONDS_BEFORE_WRITE, SECONDS_BETWEEN_WRITES = (0.02, 0.1), 1.0
# In one second, of sites that exist or not. Each is one id in a query; those that exist are an UPDATE each.
MAX_WAITING = 100
# Of sites that were written or are unknown; a site that is forgotten costs one more query.
MAX_RECENT = 10_000


@dataclass(frozen=True)
class RefusedCall:
    site_id: uuid.UUID
    ip: str | None
    at: datetime


class RefusedCalls:
    """The refused calls of this process. Without `start`, as in commands and tests, only `write` writes them."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.is_woken = threading.Event()
        self.waiting: dict[uuid.UUID, RefusedCall] = {}
        self.recent: dict[uuid.UUID, datetime] = {}
        self.has_thread = False
        self.thread: threading.Thread | None = None

    def start(self) -> None:
        self.has_thread = True

    def forget(self) -> None:
        """For tests."""
        with self.lock:
            self.waiting.clear()
            self.recent.clear()

    def note(self, call: RefusedCall) -> None:
        with self.lock:
            noted_at = self.recent.get(call.site_id)
            is_recent = noted_at is not None and timedelta(0) <= call.at - noted_at < INTERVAL
            if is_recent or len(self.waiting) >= MAX_WAITING:
                return
            if len(self.recent) >= MAX_RECENT:
                self.recent.clear()
            self.recent[call.site_id] = call.at
            self.waiting[call.site_id] = call
            # Not at the start: threads do not survive the fork of a server's worker.
            if self.has_thread and (self.thread is None or not self.thread.is_alive()):
                self.thread = threading.Thread(target=self.write_forever, name="refused-calls", daemon=True)
                self.thread.start()
        self.is_woken.set()

    def write_forever(self) -> None:
        while True:
            self.is_woken.wait()
            self.is_woken.clear()
            # After the answer, and at no moment that another call could meet on purpose.
            time.sleep(random.uniform(*SECONDS_BEFORE_WRITE))  # noqa: S311 - no secret
            try:
                self.write()
            except DatabaseError as error:
                logger.warning("refused calls are not recorded: %s", error)
            finally:
                connection.close()  # most of the time there is nothing to write
            time.sleep(SECONDS_BETWEEN_WRITES)

    def write(self) -> None:
        """Write what was noted. If that fails, the next refused call of each site is noted again."""
        with self.lock:
            calls, self.waiting = self.waiting, {}
        try:
            record_refused_calls(calls.values())
        except DatabaseError:
            with self.lock:
                for site_id in calls:
                    self.recent.pop(site_id, None)
            raise


@transaction.atomic
def record_refused_calls(calls: Iterable[RefusedCall]) -> None:
    """Store the calls of those sites that exist, unless one was stored less than a minute before.

    Not of sites whose personal data was erased: an address is personal data.
    """
    by_id = {call.site_id: call for call in calls}
    known = SitePulse.objects.filter(pk__in=by_id, site__erased_at=None)
    # In the order of their ids, so that two processes lock the rows in the same order.
    for site_id in known.order_by("pk").values_list("pk", flat=True):
        call = by_id[site_id]
        was_accepted_since = Q(last_refused_at=None) | Q(last_seen_at__gte=F("last_refused_at"))
        known.filter(
            Q(last_refused_at=None)
            | Q(last_refused_at__lte=call.at - INTERVAL)
            | Q(last_refused_at__gt=call.at + INTERVAL),
            pk=site_id,
        ).update(
            last_refused_at=call.at,
            last_refused_ip=call.ip,
            refused_since=Case(When(was_accepted_since, then=Value(call.at)), default=F("refused_since")),
        )


refused_calls = RefusedCalls()

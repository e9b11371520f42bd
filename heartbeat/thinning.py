"""The part of `manage.py prune` for the history of sites that call far more often than told.

Of a day that is over it keeps the first heartbeat of each five minutes and those in which something changed. Availability,
outages and bars stay the same: a row is deleted only if no call was due before the one that followed it
(heartbeat/tests/test_thinning.py compares them).
"""

import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import NamedTuple

from django.db.models import Count

from heartbeat.models import Heartbeat
from sites.call_rate import expected_calls_a_day

DAY, FIVE_MINUTES = timedelta(days=1), timedelta(minutes=5)
DAYS_LOOKED_AT = 7  # so that a daily run can fail a few times
# A day with fewer rows is left alone: one row for each five minutes.
ROWS_LEFT_ALONE = DAY // FIVE_MINUTES
# A site that changes something with each call must not keep all of its rows.
CHANGES_KEPT = 10  # in five minutes, besides the first row
MAX_BATCH_SIZE = 5_000  # the ids are parameters of a statement, whose number is limited


class Row(NamedTuple):
    """The fields of a heartbeat that decide whether it is kept."""

    id: int
    received_at: datetime
    due_at: datetime | None
    uptime_seconds: int
    ip: str | None
    version: str
    licensed: bool
    locked: bool

    @property
    def due(self) -> datetime:
        """Without a stored due time, as if a call had been due at once: then nothing after it is deleted."""
        return self.due_at or self.received_at


def thin_heartbeats(*, at: datetime, days: int = DAYS_LOOKED_AT, batch_size: int = MAX_BATCH_SIZE) -> dict[str, int]:
    """Thin the newest `days` that ended at least a day before `at`, in UTC, and return the number of deleted rows.

    Like `prune_heartbeats`, each batch is a transaction, and is followed by a pause as long as it took.
    """
    newest_end = (at - DAY).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    total = 0
    for number in range(days):
        end = newest_end - number * DAY
        for site_id in sites_with_many_rows(end - DAY, end):
            started = time.monotonic()
            redundant = redundant_ids(rows_of(site_id, end - DAY, end))
            step = min(batch_size, MAX_BATCH_SIZE)
            for first in range(0, len(redundant), step):
                # With the time, so that only the partition of that month is looked at.
                rows = Heartbeat.objects.filter(received_at__gte=end - DAY, received_at__lt=end)
                deleted, _ = rows.filter(id__in=redundant[first : first + step]).delete()
                total += deleted
                time.sleep(time.monotonic() - started)
                started = time.monotonic()
    return {"thinned_heartbeats": total}


def sites_with_many_rows(start: datetime, end: datetime) -> list[uuid.UUID]:
    rows = Heartbeat.objects.filter(received_at__gte=start, received_at__lt=end)
    counted = rows.order_by().values("site_id").annotate(number=Count("*"))
    most = max(ROWS_LEFT_ALONE, int(2 * expected_calls_a_day()))
    return list(counted.filter(number__gt=most).values_list("site_id", flat=True))


def rows_of(site_id: uuid.UUID, start: datetime, end: datetime) -> list[Row]:
    """At most 86,400 with the default limit of calls a minute."""
    rows = Heartbeat.objects.of_site(site_id).filter(received_at__gte=start, received_at__lt=end)
    return [Row(*values) for values in rows.order_by("received_at", "id").values_list(*Row._fields)]


def redundant_ids(rows: Sequence[Row]) -> list[int]:
    """The ids of the rows of one site that can be deleted; `rows` in the order of time. The last one is always kept."""
    found: list[int] = []
    for _, group in groupby(enumerate(rows[:-1]), key=lambda numbered: period_of(numbered[1])):
        (_, first), *others = group
        earliest_due, changes, previous = first.due, 0, first
        for number, row in others:
            earliest_due = min(earliest_due, row.due)
            is_kept_change = changes < CHANGES_KEPT and has_changed(previous, row)
            changes += is_kept_change
            # Of two rows with one time it is open which one the queries of the availability take for the later one.
            is_alone = rows[number - 1].received_at < row.received_at < rows[number + 1].received_at
            if is_alone and not is_kept_change and rows[number + 1].received_at <= earliest_due:
                found.append(row.id)
            previous = row
    return found


def period_of(row: Row) -> int:
    return int(row.received_at.timestamp()) // int(FIVE_MINUTES.total_seconds())


def has_changed(before: Row, after: Row) -> bool:
    """Whether another version, address or reply was recorded, or the site's server was restarted."""
    return before[4:] != after[4:] or after.uptime_seconds < before.uptime_seconds

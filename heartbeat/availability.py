"""When a site was online, computed from its heartbeats and from the time when each next heartbeat was due.

A site is offline from the due time plus HEARTBEAT_GRACE until its next heartbeat: the rule of `status`, applied to any
moment. A row without a due time counts as due after the site's usual pace. The pulse counts as one more heartbeat, so that
a site whose last row was pruned is still offline. After its deregistration no heartbeat is expected of a site.

Each function runs one statement, which walks the index by site and time and returns results, not heartbeats.
"""

import math
import uuid
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connections, models, router

from heartbeat.schedule import pace_of
from sites.models import Site

WINDOWS_IN_DAYS = (7, 30, 90)
NEWEST_OUTAGES = 100
MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SlotState(StrEnum):
    BEFORE = "before"  # no data: before the registration, after the deregistration, or pruned
    SEEN = "seen"  # it called, or no call was due
    MISSED = "missed"  # it did not call, and was overdue or had never called
    RUNNING = "running"  # just registered: its first call is not overdue yet


class Slot(NamedTuple):
    """A period that includes its end, and the state of the site in it."""

    starts_at: datetime
    ends_at: datetime
    state: SlotState


class Outage(NamedTuple):
    began_at: datetime
    ended_at: datetime | None  # None if the site is offline now


# From here on times are integers, in microseconds since 1970: Python and both databases add and compare them alike.


class Expected(NamedTuple):
    """When calls of a site are expected. `pace` is used where no due time was stored."""

    since: int
    until: int | None
    kept_since: int
    pace: int
    grace: int


class LastCall(NamedTuple):
    """The last call in the history up to the end of a slot, and the pulse."""

    called_at: int | None
    due_at: int | None
    seen_at: int | None
    pulse_due_at: int | None


# --- Slots ---------------------------------------------------------------------------------------------------------


def heartbeat_slots(
    sites: Collection[Site], *, at: datetime, slots: int = 28, length: timedelta = timedelta(hours=6)
) -> dict[uuid.UUID, tuple[Slot, ...]]:
    """The slots of each site, each of that length, the oldest first; the last one ends now.

    It takes one query for a page of up to 200 sites. The state of a slot follows from the last call before its end alone,
    so each slot takes one lookup in the index, however often a site called.
    """
    page = [(site, expected_of(site, at=at)) for site in sites]
    ends = [at - length * number for number in reversed(range(slots))]
    spans = [(end - length, end, microseconds(end - length), microseconds(end)) for end in ends]
    found: dict[uuid.UUID, list[Slot]] = {site.pk: [] for site, _ in page}
    for site_number, slot_number, *instants in newest_calls([site for site, _ in page], ends):
        site, expected = page[site_number]
        starts_at, ends_at, start, end = spans[slot_number]
        state = slot_state(start, end, expected, LastCall(*instants), is_last=slot_number == slots - 1)
        found[site.pk].append(Slot(starts_at, ends_at, state))
    return {site_id: tuple(row) for site_id, row in found.items()}


def expected_of(site: Site, *, at: datetime) -> Expected:
    return Expected(
        since=microseconds(site.created_at),
        until=microseconds(site.deregistered_at) if site.deregistered_at else None,
        kept_since=microseconds(at - settings.HEARTBEAT_HISTORY),
        pace=usual_pace(site.pk),
        grace=settings.HEARTBEAT_GRACE // MICROSECOND,
    )


def slot_state(start: int, end: int, expected: Expected, last: LastCall, *, is_last: bool) -> SlotState:
    until = end if expected.until is None else min(end, expected.until)
    if until <= start:
        return SlotState.BEFORE
    called_at, due_at, seen_at, pulse_due_at = last
    if seen_at is not None and seen_at <= end and (called_at is None or seen_at >= called_at):
        called_at, due_at = seen_at, pulse_due_at
    if called_at is not None:
        due = called_at + expected.pace if due_at is None else due_at
        is_fine = called_at > start or due + expected.grace >= until
        return SlotState.SEEN if is_fine else SlotState.MISSED
    # The site has called, but not up to the end of this slot: older rows may have been pruned.
    since = expected.since if seen_at is None else max(expected.since, expected.kept_since)
    if end <= since:
        return SlotState.BEFORE
    return SlotState.RUNNING if is_last and start <= expected.since else SlotState.MISSED


NEWEST_CALLS = """
WITH site (number, site_id) AS (VALUES {sites}), slot (number, ends_at) AS (VALUES {ends})
SELECT site.number, slot.number, {last.received_at}, {last.due_at}, {pulse.last_seen_at}, {pulse.due_at}
  FROM site CROSS JOIN slot
  LEFT JOIN sites_sitepulse AS pulse ON pulse.site_id = site.site_id
  LEFT JOIN {newest}
 ORDER BY site.number, slot.number"""

NEWEST = """
SELECT {columns} FROM heartbeat_heartbeat AS call
 WHERE call.site_id = site.site_id AND call.received_at <= slot.ends_at ORDER BY call.received_at DESC LIMIT 1"""


def newest_calls(sites: Sequence[Site], ends: Sequence[datetime]) -> list[tuple[Any, ...]]:
    """One row for each site and each end: the numbers of both, and the fields of `LastCall`."""
    if not sites:
        return []
    return rows_of(
        NEWEST_CALLS,
        {f"site_{number}": site.pk for number, site in enumerate(sites)}
        | {f"end_{number}": end for number, end in enumerate(ends)},
        sites=", ".join(f"({number}, %(site_{number})s)" for number in range(len(sites))),
        ends=", ".join(f"({number}, %(end_{number})s)" for number in range(len(ends))),
    )


# --- Outages -------------------------------------------------------------------------------------------------------

HISTORY = """
SELECT received_at, due_at FROM heartbeat_heartbeat
 WHERE site_id = %(site_id)s AND received_at <= (SELECT ends_at FROM life)"""
BEGIN = "received_at >= COALESCE((SELECT received_at FROM before), %(since)s)"

# There is no gap between calls that are no further apart than the grace, because the due time is later than the call. The
# walk reads only the last of such calls, so a site that called every second for weeks takes some thousand lookups.
WALK = f"""
({HISTORY} AND {BEGIN} ORDER BY received_at LIMIT 1)
UNION ALL
SELECT next.received_at, next.due_at FROM walk CROSS JOIN LATERAL (
  SELECT near.received_at, near.due_at FROM (
    SELECT * FROM ({HISTORY} AND received_at > walk.received_at
      AND received_at <= walk.received_at + make_interval(secs => %(grace)s / 1000000.0)
      ORDER BY received_at DESC LIMIT 1) AS last_within_the_grace
    UNION ALL
    SELECT * FROM ({HISTORY} AND received_at > walk.received_at ORDER BY received_at LIMIT 1) AS very_next
  ) AS near ORDER BY near.received_at DESC LIMIT 1) AS next"""  # noqa: S608 - of SQL alone

GAPS = """
WITH RECURSIVE life AS (
  SELECT CASE WHEN deregistered_at < %(at)s THEN deregistered_at ELSE %(at)s END AS ends_at FROM sites_site
   WHERE site_id = %(site_id)s),
before AS (
  SELECT max(received_at) AS received_at FROM heartbeat_heartbeat
   WHERE site_id = %(site_id)s AND received_at <= %(since)s),
walk AS ({walk}),
calls AS (
  SELECT {call.received_at} AS came, COALESCE({call.due_at}, {call.received_at} + %(pace)s) + %(grace)s AS overdue,
         0 AS is_pulse
    FROM walk AS call
   UNION ALL
  SELECT {pulse.last_seen_at}, {pulse.due_at} + %(grace)s, 1
    FROM sites_sitepulse AS pulse
   WHERE pulse.site_id = %(site_id)s AND pulse.last_seen_at <= (SELECT ends_at FROM life)),
followed AS (SELECT overdue, LEAD(came) OVER (ORDER BY came, is_pulse) AS next_came FROM calls),
gap AS (
  SELECT overdue AS began, COALESCE(next_came, {life.ends_at}) AS ended, next_came IS NULL AS is_last
    FROM followed CROSS JOIN life WHERE overdue < COALESCE(next_came, {life.ends_at}))"""

NEWEST_GAPS = """{gaps}
SELECT began, ended, is_last AND {life.ends_at} = {at} FROM gap CROSS JOIN life
 WHERE ended > {since} ORDER BY began DESC LIMIT %(most)s"""

TIME_OFFLINE = """{gaps}
SELECT (SELECT min(came) FROM calls), {life.ends_at}, {sums} FROM life LEFT JOIN gap ON TRUE GROUP BY life.ends_at"""

OFFLINE_SINCE = "COALESCE(sum(CASE WHEN ended > {start} THEN ended - {larger}(began, {start}) ELSE 0 END), 0)"


def outages(site_id: uuid.UUID, *, since: datetime, at: datetime) -> list[Outage]:
    """Outages that ended after `since` or last until now, the newest first, at most 100.

    One that began before `since` is returned with its own beginning. The deregistration of a site ends its outage.
    """
    parameters = {**gap_parameters(site_id, since=since, at=at), "most": NEWEST_OUTAGES}
    rows = rows_of(NEWEST_GAPS, parameters)
    return [Outage(instant(began), None if is_open else instant(ended)) for began, ended, is_open in rows]


def availability(site: Site, *, at: datetime) -> dict[int, float | None]:
    """The share of the last 7, 30 and 90 days in which the site was not offline, counted from its first known heartbeat.

    It is exact however many outages there were, and 1 only if there was none. It is None without a time to measure.
    """
    starts = {days: at - timedelta(days=days) for days in WINDOWS_IN_DAYS}
    sums = ", ".join(OFFLINE_SINCE.replace("{start}", str(microseconds(start))) for start in starts.values())
    parameters = gap_parameters(site.pk, since=min(starts.values()), at=at)
    ((first, end, *offline),) = rows_of(TIME_OFFLINE.replace("{sums}", sums), parameters)
    return {
        days: share(int(time_offline), since=max(first, microseconds(start)), until=end) if first is not None else None
        for (days, start), time_offline in zip(starts.items(), offline, strict=True)
    }


def share(offline: int, *, since: int, until: int) -> float | None:
    return 1 - offline / (until - since) if until > since else None


def percent(share: float | None) -> str:
    """Format a share, such as "99.98 %". It rounds down, so that only a site that was never offline has "100 %"."""
    if share is None:
        return "–"
    if share in (0, 1):
        return f"{share:.0%}".replace("%", " %")
    hundredths = min(math.floor(round(share * 10_000, 6)), 9_999)
    return f"{hundredths // 100}.{hundredths % 100:02} %"


def gap_parameters(site_id: uuid.UUID, *, since: datetime, at: datetime) -> dict[str, Any]:
    return {
        "site_id": site_id,
        "since": since,
        "at": at,
        "pace": usual_pace(site_id),
        "grace": settings.HEARTBEAT_GRACE // MICROSECOND,
    }


# --- Shared by slots and outages ------------------------------------------------------------------------------------

DIALECTS = {
    "postgresql": {
        "larger": "greatest",
        "micros": "(extract(epoch FROM {moment}) * 1000000)::bigint",
        "walk": WALK,
        "newest": f"LATERAL ({NEWEST.format(columns='call.received_at, call.due_at')}) AS last ON TRUE",
    },
    # SQLite stores times as text; a fraction has six digits and begins at the 21st character.
    "sqlite": {
        "larger": "max",
        "micros": ("(strftime('%%s', substr({moment}, 1, 19)) * 1000000 + CAST(substr({moment}, 21) AS INTEGER))"),
        # It reads all calls, which is good enough for a small fleet.
        "walk": f"{HISTORY} AND {BEGIN}",
        "newest": f"heartbeat_heartbeat AS last ON last.id = ({NEWEST.format(columns='call.id')})",
    },
}
TIME_COLUMNS = ("received_at", "due_at", "last_seen_at", "ends_at")
PARAMETER_FIELDS: dict[type, "models.Field[Any, Any]"] = {
    uuid.UUID: models.UUIDField(),
    datetime: models.DateTimeField(),
}


class TableColumns:
    """The SQL that reads each column of times of one table as microseconds."""

    def __init__(self, name: str, micros: str) -> None:
        for column in TIME_COLUMNS:
            setattr(self, column, micros.format(moment=f"{name}.{column}"))


def rows_of(text: str, parameters: dict[str, Any], **more_fragments: str) -> list[tuple[Any, ...]]:
    connection = connections[router.db_for_read(Site)]
    dialect = DIALECTS[connection.vendor]
    micros = dialect["micros"]
    fragments = {name: TableColumns(name, micros) for name in ("call", "last", "pulse", "life")} | {
        "at": micros.format(moment="%(at)s"),
        "since": micros.format(moment="%(since)s"),
        "larger": dialect["larger"],
        "newest": dialect["newest"],
        "walk": dialect["walk"],
    }
    sql = text.replace("{gaps}", GAPS).format(**fragments, **more_fragments)
    adapted = {
        name: PARAMETER_FIELDS[type(value)].get_db_prep_value(value, connection)
        if type(value) in PARAMETER_FIELDS
        else value
        for name, value in parameters.items()
    }
    with connection.cursor() as cursor:
        cursor.execute(sql, adapted)
        return list(cursor.fetchall())


def usual_pace(site_id: uuid.UUID) -> int:
    return pace_of(site_id).usual_seconds * 1_000_000


def microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND


def instant(micros: int) -> datetime:
    return EPOCH + micros * MICROSECOND

"""The check-in: who calls, what it is told, and that it called.

This path is special. After an outage every site calls at once, and each of them waits with a restaurant behind it. So
what elsewhere would be four or five round trips of the ORM is one SQL statement here: it authenticates the site, decides
what it is told and when to call again, moves its pulse, adds the history row and holds the site to its own limit, or
writes nothing at all. Only what happens once in a key's life goes step by step (`record_in_steps`).

The rules are not written a second time for it: which key is live, which site is live and which licence holds are compiled
from the querysets that lists use too.
"""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection, models, transaction

from heartbeat.errors import InvalidSiteCredentials, SiteCallsTooOften
from heartbeat.schedule import pace_of
from licensing.verdict import Verdict
from sites.keys import key_digest
from sites.models import Site, SiteKey, SitePulse
from sites.services import retire_older_keys

CALL_WINDOW = timedelta(minutes=1)
USES_THAT_PROVE_A_KEY = 2
SHORTEST_SECONDS = 60
NOBODY = uuid.UUID(int=0)


@dataclass(frozen=True)
class SiteCredentials:
    """What a local backend sent, as it came; either may be anything."""

    site_id: str
    key: str = field(repr=False)


@dataclass(frozen=True)
class Report:
    """What a local backend says of itself; `uptime_seconds` from 0 to 2**53 - 1."""

    version: str
    uptime_seconds: int


class Answer(NamedTuple):
    verdict: Verdict
    server_time: datetime
    next_heartbeat_seconds: int


def record_heartbeat(credentials: SiteCredentials, report: Report, *, ip: str | None, at: datetime) -> Answer:
    """Let a site check in: authenticate it, decide what it is told, keep that it called; the answer is for after the commit.

    A call that arrives late is kept in the history but does not move the pulse back.
    Raises InvalidSiteCredentials, SiteCallsTooOften; then nothing is written.
    """
    parameters = parameters_of(credentials, report, ip=ip, at=at)
    # SQLite cannot write two tables in one statement, and has no round trips to save.
    record = record_at_once if connection.vendor == "postgresql" else record_in_steps
    licensed, locked, lock_reason, expires_at, next_seconds = record(parameters)
    return Answer(Verdict(licensed, locked, lock_reason, expires_at), at, next_seconds)


class Told(NamedTuple):
    """What a site is told, in the order of TOLD's columns."""

    licensed: bool
    locked: bool
    lock_reason: str | None
    expires_at: datetime
    next_heartbeat_seconds: int


def record_at_once(parameters: dict[str, Any]) -> Told:
    database: Any = connection  # of config.postgresql
    cursor = database.prepared_cursor()
    cursor.execute(spelt(AT_ONCE, "postgresql"), parameters)
    row = cursor.fetchone()
    if row is None:
        raise InvalidSiteCredentials
    is_recorded, *told = row
    return Told(*told) if is_recorded else record_in_steps(parameters)


def record_in_steps(parameters: dict[str, Any]) -> Told:
    """The same with one statement for each step, and what the one statement leaves alone.

    That is the call past the limit, which is refused, and the second with a new key, which retires the older ones.
    """
    adapted = {name: FIELDS[name].get_db_prep_value(value, connection) for name, value in parameters.items()}
    with connection.cursor() as cursor:
        # Asked before there is a transaction: a flood must not hold SQLite's one write lock, nor the pulse.
        ask(cursor, adapted, at=parameters["at"])
        with transaction.atomic():
            if connection.features.has_select_for_update:
                # Held until the end, so that of two calls at the same moment exactly one is the second.
                SitePulse.objects.select_for_update().filter(pk=parameters["site_id"]).values_list("pk").first()
            told, key_id, proves_key = ask(cursor, adapted, at=parameters["at"])
            cursor.execute(spelt(CALLER + MOVE, connection.vendor), adapted)
            cursor.execute(spelt(CALLER + KEEP, connection.vendor), adapted)
            if proves_key:
                key = SiteKey.objects.select_related("site").get(pk=key_id)
                retire_older_keys(key, site_name=key.site.name, ip=parameters["ip"], at=parameters["at"])
    return told


def ask(cursor: Any, parameters: dict[str, Any], *, at: datetime) -> tuple[Told, int, bool]:
    """What the site is told, the id of its key, and whether this call proves that the site holds the newest one.

    Raises InvalidSiteCredentials, SiteCallsTooOften.
    """
    cursor.execute(spelt(CALLER + ASK, connection.vendor), parameters)
    row = cursor.fetchone()
    if row is None:
        raise InvalidSiteCredentials
    licensed, locked, lock_reason, expires_at, next_seconds, key_id, proves_key, full_window_started_at = row
    if full_window_started_at is not None:
        left = min(instant_of(full_window_started_at) + CALL_WINDOW - at, CALL_WINDOW)
        raise SiteCallsTooOften(retry_after_seconds=int(left.total_seconds()) + 1)
    told = Told(bool(licensed), bool(locked), lock_reason, instant_of(expires_at), next_seconds)
    return told, key_id, bool(proves_key)


def instant_of(stored: Any) -> datetime:
    """A time as the database gave it: SQLite keeps text, in UTC, without saying so."""
    moment = datetime.fromisoformat(stored) if isinstance(stored, str) else stored
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def parameters_of(credentials: SiteCredentials, report: Report, *, ip: str | None, at: datetime) -> dict[str, Any]:
    """What the statement must know. What cannot be an id or a key is looked up all the same: the time tells nothing."""
    site_id = readable_id(credentials.site_id)
    pace = pace_of(site_id)
    return {
        "site_id": site_id,
        "digest": key_digest(credentials.key),
        "at": at,
        "ip": ip,
        "version": report.version,
        "uptime_seconds": report.uptime_seconds,
        "usual_seconds": pace.usual_seconds,
        "after_end_seconds": pace.after_end_seconds,
        "calls_per_window": settings.HEARTBEATS_PER_MINUTE,
    }


def readable_id(site_id: str) -> uuid.UUID:
    try:
        parsed = uuid.UUID(site_id)
    except ValueError:
        return NOBODY
    # uuid.UUID also reads braces, "urn:uuid:" and no dashes; an id has one spelling, in either case.
    return parsed if str(parsed) == site_id.lower() else NOBODY


# --- The statement, once for both databases ------------------------------------------------------------------------
#
# Braces hold the parameters, the conditions below, what comes from the ORM and what the two databases spell differently.
# What a signed lease will need of the site (its number, counted up) is one more column to set and to return; what a
# replayed heartbeat is known by (its sequence), one more condition beside `window_is_full`.

CONDITIONS = {
    # Also for a call that began a moment before the one that opened the window; not after a clock was set back.
    "window_lasts": (
        "COALESCE(pulse.window_started_at > {window_began_after}"
        " AND pulse.window_started_at < {window_begins_before}, FALSE)"
    ),
    "window_is_full": "{window_lasts} AND pulse.window_calls >= {calls_per_window}",
    "proves_key": (
        "caller.holds_newest_key AND pulse.newest_key_id = caller.key_id"
        f" AND pulse.newest_key_uses = {USES_THAT_PROVE_A_KEY - 1}"
    ),
    "is_newest_call": "COALESCE(pulse.last_seen_at <= {at}, TRUE)",
}

CALLER = """
WITH site AS ({live_site}),
key AS ({live_key}),
caller AS (
  SELECT site.*, key.id AS key_id, key.expires_at IS NULL AS holds_newest_key,
         CASE WHEN site.licensed AND site.license_expires_at < {usually_due_at}
              THEN {larger}({seconds_until_end} + {after_end_seconds}, {shortest_seconds})
              ELSE {usual_seconds} END AS next_seconds
    FROM site JOIN key ON key.site_id = site.site_id
)"""

MOVE = """
UPDATE sites_sitepulse AS pulse
   SET window_started_at = CASE WHEN {window_lasts} THEN pulse.window_started_at ELSE {at} END,
       window_calls = CASE WHEN {window_lasts} THEN pulse.window_calls + 1 ELSE 1 END,
       newest_key_id = CASE WHEN caller.holds_newest_key THEN caller.key_id ELSE pulse.newest_key_id END,
       newest_key_uses = CASE WHEN NOT caller.holds_newest_key THEN pulse.newest_key_uses
                              WHEN pulse.newest_key_id = caller.key_id THEN {uses_that_prove_a_key}
                              ELSE 1 END,
       last_seen_at = CASE WHEN {is_newest_call} THEN {at} ELSE pulse.last_seen_at END,
       last_seen_ip = CASE WHEN {is_newest_call} THEN {ip} ELSE pulse.last_seen_ip END,
       version = CASE WHEN {is_newest_call} THEN {version} ELSE pulse.version END,
       uptime_seconds = CASE WHEN {is_newest_call} THEN {uptime_seconds} ELSE pulse.uptime_seconds END,
       due_at = CASE WHEN {is_newest_call} THEN {due_at} ELSE pulse.due_at END,
       reply_licensed = CASE WHEN {is_newest_call} THEN caller.licensed ELSE pulse.reply_licensed END,
       reply_locked = CASE WHEN {is_newest_call} THEN caller.is_locked ELSE pulse.reply_locked END
  FROM caller
 WHERE pulse.site_id = caller.site_id"""

KEEP = """
INSERT INTO heartbeat_heartbeat (site_id, received_at, due_at, ip, version, uptime_seconds, licensed, locked)
SELECT caller.site_id, {at}, {due_at}, {ip}, {version}, {uptime_seconds}, caller.licensed, caller.is_locked
  FROM caller"""

TOLD = "caller.licensed, caller.is_locked, caller.lock_reason, caller.license_expires_at, caller.next_seconds"

ASK = """
SELECT {told}, caller.key_id, {proves_key}, CASE WHEN {window_is_full} THEN pulse.window_started_at END
  FROM caller JOIN sites_sitepulse AS pulse ON pulse.site_id = caller.site_id"""

# An update that had to wait for another call of the same site looks at its row again before it decides.
AT_ONCE = """
{with_caller},
moved AS ({move} AND NOT ({window_is_full}) AND NOT ({proves_key}) RETURNING pulse.site_id),
kept AS ({keep} JOIN moved ON moved.site_id = caller.site_id)
SELECT moved.site_id IS NOT NULL, {told} FROM caller LEFT JOIN moved ON moved.site_id = caller.site_id"""

FIELDS: dict[str, "models.Field[Any, Any]"] = {
    "site_id": models.UUIDField(),
    "digest": models.CharField(),
    "at": models.DateTimeField(),
    "ip": models.GenericIPAddressField(),
    "version": models.CharField(),
    "uptime_seconds": models.BigIntegerField(),
    "usual_seconds": models.IntegerField(),
    "after_end_seconds": models.IntegerField(),
    "calls_per_window": models.IntegerField(),
}

# Moments so many seconds after the call; see "later".
MOMENTS = {
    "due_at": "caller.next_seconds",
    "usually_due_at": "{usual_seconds}",
    "window_began_after": -CALL_WINDOW.seconds,
    "window_begins_before": CALL_WINDOW.seconds,
}

SPELLINGS = {
    "postgresql": {
        "larger": "greatest",
        "seconds_until_end": "ceil(extract(epoch FROM site.license_expires_at - {at}))::integer",
        "later": "{{at}} + make_interval(secs => {seconds})",
    },
    # SQLite keeps times as text, with a fraction from the 20th character on if there is one; its own functions round it.
    "sqlite": {
        "larger": "max",
        "seconds_until_end": (
            "(strftime('%%s', substr(site.license_expires_at, 1, 19)) - strftime('%%s', substr({at}, 1, 19))"
            " + (substr(site.license_expires_at, 20) > substr({at}, 20)))"
        ),
        "later": (
            "strftime('%%Y-%%m-%%d %%H:%%M:%%S', substr({{at}}, 1, 19), ({seconds}) || ' seconds')"
            " || substr({{at}}, 20)"
        ),
    },
}


class Given(models.Expression):
    """A parameter that the ORM leaves open, by its name."""

    def __init__(self, name: str) -> None:
        super().__init__(output_field=FIELDS[name])
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        return f"%({self.name})s", ()

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        # What psycopg itself does not tell the server when a statement is prepared: which kind of text or of number.
        field = self.output_field
        told = isinstance(field, models.DateTimeField | models.UUIDField)
        return f"%({self.name})s" + ("" if told else f"::{field.cast_db_type(connection)}"), ()


@cache
def spelt(text: str, vendor: str) -> str:
    """The text with every brace filled, for the connected database."""
    at: Any = Given("at")
    live_site = Site.objects.live().with_licensed(at=at).filter(pk=Given("site_id"))
    live_key = SiteKey.objects.live(at=at).filter(site=Given("site_id"), digest=Given("digest"))
    compiler = live_site.query.get_compiler(connection=connection)
    words = {
        **CONDITIONS,
        **{name: compiler.compile(Given(name))[0] for name in FIELDS},
        **SPELLINGS[vendor],
        **{name: SPELLINGS[vendor]["later"].format(seconds=seconds) for name, seconds in MOMENTS.items()},
        "live_site": sql_of(live_site.values("site_id", "licensed", "is_locked", "lock_reason", "license_expires_at")),
        "live_key": sql_of(live_key.values("id", "site_id", "expires_at")),
        "with_caller": CALLER,
        "move": MOVE,
        "keep": KEEP,
        "told": TOLD,
        "shortest_seconds": SHORTEST_SECONDS,
        "uses_that_prove_a_key": USES_THAT_PROVE_A_KEY,
    }
    while "{" in text:
        text = text.format_map(words)
    # In one line: psycopg remembers how it reads a statement of up to 4,096 characters, and reads a longer one each time.
    return " ".join(text.split())


def sql_of(rows: "models.QuerySet[Any, Any]") -> str:
    sql, values = rows.query.sql_with_params()
    assert not values, "every value is a parameter of the whole statement, given by name"
    return sql

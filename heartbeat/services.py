"""The check-in: who calls, what it is told, and that it called."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from heartbeat.errors import InvalidSiteCredentials, SiteCallsTooOften
from heartbeat.models import Heartbeat
from heartbeat.schedule import seconds_until_next
from licensing.verdict import Verdict, decide
from sites.keys import key_digest
from sites.models import SiteKey, SitePulse
from sites.services import retire_older_keys

CALL_WINDOW = timedelta(minutes=1)
USES_THAT_PROVE_A_KEY = 2
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


@dataclass(frozen=True)
class Answer:
    verdict: Verdict
    server_time: datetime
    next_heartbeat_seconds: int


def record_heartbeat(credentials: SiteCredentials, report: Report, *, ip: str | None, at: datetime) -> Answer:
    """Let a site check in: authenticate it, decide what it is told, keep that it called; the answer is for after the commit.

    Raises InvalidSiteCredentials, SiteCallsTooOften; then nothing is written.
    """
    # Outside the transaction: on SQLite a flood of wrong keys must not hold the one write lock for longer than a counter takes.
    key = authenticate_site(credentials, at=at)
    return check_in(key, report, ip=ip, at=at)


@transaction.atomic
def check_in(key: SiteKey, report: Report, *, ip: str | None, at: datetime) -> Answer:
    """Add one history row and move the pulse, never the site.

    A call that arrives late is kept in the history but does not move the pulse back. Raises SiteCallsTooOften.
    """
    pulse = SitePulse.objects.select_for_update().filter(pk=key.site_id).first()
    if pulse is None:  # taken out with the demo since it was authenticated
        raise InvalidSiteCredentials
    verdict = decide(key.site, at=at)
    answer = Answer(verdict, at, seconds_until_next(key.site_id, verdict, at=at))
    written = count_call(pulse, at=at)
    if pulse.last_seen_at is None or at >= pulse.last_seen_at:
        written |= move_pulse(pulse, report, answer, ip=ip)
    written |= count_use_of_newest_key(pulse, key, ip=ip, at=at)
    pulse.save(update_fields=written)
    Heartbeat.objects.create(
        site_id=key.site_id,
        received_at=at,
        ip=ip,
        version=report.version,
        uptime_seconds=report.uptime_seconds,
        licensed=verdict.licensed,
        locked=verdict.locked,
    )
    return answer


def authenticate_site(credentials: SiteCredentials, *, at: datetime) -> SiteKey:
    """The live key of a live site that these credentials are. Raises InvalidSiteCredentials.

    Every failure takes the same way: one hash, one query, nothing found. An id or a key that cannot be one is looked up all
    the same, so that the time tells nothing.
    """
    key: SiteKey | None = (
        SiteKey.objects.live(at=at)
        .select_related("site")
        .filter(digest=key_digest(credentials.key), site=readable_id(credentials.site_id))
        .filter(site__deregistered_at=None)
        .first()
    )
    if key is None:
        raise InvalidSiteCredentials
    return key


def readable_id(site_id: str) -> uuid.UUID:
    try:
        parsed = uuid.UUID(site_id)
    except ValueError:
        return NOBODY
    # uuid.UUID also reads braces, "urn:uuid:" and no dashes; an id has one spelling, in either case.
    return parsed if str(parsed) == site_id.lower() else NOBODY


def count_call(pulse: SitePulse, *, at: datetime) -> set[str]:
    """Hold a site to its own limit, by its own row: nobody else can use it up. Raises SiteCallsTooOften."""
    if pulse.window_started_at is None or not timedelta(0) <= at - pulse.window_started_at < CALL_WINDOW:
        pulse.window_started_at, pulse.window_calls = at, 0
    if pulse.window_calls >= settings.HEARTBEATS_PER_MINUTE:
        left = pulse.window_started_at + CALL_WINDOW - at
        raise SiteCallsTooOften(retry_after_seconds=int(left.total_seconds()) + 1)
    pulse.window_calls += 1
    return {"window_started_at", "window_calls"}


def move_pulse(pulse: SitePulse, report: Report, answer: Answer, *, ip: str | None) -> set[str]:
    pulse.last_seen_at, pulse.last_seen_ip = answer.server_time, ip
    pulse.version, pulse.uptime_seconds = report.version, report.uptime_seconds
    pulse.due_at = answer.server_time + timedelta(seconds=answer.next_heartbeat_seconds)
    pulse.told_licensed, pulse.told_locked = answer.verdict.licensed, answer.verdict.locked
    return {
        "last_seen_at",
        "last_seen_ip",
        "version",
        "uptime_seconds",
        "due_at",
        "told_licensed",
        "told_locked",
    }


def count_use_of_newest_key(pulse: SitePulse, key: SiteKey, *, ip: str | None, at: datetime) -> set[str]:
    """The second use of a site's newest key proves that the site holds it: then the older keys are retired."""
    if key.expires_at is not None:
        return set()
    uses = pulse.newest_key_uses + 1 if pulse.newest_key_id == key.pk else 1
    if uses > USES_THAT_PROVE_A_KEY:
        return set()
    pulse.newest_key_id, pulse.newest_key_uses = key.pk, uses
    if uses == USES_THAT_PROVE_A_KEY:
        retire_older_keys(key, site_name=key.site.name, ip=ip, at=at)
    return {"newest_key_id", "newest_key_uses"}


def prune_heartbeats(*, received_before: datetime, batch_size: int) -> int:
    """Delete one batch of history older than that; how many rows it was. Call again until there is none."""
    oldest = Heartbeat.objects.order_by("id").values_list("id", "received_at")[:batch_size]
    expired = [row_id for row_id, received_at in oldest if received_at < received_before]
    deleted, _ = Heartbeat.objects.filter(id__in=expired).delete()
    return deleted

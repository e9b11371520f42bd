"""Record a heartbeat: authenticate the site, compute the reply, and keep that the site called.

After an outage all sites call at once, so this path must be fast. On PostgreSQL it is one statement, see
`heartbeat.statement`. On SQLite, which has no round trips to save, it is the ORM in one transaction. The ORM also handles
the rare cases on PostgreSQL that the statement leaves to it.
"""

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeGuard

from django.conf import settings
from django.db import connection, transaction

from common.keys import current_pepper, key_digest, key_digests, pepper_id
from common.metrics import count
from heartbeat import signing_failures
from heartbeat.errors import InvalidSiteCredentials, SiteCallsTooOften
from heartbeat.metrics import UNSIGNED_LEASES
from heartbeat.models import Heartbeat
from heartbeat.runs import Boot, find_run, record_run
from heartbeat.schedule import SHORTEST_SECONDS, pace_of, seconds_until_next_call
from heartbeat.statement import SENT_STATEMENT
from licensing.errors import KeyFileInvalid, SigningKeyNotFound, SigningKeyUnavailable
from licensing.leases import lease_end, lease_for
from licensing.models import SigningKey
from sites.call_rate import recent_calls_with_one_more
from sites.models import Site, SiteKey, SitePulse
from sites.services import highest_believed_revision, move_to_current_pepper, newer_revision, retire_older_keys
from sites.status import newest_possible_pulse

# As in the statement, which has 60 seconds.
CALL_WINDOW = timedelta(minutes=1)
# Replaces a malformed id, so that the database is queried in that case too and the time taken reveals nothing.
UNKNOWN_SITE_ID = uuid.UUID(int=0)


@dataclass(frozen=True)
class SiteCredentials:
    """The two headers as they were received; either may hold any text."""

    site_id: str
    key: str = field(repr=False)


@dataclass(frozen=True)
class Report:
    """The body of a heartbeat; `uptime_seconds` is from 0 to 2**53 - 1. The rest comes from agents only.

    The lease has the `nonce` in it. `held_revision` is the newest revision of the site for which the agent has a lease.
    """

    version: str
    uptime_seconds: int
    nonce: str | None = None
    boot: Boot | None = None
    held_revision: int | None = None
    # What it acts by now, see `sites.receipts`: both or neither.
    applied_revision: int | None = None
    applied_state: str | None = None

    @property
    def is_of_agent(self) -> bool:
        """Whether the reply is delivered to an agent, which reports later what it has applied."""
        return self.nonce is not None or self.applied_revision is not None


@dataclass
class Reply:
    """The reply to a heartbeat. JSON has the fields in this order. `licensed` and `locked` are independent of each other.

    A new field also goes into `heartbeat.statement` (into `site` and the last SELECT), `record_with_orm`, and
    `ReplySerializer`. CONTRIBUTING.md has the steps.
    """

    licensed: bool
    locked: bool
    lock_reason: str | None
    expires_at: datetime
    server_time: datetime
    next_heartbeat_seconds: int
    # A signed copy of the above, see `licensing.leases`; null while there is no key to sign with.
    lease: str | None = None
    # Where the site may wait for changes between two heartbeats, see the app `doorbell`.
    doorbell: str | None = None


@dataclass(frozen=True)
class Recorded:
    """The reply to a heartbeat, and what its lease needs besides: a revision, and the id of the signing key."""

    revision: int
    kid: str | None
    reply: Reply


def record_heartbeat(credentials: SiteCredentials, report: Report, *, ip: str | None, at: datetime) -> Reply:
    """Authenticate the site, store the call in its history and its pulse, and return the reply.

    A call that is recorded after a later one is stored in the history, but does not move the pulse back. A pulse more
    than five minutes ahead was written by a clock that was wrong, and is overwritten. A heartbeat that an agent repeats
    is answered, and stored nowhere.
    Raises InvalidSiteCredentials or SiteCallsTooOften; then nothing is written.
    """
    recorded = None
    if connection.vendor == "postgresql":
        recorded = record_with_one_statement(credentials, report, ip=ip, at=at)
    recorded = recorded or record_with_orm(credentials, report, ip=ip, at=at)
    reply = recorded.reply
    reply.lease = signed_lease(recorded, site_id=parse_site_id(credentials.site_id), nonce=report.nonce)
    reply.doorbell = settings.DOORBELL_URL
    return reply


def signed_lease(recorded: Recorded, *, site_id: uuid.UUID, nonce: str | None) -> str | None:
    """The reply, signed; None while there is no signing key, or while this process cannot use it.

    The reply is good without a lease, so a server whose secret of the signing keys is wrong still answers. It counts each
    reply without a lease, logs an error, and tries the key again after RETRY_SECONDS.
    """
    reply, kid = recorded.reply, recorded.kid
    # The key may have been retired since the call was recorded. Then, and only then, the one that signs now is tried.
    for _ in range(2):
        if kid is None or signing_failures.must_wait(kid):
            break
        try:
            lease = lease_for(
                kid,
                site_id=site_id,
                nonce=nonce,
                revision=recorded.revision,
                licensed=reply.licensed,
                locked=reply.locked,
                lock_reason=reply.lock_reason,
                license_expires_at=reply.expires_at,
                server_time=reply.server_time,
                next_heartbeat_seconds=reply.next_heartbeat_seconds,
                at=reply.server_time,
            )
        except (SigningKeyNotFound, SigningKeyUnavailable, KeyFileInvalid) as error:
            failed, kid = kid, signing_kid()
            if kid == failed:
                signing_failures.remember(kid, error)
                break
        else:
            if signing_failures.is_failing():
                signing_failures.forget()
            return lease
    count(UNSIGNED_LEASES)
    return None


def signing_kid() -> str | None:
    """None while there is no signing key, or while this process cannot use it."""
    kid = SigningKey.objects.signing().values_list("kid", flat=True).first()
    return None if kid is None or signing_failures.must_wait(kid) else kid


def record_with_one_statement(
    credentials: SiteCredentials, report: Report, *, ip: str | None, at: datetime
) -> Recorded | None:
    """The reply; None if the ORM must record this call, and then nothing is written."""
    database: Any = connection  # of config.postgresql
    cursor = database.prepared_cursor()
    cursor.execute(SENT_STATEMENT, statement_parameters(credentials, report, ip=ip, at=at))
    row = cursor.fetchone()
    if row is None:
        if len(settings.SITE_KEY_PEPPERS) == 1:
            raise InvalidSiteCredentials
        return None  # the key may have been made with a former pepper
    is_recorded, revision, kid, *fields = (
        row  # in the order of the statement's last SELECT; the fields are those of Reply
    )
    return Recorded(revision, kid, Reply(*fields)) if is_recorded else None


def statement_parameters(
    credentials: SiteCredentials, report: Report, *, ip: str | None, at: datetime
) -> dict[str, Any]:
    site_id = parse_site_id(credentials.site_id)
    pace = pace_of(site_id)
    boot = report.boot
    return {
        "site_id": site_id,
        "digest": key_digest(credentials.key),
        "pepper": pepper_id(current_pepper()),
        "at": at,
        "newest_possible": newest_possible_pulse(at),
        "ip": ip,
        "version": report.version,
        "uptime_seconds": report.uptime_seconds,
        "usual_seconds": pace.usual_seconds,
        "after_end": pace.after_end_seconds,
        "shortest_seconds": SHORTEST_SECONDS,
        "most_calls": settings.HEARTBEATS_PER_MINUTE,
        "of_agent": report.is_of_agent,
        # While this process cannot sign, the site gets no lease. The heartbeat that first fails still writes the end of one.
        "lease_expires_at": lease_end(at) if report.nonce and not signing_failures.is_failing() else None,
        "held_revision": report.held_revision,
        "delivered_at": delivered_at(report, at=at),
        "applied_revision": report.applied_revision,
        "applied_state": report.applied_state,
        "instance_id": boot and boot.instance_id,
        "boot_id": boot and boot.boot_id,
        "sequence": boot and boot.sequence,
    }


def record_with_orm(credentials: SiteCredentials, report: Report, *, ip: str | None, at: datetime) -> Recorded:
    # Wrong keys are refused before the transaction: a flood of them must not hold SQLite's one write lock.
    authenticate(credentials, at=at)
    with transaction.atomic():
        # The pulse is locked, so that of two calls at the same moment exactly one is the second use of a key.
        key = authenticate(credentials, at=at, lock=True)
        site, pulse = key.site, key.site.pulse
        pulse.held_revision = held_revision(site, report)
        recorded = Recorded(lease_revision(site), signing_kid(), reply_to(site, at=at))
        changes: dict[str, Any] = {"held_revision": pulse.held_revision}
        if can_accept(recorded, report) and recorded.revision > (pulse.lease_revision or 0):
            changes |= {"lease_revision": recorded.revision, "delivered_at": delivered_at(report, at=at)}
        changes |= (
            {"window_calls": pulse.window_calls + 1}
            if window_lasts(pulse.window_started_at, at=at)
            else {"window_started_at": at, "window_calls": 1}
        )
        run = find_run(site.pk, report.boot) if report.boot else None
        if run and report.boot and report.boot.sequence <= run.sequence:
            SitePulse.objects.filter(pk=site.pk).update(**changes)
            return recorded
        changes |= store_call(recorded, pulse, report, ip=ip, at=at)
        holds_newest_key = key.expires_at is None  # a rotation sets `expires_at` of every older key
        proves_newest_key = holds_newest_key and pulse.newest_key_id == key.pk and pulse.newest_key_uses == 1
        if holds_newest_key:
            changes |= {"newest_key_id": key.pk, "newest_key_uses": 2 if pulse.newest_key_id == key.pk else 1}
        # The keys before the events: a rotation locks them in this order, too.
        if proves_newest_key:
            retire_older_keys(key, site_name=site.name, ip=ip, at=at)
        # After the older keys: a rotation locks the keys of a site in the order of their ids, too.
        if key.pepper != pepper_id(current_pepper()):
            move_to_current_pepper(key, secret=credentials.key)
        if report.boot:
            changes |= record_run(run, report.boot, pulse, site, version=report.version, ip=ip, at=at)
        SitePulse.objects.filter(pk=site.pk).update(**changes)
    return recorded


def lease_revision(site: Site) -> int:
    """The site's revision; below what its agent holds if that is a newer decision, so that the agent refuses the lease."""
    newer = newer_revision(site)
    return site.revision if newer is None else min(site.revision, newer - 1)


def can_accept(recorded: Recorded, report: Report) -> bool:
    """Whether the caller is an agent that does not hold a newer decision, so that it may act by this one from now on."""
    return report.is_of_agent and (report.held_revision or 0) <= recorded.revision


def delivered_at(report: Report, *, at: datetime) -> datetime | None:
    """From when a receipt for what this heartbeat delivers is expected; None of an agent that reports nothing."""
    return None if report.applied_revision is None else at


def held_revision(site: Site, report: Report) -> int | None:
    """The highest that the site's agents reported: another installation may hold an older one.

    A number that is not believed is forgotten with the next report, so that it does not hide a real one.
    """
    before = site.pulse.held_revision
    if before is None or before > highest_believed_revision(site):
        return report.held_revision if report.held_revision is not None else before
    return highest(before, report.held_revision)


def highest(*revisions: int | None) -> int | None:
    return max((revision for revision in revisions if revision is not None), default=None)


def reply_to(site: Site, *, at: datetime) -> Reply:
    licensed = site.is_active and site.license_expires_at > at
    return Reply(
        licensed=licensed,
        locked=site.is_locked,
        lock_reason=site.lock_reason,
        expires_at=site.license_expires_at,
        server_time=at,
        next_heartbeat_seconds=seconds_until_next_call(
            site.pk, licensed_until=site.license_expires_at if licensed else None, at=at
        ),
    )


def store_call(recorded: Recorded, pulse: SitePulse, report: Report, *, ip: str | None, at: datetime) -> dict[str, Any]:
    """Store the call in the history; what it changes in the pulse."""
    reply = recorded.reply
    due_at = at + timedelta(seconds=reply.next_heartbeat_seconds)
    Heartbeat.objects.create(
        site_id=pulse.pk,
        received_at=at,
        due_at=due_at,
        ip=ip,
        version=report.version,
        uptime_seconds=report.uptime_seconds,
        licensed=reply.licensed,
        locked=reply.locked,
    )
    changes: dict[str, Any] = {"recent_calls": recent_calls_with_one_more(pulse, at=at)}
    if pulse.last_seen_at is not None and at < pulse.last_seen_at <= newest_possible_pulse(at):
        return changes
    changes |= {
        "last_seen_at": at,
        "last_seen_ip": ip,
        "version": report.version,
        "uptime_seconds": report.uptime_seconds,
        "due_at": due_at,
        "reply_licensed": reply.licensed,
        "reply_locked": reply.locked,
        "reply_locked_since": ((pulse.reply_locked and pulse.reply_locked_since) or at) if reply.locked else None,
    }
    if recorded.kid and report.nonce:
        changes["lease_expires_at"] = lease_end(at)
    if report.applied_revision is not None:
        changes |= {"applied_revision": report.applied_revision, "applied_state": report.applied_state}
        if report.applied_revision != pulse.applied_revision:
            changes["applied_at"] = at
    return changes


def authenticate(credentials: SiteCredentials, *, at: datetime, lock: bool = False) -> SiteKey:
    """Find the key that was sent, with its site and the site's pulse; `lock` locks the pulse.

    Raises InvalidSiteCredentials, SiteCallsTooOften.
    """
    keys = SiteKey.objects.live(at=at).filter(
        site=parse_site_id(credentials.site_id),
        digest__in=key_digests(credentials.key),
        site__deregistered_at=None,
        site__pulse__isnull=False,
    )
    keys = keys.select_related("site__pulse")
    key: SiteKey | None = (keys.select_for_update(of=["site__pulse"]) if lock else keys).first()
    if key is None:
        raise InvalidSiteCredentials
    pulse = key.site.pulse
    if window_lasts(pulse.window_started_at, at=at) and pulse.window_calls >= settings.HEARTBEATS_PER_MINUTE:
        left = min(pulse.window_started_at + CALL_WINDOW - at, CALL_WINDOW)
        raise SiteCallsTooOften(retry_after_seconds=int(left.total_seconds()) + 1)
    return key


def window_lasts(started_at: datetime | None, *, at: datetime) -> TypeGuard[datetime]:
    """Whether a call at `at` counts in the window that started at `started_at`.

    It does if it began a moment before the call that started the window, but not after the clock was set back by a minute.
    """
    return started_at is not None and abs(at - started_at) < CALL_WINDOW


def parse_site_id(site_id: str) -> uuid.UUID:
    try:
        parsed = uuid.UUID(site_id)
    except ValueError:
        return UNKNOWN_SITE_ID
    # uuid.UUID also accepts braces, "urn:uuid:" and no dashes. Only the usual form is an id, in lower or upper case.
    return parsed if str(parsed) == site_id.lower() else UNKNOWN_SITE_ID

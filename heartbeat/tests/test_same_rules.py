"""The heartbeat's statement, its ORM code and the querysets follow the same rules."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection, transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from audit.actors import COMMAND
from common.keys import current_pepper, key_digest, pepper_id
from heartbeat.errors import InvalidSiteCredentials, SiteCallsTooOften
from heartbeat.models import AgentRun, Heartbeat
from heartbeat.runs import Boot
from heartbeat.schedule import pace_of
from heartbeat.services import (
    Recorded,
    Report,
    SiteCredentials,
    highest,
    record_heartbeat,
    record_with_one_statement,
    record_with_orm,
)
from licensing.models import SigningKey
from sites.models import Site, SiteKey, SitePulse
from sites.services import register_site
from sites.status import newest_possible_pulse

EPOCH = datetime(2026, 6, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)
FARTHEST_ZONE_IN_MINUTES = 14 * 60

instants = st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
zones = st.integers(-FARTHEST_ZONE_IN_MINUTES, FARTHEST_ZONE_IN_MINUTES).map(
    lambda minutes: timezone(timedelta(minutes=minutes))
)
around_the_end = st.sampled_from([-TICK, timedelta(0), TICK])
anywhere = st.timedeltas(timedelta(days=-365), timedelta(days=365))
IN_ONE_TRANSACTION = settings(
    database=None, deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def credentials(db: None) -> SiteCredentials:
    facts = {"name": "Roma", "owner_name": "Giulia", "contact_email": "giulia@roma.example"}
    registration = register_site(**facts, by=COMMAND, at=EPOCH)
    return SiteCredentials(str(registration.site.pk), registration.secret_key)


@pytest.mark.slow
@IN_ONE_TRANSACTION
@given(
    end=instants,
    after_end=around_the_end | anywhere,
    end_zone=zones,
    clock_zone=zones,
    active=st.booleans(),
    locked=st.booleans(),
)
@example(EPOCH, timedelta(0), UTC, UTC, True, False)
@example(EPOCH, -TICK, UTC, timezone(timedelta(hours=14)), True, True)
@example(EPOCH + TICK, -TICK, timezone(timedelta(hours=-12)), UTC, True, False)
def test_the_reply_the_stored_row_and_the_lists_agree(
    credentials: SiteCredentials,
    end: datetime,
    after_end: timedelta,
    end_zone: timezone,
    clock_zone: timezone,
    active: bool,
    locked: bool,
) -> None:
    at = (end + after_end).astimezone(clock_zone)
    lock = {"lock_reason": "unpaid", "locked_at": EPOCH} if locked else {"lock_reason": None, "locked_at": None}
    sites = Site.objects.filter(pk=credentials.site_id)
    sites.update(license_expires_at=end.astimezone(end_zone), is_active=active, is_locked=locked, **lock)
    SitePulse.objects.update(last_seen_at=None, due_at=None)
    licensed = active and after_end < timedelta(0)

    reply = record_heartbeat(credentials, Report("1.0.0", 60), ip=None, at=at)
    assert (reply.licensed, reply.locked, reply.lock_reason, reply.expires_at, reply.server_time) == (
        licensed,
        locked,
        lock["lock_reason"],
        end,
        at,
    )

    kept = Heartbeat.objects.latest("id")
    assert (kept.received_at, kept.licensed, kept.locked) == (at, licensed, locked)
    pulse = SitePulse.objects.get()
    assert (pulse.last_seen_at, pulse.reply_licensed, pulse.reply_locked) == (at, licensed, locked)

    assert sites.with_licensed(at=at).get().licensed is licensed
    assert sites.licensed(at=at).exists() is licensed
    assert sites.unlicensed(at=at).exists() is not licensed


# --- The statement and the ORM -------------------------------------------------------------------------------------

NOW = datetime(2026, 6, 15, 12, 0, 0, 500_000, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
distances = st.sampled_from([timedelta(0), TICK, MINUTE - TICK, MINUTE, MINUTE + TICK])
before_now = distances.map(lambda distance: NOW - distance)
near_now = before_now | distances.map(lambda distance: NOW + distance)
ahead = st.sampled_from([5 * MINUTE, 5 * MINUTE + TICK, timedelta(days=365)]).map(lambda distance: NOW + distance)
near_a_key_s_end = st.sampled_from([NOW - TICK, NOW, NOW + TICK, NOW + MINUTE])


def licence_ends(site_id: str) -> st.SearchStrategy[datetime]:
    """Instants around now, around the usual next call, and between them."""
    usual = timedelta(seconds=pace_of(uuid.UUID(site_id)).usual_seconds)
    return st.one_of(
        around_the_end.map(lambda offset: NOW + offset),
        around_the_end.map(lambda offset: NOW + usual + offset),
        st.timedeltas(timedelta(0), usual).map(lambda left: NOW + left),
    )


INSTANCE, BOOT, KID = uuid.UUID(int=1), uuid.UUID(int=2), "k" * 43
boots = st.builds(
    Boot,
    st.sampled_from([INSTANCE, INSTANCE, uuid.UUID(int=3)]),
    st.sampled_from([BOOT, BOOT, uuid.UUID(int=4)]),
    st.integers(1, 6),
)
revisions = st.integers(1, 3)
APPLIED = ("applied_revision", "applied_state")
applied = st.just((None, None)) | st.tuples(revisions, st.sampled_from(["ok", "locked"]))
# Most calls are none of these, and the statement records them. Each example has two at most.
UNUSUAL = (
    "the site is deregistered",
    "the key ends",
    "the key was revoked",
    "the key has no pepper",
    "there are older keys",
    "the pulse is ahead",
    "the limit is near",
    "the run is new or the number not higher",
    "the agent holds any revision",
)


def outcome(
    record: Callable[..., Recorded | None], credentials: SiteCredentials, report: Report
) -> dict[str, Any] | None:
    """The reply or the refusal, and every row that the call may change; None if the statement did not record the call."""
    with transaction.atomic():
        try:
            reply: Any = record(credentials, report, ip="192.0.2.7", at=NOW)
        except (InvalidSiteCredentials, SiteCallsTooOften) as refusal:
            reply = (type(refusal), vars(refusal))
        found: dict[str, Any] = {
            "reply": reply,
            "pulse": SitePulse.objects.values().get(),
            "history": list(
                Heartbeat.objects.order_by("id").values("received_at", "due_at", "ip", "licensed", "locked")
            ),
            "runs": list(AgentRun.objects.order_by("id").values()),
            "keys": list(SiteKey.objects.order_by("id").values("id", "revoked_at")),
        }
        # The last digits of a power differ between Python and PostgreSQL.
        found["pulse"]["recent_calls"] = round(found["pulse"]["recent_calls"] or 0, 6)
        transaction.set_rollback(True)
    return None if reply is None else found


def follows(boot: Boot, known: Boot | None) -> bool:
    same_run = known is not None and (boot.instance_id, boot.boot_id) == (known.instance_id, known.boot_id)
    return known is not None and same_run and boot.sequence > known.sequence


class Case:
    """What is drawn for one call; `unusual` says what may be other than usual."""

    def __init__(self, data: st.DataObject) -> None:
        self.data = data
        self.unusual = data.draw(st.sets(st.sampled_from(UNUSUAL), max_size=2), label="unusual")

    def draw(self, label: str, strategy: st.SearchStrategy[Any]) -> Any:
        return self.data.draw(strategy, label=label)

    def draw_if(self, unusual: str, strategy: st.SearchStrategy[Any], otherwise: Any = None) -> Any:
        """A value of `strategy` if this case is unusual in that way; else `otherwise`."""
        assert unusual in UNUSUAL
        return self.data.draw(strategy, label=unusual) if unusual in self.unusual else otherwise


def draw_site_and_keys(credentials: SiteCredentials, case: Case) -> SiteKey:
    """The site with some state and some older keys; the key that the call sends."""
    site_id = credentials.site_id
    locked = case.draw("locked", st.booleans())
    lock = {"lock_reason": "unpaid", "locked_at": EPOCH} if locked else {"lock_reason": None, "locked_at": None}
    overruled = case.draw("overruled revision", st.none() | revisions)
    Site.objects.update(
        is_locked=locked,
        **lock,
        is_active=case.draw("active", st.sampled_from([True, True, False])),
        license_expires_at=case.draw("licence ends", licence_ends(site_id)),
        deregistered_at=case.draw_if("the site is deregistered", st.just(EPOCH)),
        revision=(overruled or 0) + case.draw("revision", revisions),  # a change that overrules goes above
        overruled_revision=overruled,
    )
    key = SiteKey.objects.get(digest=key_digest(credentials.key))
    SiteKey.objects.exclude(pk=key.pk).delete()
    SiteKey.objects.filter(pk=key.pk).update(
        expires_at=case.draw_if("the key ends", near_a_key_s_end),
        revoked_at=case.draw_if("the key was revoked", st.just(EPOCH)),
        pepper=case.draw_if("the key has no pepper", st.none(), pepper_id(current_pepper())),
    )
    for number in range(case.draw_if("there are older keys", st.sampled_from([1, 2]), 0)):
        SiteKey.objects.create(
            pk=key.pk - 1 - number,
            site_id=site_id,
            digest=str(number) * 64,
            hint="…old",
            created_at=EPOCH,
            expires_at=case.draw("an older key ends", near_a_key_s_end),
            revoked_at=case.draw("an older key was revoked", st.none() | st.just(EPOCH)),
        )
    return key


def draw_runs(site_id: str, case: Case) -> tuple[Boot | None, Boot | None]:
    """The last run of the agent, which is stored, and the run that calls now."""
    new_run = "the run is new or the number not higher"
    known = case.draw("the last run", st.none() | boots)
    next_call = known and Boot(known.instance_id, known.boot_id, known.sequence + 1)
    calls = case.draw_if(new_run, boots, next_call and case.draw("the run goes on", st.sampled_from([None, next_call])))
    AgentRun.objects.all().delete()
    if known:
        AgentRun.objects.create(
            site_id=site_id, **vars(known), first_seen_at=EPOCH, last_seen_at=EPOCH, version="1", turn=1
        )
    return known, calls


def draw_pulse(key: SiteKey, known: Boot | None, case: Case) -> None:
    limit = django_settings.HEARTBEATS_PER_MINUTE
    seen_at = case.draw_if("the pulse is ahead", near_now | ahead, case.draw("last seen", st.none() | before_now))
    SitePulse.objects.update(
        last_seen_at=seen_at,
        due_at=seen_at and seen_at + timedelta(hours=6),
        version="1.0",
        uptime_seconds=1,
        window_started_at=case.draw("window", st.none() | near_now | ahead),
        window_calls=case.draw_if("the limit is near", st.sampled_from([limit - 1, limit]), 1),
        recent_calls=case.draw("recent calls", st.none() | st.floats(1, 86_400)),
        newest_key_id=case.draw("newest key", st.sampled_from([key.pk, key.pk, None, key.pk - 1])),
        newest_key_uses=case.draw("uses", st.sampled_from([1, 1, 0, 2])),
        reply_locked=case.draw("the last reply said locked", st.none() | st.booleans()),
        reply_locked_since=case.draw("since when", st.none() | st.just(EPOCH)),
        lease_expires_at=case.draw("the last lease ends", st.none() | st.just(EPOCH)),
        lease_revision=case.draw("the highest revision of a lease", st.none() | revisions),
        delivered_at=case.draw("delivered", st.none() | st.just(EPOCH)),
        **dict(zip(APPLIED, case.draw("applied before", applied), strict=True)),
        applied_at=case.draw("applied at", st.none() | st.just(EPOCH)),
        held_revision=case.draw_if("the agent holds any revision", st.none() | revisions, 1),
        instance_id=known and known.instance_id,
        boot_id=known and known.boot_id,
        sequence=known and known.sequence,
    )


@pytest.mark.slow
@pytest.mark.postgresql
@pytest.mark.skipif(connection.vendor != "postgresql", reason="compares PostgreSQL's statement")
@pytest.mark.parametrize("examples", [100, pytest.param(400, marks=pytest.mark.long)])
def test_the_statement_and_the_orm_reply_and_write_the_same(credentials: SiteCredentials, examples: int) -> None:
    recorded_by_statement = 0

    @settings(IN_ONE_TRANSACTION, max_examples=examples)
    @given(data=st.data())
    def compare(data: st.DataObject) -> None:
        nonlocal recorded_by_statement
        case = Case(data)
        key = draw_site_and_keys(credentials, case)
        SigningKey.objects.all().delete()
        if case.draw("a key signs", st.booleans()):
            SigningKey.objects.create(kid=KID, x=KID, state="signing", position=1, created_at=EPOCH, activated_at=EPOCH)
        known, boot = draw_runs(credentials.site_id, case)
        draw_pulse(key, known, case)
        held = case.draw_if(
            "the agent holds any revision", st.none() | revisions, case.draw("held", st.none() | st.just(1))
        )
        nonce = case.draw("nonce", st.none() | st.just("n" * 16))
        report = Report("2.0", 2, nonce, boot, held, *case.draw("applied", applied))
        by_orm = outcome(record_with_orm, credentials, report)
        assert by_orm is not None
        by_statement = outcome(record_with_one_statement, credentials, report)
        if by_statement is None:
            assert is_left_to_the_orm(by_orm, report, key, known)
        else:
            assert by_statement == by_orm
            recorded_by_statement += isinstance(by_orm["reply"], Recorded)

    compare()
    assert recorded_by_statement >= examples / 4


def is_left_to_the_orm(by_orm: dict[str, Any], report: Report, key: SiteKey, known: Boot | None) -> bool:
    """Whether the call is one of those that the statement does not record."""
    site = Site.objects.select_related("pulse").get()
    seen_at = site.pulse.last_seen_at
    site.pulse.held_revision = highest(site.pulse.held_revision, report.held_revision)
    is_refused = not isinstance(by_orm["reply"], Recorded)
    revokes_keys = any(older["revoked_at"] == NOW for older in by_orm["keys"])
    is_moved = SiteKey.objects.get(pk=key.pk).pepper is None
    is_late = seen_at is not None and NOW < seen_at <= newest_possible_pulse(NOW)
    goes_on = report.boot is None or follows(report.boot, known)
    return is_refused or revokes_keys or is_moved or is_late or not goes_on or site.holds_newer_decision

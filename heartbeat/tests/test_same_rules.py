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
from heartbeat.errors import InvalidSiteCredentials, SiteCallsTooOften
from heartbeat.models import AgentRun, Heartbeat
from heartbeat.runs import Boot
from heartbeat.schedule import pace_of
from heartbeat.services import (
    Recorded,
    Report,
    SiteCredentials,
    record_heartbeat,
    record_with_one_statement,
    record_with_orm,
)
from licensing.models import SigningKey
from sites.keys import key_digest
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
near_now = st.sampled_from([timedelta(0), TICK, MINUTE - TICK, MINUTE, MINUTE + TICK]).flatmap(
    lambda distance: st.sampled_from([NOW - distance, NOW + distance])
)
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
    Boot, st.sampled_from([INSTANCE] * 4 + [uuid.UUID(int=3)]), st.sampled_from([BOOT] * 4 + [uuid.UUID(int=4)]),
    st.integers(1, 6),
)  # fmt: skip
reports = st.builds(
    Report, st.just("2.0"), st.just(2), st.none() | st.just("n" * 16), st.none() | boots, st.none() | st.integers(0, 9)
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


def draw_site_and_keys(credentials: SiteCredentials, data: st.DataObject) -> SiteKey:
    """The site with some state and some older keys; the key that the call sends."""
    site_id = credentials.site_id
    locked = data.draw(st.booleans(), label="locked")
    lock = {"lock_reason": "unpaid", "locked_at": EPOCH} if locked else {"lock_reason": None, "locked_at": None}
    Site.objects.update(
        is_locked=locked,
        **lock,
        is_active=data.draw(st.sampled_from([True, True, False]), label="active"),
        license_expires_at=data.draw(licence_ends(site_id), label="licence ends"),
        deregistered_at=data.draw(st.sampled_from([None] * 9 + [EPOCH]), label="deregistered"),
    )
    key = SiteKey.objects.get(digest=key_digest(credentials.key))
    SiteKey.objects.exclude(pk=key.pk).delete()
    SiteKey.objects.filter(pk=key.pk).update(
        expires_at=data.draw(st.none() | st.none() | near_a_key_s_end, label="the key ends"),
        revoked_at=data.draw(st.sampled_from([None] * 9 + [EPOCH]), label="the key was revoked"),
        pepper=data.draw(st.sampled_from([key.pepper] * 9 + [None]), label="the key's pepper"),
    )
    for number in range(data.draw(st.sampled_from([1, 2, 0]), label="older keys")):
        SiteKey.objects.create(
            pk=key.pk - 1 - number,
            site_id=site_id,
            digest=str(number) * 64,
            hint="…old",
            created_at=EPOCH,
            expires_at=data.draw(near_a_key_s_end, label="an older key ends"),
            revoked_at=data.draw(st.none() | st.just(EPOCH), label="an older key was revoked"),
        )
    return key


@pytest.mark.slow
@pytest.mark.postgresql
@pytest.mark.skipif(connection.vendor != "postgresql", reason="compares PostgreSQL's statement")
@settings(IN_ONE_TRANSACTION, max_examples=400)
@given(data=st.data())
def test_the_statement_and_the_orm_reply_and_write_the_same(credentials: SiteCredentials, data: st.DataObject) -> None:
    key = draw_site_and_keys(credentials, data)
    SigningKey.objects.all().delete()
    if data.draw(st.booleans(), label="a key signs"):
        SigningKey.objects.create(kid=KID, x=KID, state="signing", position=1, created_at=EPOCH, activated_at=EPOCH)
    AgentRun.objects.all().delete()
    known = data.draw(st.none() | boots, label="the last run")
    if known:
        AgentRun.objects.create(
            site_id=credentials.site_id, **vars(known), first_seen_at=EPOCH, last_seen_at=EPOCH, version="1", turn=1
        )
    seen_at = data.draw(st.none() | near_now | ahead, label="last seen")
    calls_per_minute = django_settings.HEARTBEATS_PER_MINUTE
    SitePulse.objects.update(
        last_seen_at=seen_at,
        due_at=seen_at and seen_at + timedelta(hours=6),
        version="1.0",
        uptime_seconds=1,
        window_started_at=data.draw(st.none() | near_now | ahead, label="window"),
        window_calls=data.draw(st.sampled_from([0, 1, calls_per_minute - 1, calls_per_minute]), label="calls"),
        recent_calls=data.draw(st.none() | st.floats(1, 86_400), label="recent calls"),
        newest_key_id=data.draw(st.sampled_from([key.pk, key.pk, None, key.pk - 1]), label="newest key"),
        newest_key_uses=data.draw(st.sampled_from([1, 1, 0, 2]), label="uses"),
        reply_locked=data.draw(st.none() | st.booleans(), label="the last reply said locked"),
        reply_locked_since=data.draw(st.none() | st.just(EPOCH), label="since when"),
        lease_expires_at=data.draw(st.none() | st.just(EPOCH), label="the last lease ends"),
        held_revision=data.draw(st.none() | st.integers(0, 9), label="held revision"),
        instance_id=known and known.instance_id,
        boot_id=known and known.boot_id,
        sequence=known and known.sequence,
    )
    report = data.draw(reports, label="report")
    by_orm = outcome(record_with_orm, credentials, report)
    assert by_orm is not None
    by_statement = outcome(record_with_one_statement, credentials, report)
    if by_statement is None:
        is_refused = not isinstance(by_orm["reply"], Recorded)
        revokes_keys = any(older["revoked_at"] == NOW for older in by_orm["keys"])
        is_moved = SiteKey.objects.get(pk=key.pk).pepper is None
        is_late = seen_at is not None and NOW < seen_at <= newest_possible_pulse(NOW)
        goes_on = report.boot is None or follows(report.boot, known)
        assert is_refused or revokes_keys or is_moved or is_late or not goes_on
    else:
        assert by_statement == by_orm

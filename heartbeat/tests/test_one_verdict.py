"""What a site is told, what is kept of it, and what lists say: one verdict, whatever the facts and the clock."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from audit.actors import COMMAND
from heartbeat.models import Heartbeat
from heartbeat.services import Report, SiteCredentials, record_heartbeat
from licensing.verdict import Verdict
from sites.models import Site, SitePulse
from sites.services import register_site

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
def test_what_is_told_what_is_kept_and_what_lists_say_agree(
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

    told = record_heartbeat(credentials, Report("1.0.0", 60), ip=None, at=at).verdict
    assert told == Verdict(licensed, locked, lock["lock_reason"], end)

    kept = Heartbeat.objects.latest("id")
    assert (kept.received_at, kept.licensed, kept.locked) == (at, licensed, locked)
    pulse = SitePulse.objects.get()
    assert (pulse.last_seen_at, pulse.reply_licensed, pulse.reply_locked) == (at, licensed, locked)

    assert sites.with_licensed(at=at).get().licensed is licensed
    assert sites.licensed(at=at).exists() is licensed
    assert sites.unlicensed(at=at).exists() is not licensed

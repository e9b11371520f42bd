"""Lists decide in SQL what `decide` decides in Python: the two are held against each other over generated cases."""

import uuid
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from audit.actors import COMMAND
from licensing.verdict import decide
from sites.models import Site
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
def site_id(db: None) -> uuid.UUID:
    facts = {"name": "Roma", "owner_name": "Giulia", "contact_email": "giulia@roma.example"}
    return register_site(**facts, by=COMMAND, at=EPOCH).site.pk


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
def test_the_verdict_and_its_twin_in_sql_agree(
    site_id: uuid.UUID,
    end: datetime,
    after_end: timedelta,
    end_zone: timezone,
    clock_zone: timezone,
    active: bool,
    locked: bool,
) -> None:
    at = (end + after_end).astimezone(clock_zone)
    lock = {"lock_reason": "unpaid", "locked_at": EPOCH} if locked else {"lock_reason": None, "locked_at": None}
    sites = Site.objects.filter(pk=site_id)
    sites.update(license_expires_at=end.astimezone(end_zone), is_active=active, is_locked=locked, **lock)
    site = sites.with_licensed(at=at).get()
    assert site.license_expires_at == end
    verdict = decide(site, at=at)
    assert verdict.licensed is (active and after_end < timedelta(0))
    assert site.licensed is verdict.licensed
    assert sites.licensed(at=at).exists() is verdict.licensed
    assert sites.unlicensed(at=at).exists() is not verdict.licensed
    assert (verdict.locked, verdict.lock_reason) == (locked, lock["lock_reason"])

"""When the next heartbeat of a site is due."""

import random
import uuid
from collections import Counter
from datetime import timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from audit.actors import COMMAND
from common.instants import format_instant
from conftest import Register, RegisteredSite
from heartbeat.schedule import pace_of
from heartbeat.tests.calls import MICROSECOND, NOON, call_at
from sites.models import Site, SitePulse
from sites.services import register_site

SIX_HOURS = 21_600


def many_sites(count: int) -> list[uuid.UUID]:
    generator = random.Random(1)
    return [uuid.UUID(int=generator.getrandbits(128), version=4) for _ in range(count)]


def test_a_site_has_one_pace_within_5_percent_of_six_hours(register: Register) -> None:
    for name in ("Roma", "Napoli", "Bari"):
        site = register(name=name, license_expires_at="2031-06-01T00:00:00Z")
        paces = {call_at(site, NOON + timedelta(hours=6 * number)).next_heartbeat_seconds for number in range(3)}
        assert len(paces) == 1
        assert SIX_HOURS * 0.95 <= paces.pop() <= SIX_HOURS * 1.05


def test_the_sites_spread_evenly_over_the_whole_width() -> None:
    paces = [pace_of(site).usual_seconds for site in many_sites(5000)]
    assert min(paces) >= SIX_HOURS * 0.95
    assert max(paces) <= SIX_HOURS * 1.05
    tenths = Counter(int((seconds - SIX_HOURS * 0.95) / (SIX_HOURS * 0.1) * 10) for seconds in paces)
    assert all(400 < tenths[number] < 600 for number in range(10))


def test_the_pace_is_a_setting(settings, roma: RegisteredSite) -> None:
    settings.HEARTBEAT_INTERVAL = timedelta(seconds=100)
    assert 95 <= roma.call_home().json()["next_heartbeat_seconds"] <= 105


@pytest.mark.parametrize("seconds_left", [0.000001, 0.5, 1, 30, 58.999999, 59, 59.9, 60, 61.5, 3600, 20_000])
def test_if_the_licence_ends_soon_the_next_call_is_within_the_minute_after_the_end(
    register: Register, seconds_left: float
) -> None:
    end = NOON + timedelta(seconds=seconds_left)
    for name in ("Roma", "Napoli", "Bari", "Pisa"):
        site = register(name=name, license_expires_at=format_instant(end))
        seconds = call_at(site, NOON).next_heartbeat_seconds
        assert seconds >= 60
        assert end < NOON + timedelta(seconds=seconds) <= end + timedelta(seconds=60)
        assert SitePulse.objects.get(pk=site.site_id).due_at == NOON + timedelta(seconds=seconds)


@pytest.mark.parametrize("microseconds", [0, 1, 499_999, 999_999])
def test_fractions_of_a_second_never_make_the_call_due_before_the_end(register: Register, microseconds: int) -> None:
    at = NOON + timedelta(microseconds=microseconds)
    for end_fraction in (0, 1, 500_000, 999_999):
        end = NOON + timedelta(seconds=100, microseconds=end_fraction)
        site = register(license_expires_at=format_instant(end))
        due_at = at + timedelta(seconds=call_at(site, at).next_heartbeat_seconds)
        assert end < due_at <= end + timedelta(seconds=60)
        assert SitePulse.objects.get(pk=site.site_id).due_at == due_at


@settings(database=None, deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(site_id=st.uuids(version=4), until_end=st.integers(1, 8 * 3600 * 10**6))
def test_every_site_is_due_within_the_minute_after_the_end_of_its_licence(
    db: None, site_id: uuid.UUID, until_end: int
) -> None:
    end = NOON + timedelta(microseconds=until_end)
    facts = {"name": "Roma", "owner_name": "Giulia", "contact_email": "giulia@roma.example"}
    with transaction.atomic():
        key = register_site(**facts, site_id=site_id, license_expires_at=end, by=COMMAND, at=NOON).secret_key
        seconds = call_at(RegisteredSite(str(site_id), key), NOON).next_heartbeat_seconds
        transaction.set_rollback(True)
    usual = pace_of(site_id).usual_seconds
    if until_end < usual * 10**6:
        assert seconds >= 60
        assert end < NOON + timedelta(seconds=seconds) <= end + timedelta(seconds=60)
    else:
        assert seconds == usual


def test_the_call_after_the_end_of_the_licence_gets_the_new_state(register: Register) -> None:
    site = register(license_expires_at=format_instant(NOON + timedelta(hours=1)))
    seconds = call_at(site, NOON).next_heartbeat_seconds
    assert 3600 < seconds <= 3660
    assert call_at(site, NOON + timedelta(seconds=seconds)).licensed is False


def test_a_licence_that_ends_at_the_next_call_or_later_does_not_change_the_pace(register: Register) -> None:
    site = register(license_expires_at="2031-06-01T00:00:00Z")
    usual = call_at(site, NOON).next_heartbeat_seconds
    for later in (timedelta(0), MICROSECOND, timedelta(seconds=1)):
        end = NOON + timedelta(seconds=usual) + later
        Site.objects.update(license_expires_at=end)
        assert call_at(site, NOON).next_heartbeat_seconds == usual


@pytest.mark.parametrize("ago", [timedelta(0), MICROSECOND, timedelta(days=400)])
def test_an_expired_site_calls_at_the_usual_pace(register: Register, ago: timedelta) -> None:
    site = register(license_expires_at=format_instant(NOON - ago))
    seconds = call_at(site, NOON).next_heartbeat_seconds
    assert SIX_HOURS * 0.95 <= seconds <= SIX_HOURS * 1.05


def test_an_inactive_site_calls_at_the_usual_pace_whenever_its_licence_ends(api: APIClient, register: Register) -> None:
    site = register(license_expires_at=format_instant(NOON + timedelta(hours=1)))
    api.patch(site.path, {"is_active": False})
    seconds = call_at(site, NOON).next_heartbeat_seconds
    assert SIX_HOURS * 0.95 <= seconds <= SIX_HOURS * 1.05

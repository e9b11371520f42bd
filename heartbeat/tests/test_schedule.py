"""When a site is told to call again."""

import random
import uuid
from collections import Counter
from datetime import datetime, timedelta

import pytest

from common.fields import format_instant
from conftest import Register, RegisteredSite
from heartbeat.schedule import seconds_until_next
from heartbeat.tests.calls import MICROSECOND, NOON, call_at
from licensing.verdict import Verdict

SIX_HOURS = 21_600


def verdict(expires_at: datetime, *, licensed: bool = True) -> Verdict:
    return Verdict(licensed, False, None, expires_at)


def many_sites(count: int) -> list[uuid.UUID]:
    generator = random.Random(1)
    return [uuid.UUID(int=generator.getrandbits(128), version=4) for _ in range(count)]


def test_a_site_keeps_its_pace_within_5_percent_of_six_hours(register: Register) -> None:
    for name in ("Roma", "Napoli", "Bari"):
        site = register(name=name, license_expires_at="2031-06-01T00:00:00Z")
        told = {call_at(site, NOON + timedelta(hours=6 * number)).next_heartbeat_seconds for number in range(3)}
        assert len(told) == 1
        assert SIX_HOURS * 0.95 <= told.pop() <= SIX_HOURS * 1.05


def test_the_sites_spread_evenly_over_the_whole_width() -> None:
    sites, year = many_sites(5000), verdict(NOON + timedelta(days=365))
    told = [seconds_until_next(site, year, at=NOON) for site in sites]
    assert min(told) >= SIX_HOURS * 0.95
    assert max(told) <= SIX_HOURS * 1.05
    tenths = Counter(int((seconds - SIX_HOURS * 0.95) / (SIX_HOURS * 0.1) * 10) for seconds in told)
    assert all(400 < tenths[number] < 600 for number in range(10))


def test_the_pace_is_a_setting(settings, roma: RegisteredSite) -> None:
    settings.HEARTBEAT_INTERVAL = timedelta(seconds=100)
    assert 95 <= roma.call_home().json()["next_heartbeat_seconds"] <= 105


@pytest.mark.parametrize("seconds_left", [0.000001, 0.5, 1, 30, 59.9, 60, 61.5, 3600, 20_000])
def test_a_licence_that_ends_soon_is_worth_a_call_within_the_minute_after(seconds_left: float) -> None:
    end = NOON + timedelta(seconds=seconds_left)
    for site in many_sites(300):
        told = seconds_until_next(site, verdict(end), at=NOON)
        assert told >= 60
        assert end < NOON + timedelta(seconds=told) <= end + timedelta(seconds=60)


def test_a_site_whose_licence_ends_soon_is_told_so(register: Register) -> None:
    site = register(license_expires_at=format_instant(NOON + timedelta(hours=1)))
    told = call_at(site, NOON).next_heartbeat_seconds
    assert 3600 < told <= 3660
    assert call_at(site, NOON + timedelta(seconds=told)).verdict.licensed is False


def test_a_licence_that_ends_after_the_next_call_changes_nothing() -> None:
    for site in many_sites(50):
        usual = seconds_until_next(site, verdict(NOON + timedelta(days=365)), at=NOON)
        later = verdict(NOON + timedelta(seconds=usual + 1))
        assert seconds_until_next(site, later, at=NOON) == usual


@pytest.mark.parametrize("ago", [timedelta(0), MICROSECOND, timedelta(days=400)])
def test_an_expired_site_calls_at_the_usual_pace(register: Register, ago: timedelta) -> None:
    site = register(license_expires_at=format_instant(NOON - ago))
    told = call_at(site, NOON).next_heartbeat_seconds
    assert SIX_HOURS * 0.95 <= told <= SIX_HOURS * 1.05


def test_an_inactive_site_calls_at_the_usual_pace_whenever_its_licence_ends() -> None:
    told = seconds_until_next(many_sites(1)[0], verdict(NOON + timedelta(hours=1), licensed=False), at=NOON)
    assert SIX_HOURS * 0.95 <= told <= SIX_HOURS * 1.05

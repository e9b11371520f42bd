"""After the server's clock was ahead, perhaps by a year, and was set right, every site is judged by the right time again."""

from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from conftest import Clock, RegisteredSite
from heartbeat.models import Heartbeat
from heartbeat.tests.calls import MICROSECOND, NOON, call_at
from sites.models import SitePulse

YEAR, FIVE_MINUTES = timedelta(days=365), timedelta(minutes=5)


def test_the_next_heartbeat_overwrites_a_pulse_of_the_next_year(
    api: APIClient, roma: RegisteredSite, clock: Clock
) -> None:
    right = clock.at
    clock.at = right + YEAR
    roma.call_home(version="1.0.0")
    clock.at = right
    told = roma.call_home(version="2.0.0").json()
    site = api.get(roma.path).json()
    assert (site["last_seen_at"], site["version"], site["status"]) == ("2026-06-01T12:00:00Z", "2.0.0", "online")
    assert SitePulse.objects.get().due_at == right + timedelta(seconds=told["next_heartbeat_seconds"])


def test_a_site_that_dies_after_the_clock_was_set_right_goes_offline(
    api: APIClient, roma: RegisteredSite, clock: Clock
) -> None:
    clock.move(days=365)
    roma.call_home()
    clock.move(days=-365)
    roma.call_home()
    clock.move(days=1)
    assert api.get(roma.path).json()["status"] == "offline"


@pytest.mark.parametrize(("ahead", "kept"), [(FIVE_MINUTES, True), (FIVE_MINUTES + MICROSECOND, False)])
def test_a_pulse_counts_as_wrong_if_it_is_more_than_five_minutes_ahead(
    roma: RegisteredSite, ahead: timedelta, kept: bool
) -> None:
    call_at(roma, NOON + ahead, version="1.0.0")
    call_at(roma, NOON, version="2.0.0")
    pulse = SitePulse.objects.get()
    assert (pulse.last_seen_at, pulse.version) == ((NOON + ahead, "1.0.0") if kept else (NOON, "2.0.0"))


def test_the_history_keeps_both_heartbeats(roma: RegisteredSite) -> None:
    call_at(roma, NOON + YEAR)
    call_at(roma, NOON)
    assert list(Heartbeat.objects.newest_first().values_list("received_at", flat=True)) == [NOON + YEAR, NOON]


def test_calls_counted_in_the_next_year_do_not_block_a_site(settings: Any, roma: RegisteredSite) -> None:
    settings.HEARTBEATS_PER_MINUTE = 1
    call_at(roma, NOON + YEAR)
    assert call_at(roma, NOON).server_time == NOON

"""A site may call 60 times a minute. Only calls with its key count."""

from datetime import timedelta

import pytest

from conftest import Register, RegisteredSite
from heartbeat.errors import SiteCallsTooOften
from heartbeat.models import Heartbeat
from heartbeat.tests.calls import NOON, call, call_at


def test_sixty_calls_a_minute_are_answered_and_the_next_one_is_too_many(
    register: Register, roma: RegisteredSite
) -> None:
    statuses = [call(roma.site_id, roma.key).status_code for _ in range(60)]
    assert statuses == [200] * 60
    answer = call(roma.site_id, roma.key)
    assert (answer.status_code, answer.json()["code"]) == (429, "site_calls_too_often")
    assert answer["Content-Type"] == "application/problem+json"
    assert 1 <= int(answer["Retry-After"]) <= 60
    napoli = register(name="Napoli")
    assert call(napoli.site_id, napoli.key).status_code == 200
    assert Heartbeat.objects.filter(site_id=roma.site_id).count() == 60


def test_after_the_minute_the_site_is_answered_again(settings, roma: RegisteredSite) -> None:
    settings.HEARTBEATS_PER_MINUTE = 3
    for second in range(3):
        call_at(roma, NOON + timedelta(seconds=second))
    with pytest.raises(SiteCallsTooOften) as refusal:
        call_at(roma, NOON + timedelta(seconds=20))
    free_at = NOON + timedelta(seconds=20 + refusal.value.retry_after_seconds)
    assert NOON + timedelta(seconds=60) <= free_at <= NOON + timedelta(seconds=61)
    assert call_at(roma, free_at).server_time == free_at


def test_refused_calls_do_not_lengthen_the_wait(settings, roma: RegisteredSite) -> None:
    settings.HEARTBEATS_PER_MINUTE = 1
    call_at(roma, NOON)
    for second in range(1, 60):
        with pytest.raises(SiteCallsTooOften):
            call_at(roma, NOON + timedelta(seconds=second))
    assert call_at(roma, NOON + timedelta(seconds=60))


def test_calls_with_a_wrong_key_do_not_count(settings, roma: RegisteredSite) -> None:
    settings.HEARTBEATS_PER_MINUTE = 2
    for _ in range(10):
        assert call(roma.site_id, "psk_wrong").status_code == 401
    assert [call(roma.site_id, roma.key).status_code for _ in range(3)] == [200, 200, 429]


def test_a_site_is_answered_after_the_clock_was_set_back(settings, roma: RegisteredSite) -> None:
    settings.HEARTBEATS_PER_MINUTE = 1
    call_at(roma, NOON)
    with pytest.raises(SiteCallsTooOften) as refusal:
        call_at(roma, NOON - timedelta(seconds=59))
    assert refusal.value.retry_after_seconds <= 61
    assert call_at(roma, NOON - timedelta(seconds=60))

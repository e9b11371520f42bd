"""A flood of wrong keys is limited by address and does not affect the site whose id it uses."""

import ipaddress
import time
from types import SimpleNamespace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conftest import RegisteredSite
from heartbeat.tests.calls import call, unknown_id, wrong_key

LIMIT = 8


@pytest.fixture(autouse=True)
def _small_limit(settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small limit, and a frozen clock: the limit counts by the minute, and a new one could begin during a test."""
    settings.HEARTBEAT_FAILURES_PER_MINUTE = LIMIT
    monkeypatch.setattr("django_ratelimit.core.time", SimpleNamespace(time=lambda: 1_800_000_000))


def flood(site_id: str, address: str) -> int:
    """Send wrong keys until the answer is 429, and return the number of 401s before it."""
    for sent in range(LIMIT + 1):
        answer = call(site_id, wrong_key(), address=address)
        if answer.status_code == 429:
            assert answer.json()["code"] == "too_many_failures"
            assert 1 <= int(answer["Retry-After"]) <= 61
            return sent
        assert answer.status_code == 401
    raise AssertionError("never refused")


def test_a_flood_is_refused_after_the_limit(roma: RegisteredSite) -> None:
    assert flood(roma.site_id, "203.0.113.9") == LIMIT


@pytest.mark.parametrize("address", ["203.0.113.9", "198.51.100.4"], ids=["from its own address", "from elsewhere"])
def test_heartbeats_of_the_site_are_answered_during_a_flood(roma: RegisteredSite, address: str) -> None:
    flood(roma.site_id, "203.0.113.9")
    assert call(roma.site_id, roma.key, address=address).status_code == 200
    assert call(roma.site_id, wrong_key(), address="203.0.113.9").status_code == 429
    assert call(roma.site_id, roma.key, address=address).status_code == 200


def test_a_flood_does_not_use_up_the_limit_of_other_addresses(roma: RegisteredSite) -> None:
    flood(roma.site_id, "203.0.113.9")
    assert call(roma.site_id, wrong_key(), address="203.0.113.10").status_code == 401


def test_the_limit_counts_whatever_the_id_of_the_site(roma: RegisteredSite) -> None:
    flood(roma.site_id, "203.0.113.9")
    assert call(unknown_id(), wrong_key(), address="203.0.113.9").status_code == 429


def test_an_ipv6_network_of_64_bits_counts_as_one_address(roma: RegisteredSite) -> None:
    flood(roma.site_id, "2001:db8:1:1::1")
    assert call(roma.site_id, wrong_key(), address="2001:db8:1:1:ffff::2").status_code == 429
    assert call(roma.site_id, wrong_key(), address="2001:db8:1:2::1").status_code == 401


def test_an_ipv4_address_mapped_into_ipv6_counts_as_the_ipv4_address(roma: RegisteredSite) -> None:
    flood(roma.site_id, "::ffff:203.0.113.9")
    assert call(roma.site_id, wrong_key(), address="203.0.113.9").status_code == 429
    assert call(roma.site_id, wrong_key(), address="::ffff:203.0.113.10").status_code == 401


def test_a_forged_forwarded_header_does_not_change_the_counted_address(settings, roma: RegisteredSite) -> None:
    settings.TRUSTED_PROXIES = [ipaddress.ip_network("10.0.0.0/8")]
    flood(roma.site_id, "203.0.113.9")
    headers = {"X-Forwarded-For": "198.51.100.77"}
    assert call(roma.site_id, wrong_key(), address="203.0.113.9", **headers).status_code == 429


def test_behind_a_proxy_each_client_has_its_own_limit(settings, roma: RegisteredSite) -> None:
    settings.TRUSTED_PROXIES = [ipaddress.ip_network("10.0.0.0/8")]
    flood(roma.site_id, "203.0.113.9")
    for client, status in (("203.0.113.9", 429), ("203.0.113.10", 401)):
        headers = {"X-Forwarded-For": client}
        assert call(roma.site_id, wrong_key(), address="10.0.0.1", **headers).status_code == status


def test_the_rest_of_a_flood_costs_no_write_until_the_minute_ends(
    roma: RegisteredSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    flood(roma.site_id, "203.0.113.9")
    with CaptureQueriesContext(connection) as queries:
        assert call(roma.site_id, wrong_key(), address="203.0.113.9").status_code == 429
    assert len(queries) == 1
    a_minute_later = SimpleNamespace(time=lambda: 1_800_000_061)
    monkeypatch.setattr("django_ratelimit.core.time", a_minute_later)
    answer = call(roma.site_id, wrong_key(), address="203.0.113.9")
    assert (answer.status_code, 1 <= int(answer["Retry-After"]) <= 61) == (429, True)
    monkeypatch.setattr("django.core.cache.backends.locmem.time", SimpleNamespace(time=lambda: time.time() + 62))
    assert call(roma.site_id, wrong_key(), address="203.0.113.9").status_code == 401

"""The client's address of a heartbeat: forwarded headers count only from the proxies of TRUSTED_PROXIES."""

import ipaddress

import pytest

from conftest import RegisteredSite
from heartbeat.models import Heartbeat
from heartbeat.tests.calls import call
from sites.models import SitePulse

pytestmark = pytest.mark.any_database

PROXY, OUTER_PROXY, CLIENT, STRANGER = "10.0.0.1", "2001:db8:ffff::1", "203.0.113.7", "198.51.100.9"


@pytest.fixture(autouse=True)
def _proxies(settings) -> None:
    settings.TRUSTED_PROXIES = [ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("2001:db8:ffff::/48")]


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "seen"),
    [
        (CLIENT, None, CLIENT),
        (STRANGER, CLIENT, STRANGER),
        (PROXY, None, PROXY),
        (PROXY, CLIENT, CLIENT),
        (PROXY, f" {CLIENT} ", CLIENT),
        (PROXY, f"1.2.3.4, {CLIENT}", CLIENT),
        (PROXY, f"{PROXY}, {CLIENT}", CLIENT),
        (PROXY, f"{CLIENT}, {OUTER_PROXY}", CLIENT),
        (PROXY, f"1.2.3.4, {CLIENT}, {OUTER_PROXY}, 10.9.9.9", CLIENT),
        (OUTER_PROXY, "2001:db8:1::5", "2001:db8:1::5"),
        (f"::ffff:{PROXY}", CLIENT, CLIENT),
        (PROXY, f"::ffff:{CLIENT}", CLIENT),
        (PROXY, "junk", PROXY),
        (PROXY, "", PROXY),
        (PROXY, f"{CLIENT}, junk", PROXY),
        (PROXY, f"{CLIENT}, junk, 10.0.0.2", "10.0.0.2"),
        (PROXY, f"{CLIENT}:8080", PROXY),
        (PROXY, "Größe", PROXY),
        (PROXY, "fe80::1%eth0", "fe80::1"),
        ("", None, None),
        ("", CLIENT, None),
    ],
)
def test_the_address_is_stored_in_the_pulse_and_the_history(
    roma: RegisteredSite, peer: str, forwarded_for: str | None, seen: str | None
) -> None:
    headers = {} if forwarded_for is None else {"X-Forwarded-For": forwarded_for}
    assert call(roma.site_id, roma.key, address=peer, **headers).status_code == 200
    assert (SitePulse.objects.get().last_seen_ip, Heartbeat.objects.get().ip) == (seen, seen)


def test_without_trusted_proxies_forwarded_headers_are_ignored(settings, roma: RegisteredSite) -> None:
    settings.TRUSTED_PROXIES = []
    call(roma.site_id, roma.key, address="127.0.0.1", **{"X-Forwarded-For": CLIENT})
    assert SitePulse.objects.get().last_seen_ip == "127.0.0.1"


@pytest.mark.parametrize(("trusted", "seen"), [(True, CLIENT), (False, None)])
def test_a_proxy_at_a_unix_socket_must_be_trusted_explicitly(
    settings, roma: RegisteredSite, trusted: bool, seen: str | None
) -> None:
    settings.TRUST_UNIX_SOCKET = trusted
    call(roma.site_id, roma.key, address="", **{"X-Forwarded-For": f"1.2.3.4, {CLIENT}"})
    assert SitePulse.objects.get().last_seen_ip == seen

"""X-Forwarded-For from an address that is no trusted proxy is ignored, and the log says so, not too often."""

import ipaddress
from typing import Any

import pytest
from django.test import Client

from common.tests.logged import log_lines
from common.web.client_address import MAX_WARNINGS, warned_about

FORWARDED = {"X-Forwarded-For": "203.0.113.7"}


@pytest.fixture(autouse=True)
def _nothing_warned_about() -> None:
    warned_about.clear()


def warnings_of(*peers: str, headers: dict[str, str] | None = None) -> list[str]:
    with log_lines() as log:
        for peer in peers:
            Client().get("/health/live", headers=FORWARDED if headers is None else headers, REMOTE_ADDR=peer)
    return [entry["message"] for entry in log.entries if entry["logger"] == "portcullis.proxies"]


def test_a_proxy_that_is_not_trusted_is_named_once() -> None:
    [line] = warnings_of("10.0.0.1", "10.0.0.1")
    assert line == (
        "X-Forwarded-For from 10.0.0.1 is ignored: the address is not in TRUSTED_PROXIES."
        " Add it if it is a proxy of yours."
    )
    assert warnings_of("10.0.0.1") == []
    assert len(warnings_of("10.0.0.2")) == 1


def test_a_trusted_proxy_and_a_request_without_the_header_are_not_named(settings: Any) -> None:
    settings.TRUSTED_PROXIES = [ipaddress.ip_network("10.0.0.0/8")]
    assert warnings_of("10.0.0.1") == []
    assert warnings_of("203.0.113.9", headers={}) == []


def test_a_stranger_with_many_addresses_cannot_fill_the_log() -> None:
    addresses = [f"2001:db8:{number:x}::1" for number in range(MAX_WARNINGS + 20)]
    assert len(warnings_of(*addresses)) == MAX_WARNINGS
    same_network = [f"2001:db8::{number:x}" for number in range(5)]
    warned_about.clear()
    assert len(warnings_of(*same_network)) == 1

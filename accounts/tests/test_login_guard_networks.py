"""Somebody who owns an IPv6 /56 or /48 has many /64s, but not as many times the attempts."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Admin
from accounts.tests.tokens import login
from audit.models import Event

pytestmark = pytest.mark.usefixtures("anna")


@pytest.fixture(autouse=True)
def _few_failures(settings: Any) -> None:
    settings.LOGIN_FAILURES_PER_PAIR, settings.LOGIN_FAILURES_PER_ADDRESS = 2, 3


def addresses(prefix: str, *, first: int = 0, step: int = 1) -> Iterator[str]:
    """One address in each of the /64s of a network."""
    return (f"{prefix}{number:02x}::1" for number in itertools.count(first, step))


def failures_until_refused(where: Iterator[str], names: Iterator[str]) -> int:
    for count, address in enumerate(itertools.islice(where, 100)):
        answer = login(next(names), "wrong", address=address)
        if answer.status_code == 429:
            return count
        assert answer.status_code == 401
    raise AssertionError


def test_a_56_has_four_times_the_failures_of_a_64_with_one_name() -> None:
    assert failures_until_refused(addresses("2001:db8:1:1"), itertools.repeat("anna")) == 8


def test_a_48_has_sixteen_times_the_failures_of_a_64_with_one_name() -> None:
    every_56 = (f"2001:db8:1:{number:x}00::1" for number in itertools.count())
    assert failures_until_refused(every_56, itertools.repeat("anna")) == 32


def test_a_56_has_four_times_the_failures_of_a_64_with_any_names() -> None:
    names = (f"user{number}" for number in itertools.count())
    assert failures_until_refused(addresses("2001:db8:1:1"), names) == 12


def test_a_48_has_sixteen_times_the_failures_of_a_64_with_any_names() -> None:
    every_56 = (f"2001:db8:1:{number:x}00::1" for number in itertools.count())
    names = (f"user{number}" for number in itertools.count())
    assert failures_until_refused(every_56, names) == 48


def test_the_next_48_is_not_affected() -> None:
    failures_until_refused(addresses("2001:db8:1:1"), itertools.repeat("anna"))
    assert login(address="2001:db8:1:ff::1").status_code == 200
    assert login(address="2001:db8:2:1::1").status_code == 200


def test_a_success_does_not_forget_the_failures_of_the_wider_networks() -> None:
    where = addresses("2001:db8:1:1")
    for _ in range(7):
        assert login("anna", "wrong", address=next(where)).status_code == 401
    assert login(address="2001:db8:1:1ff::1").status_code == 200
    assert login("anna", "wrong", address=next(where)).status_code == 401
    assert login(address=next(where)).status_code == 429


def test_the_block_of_a_network_is_an_event_once(anna: Admin) -> None:
    for _ in range(2):
        failures_until_refused(addresses("2001:db8:1:1"), itertools.repeat("anna"))
    [event] = Event.objects.filter(action="admin.sign_in_blocked")
    assert (event.subject_id, event.reason) == (
        str(anna.pk),
        "Too many failed attempts with this user name from this network",
    )


def test_an_ipv4_address_has_no_wider_networks() -> None:
    for last in range(20):
        assert login("anna", "wrong", address=f"203.0.113.{last}").status_code == 401
    assert login(address="203.0.113.200").status_code == 200


def test_the_limits_are_read_in_one_query() -> None:
    with CaptureQueriesContext(connection) as queries:
        assert login(address="2001:db8:1:1::1").status_code == 200
    reads = [query for query in queries if query["sql"].startswith("SELECT") and "common_counter" in query["sql"]]
    assert len(reads) == 2

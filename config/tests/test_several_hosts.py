"""Of several hosts in DATABASE_URL the one that accepted last is tried first. tests/failover.py has real servers."""

from types import SimpleNamespace
from typing import Any

import pytest

from config.postgresql import hosts

TWO = {"host": "one,two", "port": "5432,5433", "dbname": "x"}


@pytest.fixture(autouse=True)
def _nothing_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "accepted_last", {})


def connection_to(host: str, port: int) -> Any:
    return SimpleNamespace(info=SimpleNamespace(host=host, port=port))


def test_at_first_the_hosts_are_tried_in_the_order_of_the_url() -> None:
    assert hosts.last_one_first(TWO) == TWO


def test_the_host_that_accepted_last_comes_first_with_its_port() -> None:
    hosts.remember(TWO, connection_to("two", 5433))
    assert hosts.last_one_first(TWO) == {"host": "two,one", "port": "5433,5432", "dbname": "x"}
    hosts.remember(TWO, connection_to("one", 5432))
    assert hosts.last_one_first(TWO) == TWO


def test_each_database_has_a_host_of_its_own() -> None:
    hosts.remember(TWO, connection_to("two", 5433))
    replica = {**TWO, "host": "three,two", "port": "5432,5433"}
    assert hosts.last_one_first(replica) == replica


def test_of_the_same_hosts_the_primary_and_the_replica_are_remembered_apart() -> None:
    primary, replica = ({**TWO, "target_session_attrs": kind} for kind in ("read-write", "standby"))
    hosts.remember(primary, connection_to("one", 5432))
    hosts.remember(replica, connection_to("two", 5433))
    assert hosts.last_one_first(primary) == primary
    assert hosts.last_one_first(replica)["host"] == "two,one"


def test_a_single_host_and_a_socket_stay_as_they_are() -> None:
    for single in ({"host": "one", "port": 5432}, {"host": "/run/postgresql"}, {}):
        hosts.remember(single, connection_to("one", 5432))
        assert hosts.last_one_first(single) == single
    assert hosts.accepted_last == {}

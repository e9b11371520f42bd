"""A connection that is kept from one request to the next is looked at before it is used again, at no cost."""

import time
from collections.abc import Iterator

import psycopg
import pytest
from django.db import connection

LONG_AGO = float("-inf")

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="is about connections to a server"),
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture
def observer() -> Iterator[psycopg.Connection]:
    connection.ensure_connection()
    parameters = connection.get_connection_params()
    names = ("host", "port", "user", "password", "dbname")
    kept = {name: parameters[name] for name in names if parameters.get(name)}
    with psycopg.connect(**kept, autocommit=True) as other:
        yield other


@pytest.fixture(autouse=True)
def _as_at_the_start_of_a_request() -> Iterator[None]:
    connection.ensure_connection()
    usual = connection.settings_dict["CONN_HEALTH_CHECKS"], connection.health_check_enabled
    connection.settings_dict["CONN_HEALTH_CHECKS"] = connection.health_check_enabled = True
    connection.health_check_done = False
    connection.connection.checked_at = LONG_AGO
    yield
    connection.settings_dict["CONN_HEALTH_CHECKS"], connection.health_check_enabled = usual


def select(value: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s", [value])
        return int(cursor.fetchone()[0])


def test_a_connection_that_the_server_has_closed_is_replaced(observer: psycopg.Connection) -> None:
    pid = connection.connection.info.backend_pid
    observer.execute("SELECT pg_terminate_backend(%s)", [pid])
    deadline = time.monotonic() + 5
    while observer.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [pid]).fetchone():
        assert time.monotonic() < deadline, "the server did not close it"
    assert select(7) == 7
    assert connection.connection.info.backend_pid != pid


def test_a_usable_connection_is_kept_and_not_asked(observer: psycopg.Connection) -> None:
    assert select(2) == 2
    pid = connection.connection.info.backend_pid
    connection.health_check_done, connection.connection.checked_at = False, LONG_AGO
    connection.close_if_health_check_failed()
    assert connection.health_check_done
    assert connection.connection.checked_at > LONG_AGO
    assert observer.execute("SELECT query FROM pg_stat_activity WHERE pid = %s", [pid]).fetchone() == ("SELECT 2",)
    assert connection.connection.info.backend_pid == pid


def test_a_connection_that_was_given_up_is_replaced(observer: psycopg.Connection) -> None:
    """The client has closed it, as it does after a deadline."""
    connection.connection.close()
    assert connection.is_usable() is False
    assert select(3) == 3

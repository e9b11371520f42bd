"""Names of other packages that are not documented and that the code uses all the same.

If a new version of a package lacks one, the test says which code to look at. What the code expects of each name is tested
where it is used.
"""

from typing import Any

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest
from django.test import RequestFactory, TransactionTestCase
from gunicorn import util
from gunicorn.http.body import Body
from gunicorn.http.errors import ParseException
from gunicorn.http.message import Message

INTERNALS = [
    (SessionStore, "_validate_session_key", "accounts/sessions.py refuses cookies that cannot be session keys"),
    (SessionStore, "_get_session_from_db", "accounts/sessions.py finds a session by the digest of its key"),
    (SessionStore, "_get_or_create_session_key", "accounts/sessions.py stores the digest of the key"),
    (SessionStore(), "_session_key", "accounts/sessions.py forgets the key of a session that is gone"),
    (TransactionTestCase, "_fixture_teardown", "conftest.py lifts the audit's triggers while tests empty the tables"),
    (Message, "force_close", "gunicorn.conf.py lets the application close a connection"),
    (util, "write_error", "gunicorn.conf.py answers gunicorn's own refusals with problem documents"),
]


@pytest.mark.parametrize(("owner", "name", "use"), INTERNALS, ids=[name for _, name, _ in INTERNALS])
def test_the_package_still_has_the_name(owner: Any, name: str, use: str) -> None:
    assert hasattr(owner, name), f"{owner} has no {name} any more: {use}."


def test_djangos_request_reads_its_body_from_the_stream_that_is_set() -> None:
    """common/web/request_body.py reads a body in chunks and hands it on so."""
    request: HttpRequest = RequestFactory().post("/", b"first", content_type="text/plain")
    assert hasattr(request, "_stream"), "HttpRequest has no _stream any more: see common/web/request_body.py."


def test_gunicorns_body_takes_an_attribute() -> None:
    """gunicorn.conf.py gives it `close_connection`."""
    body = Body(None)
    body.close_connection = print
    assert issubclass(ParseException, Exception)

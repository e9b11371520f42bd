"""Names of other packages that are not documented and that the code uses all the same.

If a new version of a package lacks one, the test says which code to look at. What the code expects of each name is tested
where it is used.
"""

import inspect
import re
from typing import Any

import pytest
from django.contrib.admindocs import views as admindocs
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest
from django.test import RequestFactory, TransactionTestCase
from gunicorn import util
from gunicorn.asgi.protocol import ASGIProtocol
from gunicorn.http.body import Body
from gunicorn.http.errors import ParseException
from gunicorn.http.message import Message
from gunicorn.http.unreader import Unreader
from gunicorn.workers import gasgi
from gunicorn.workers.gthread import ThreadWorker

from config.server.connection import Connection

WORKER_NAMES = (
    "accept",
    "enqueue_req",
    "finish_request",
    "handle",
    "handle_error",
    "is_parent_alive",
    "murder_keepalived",
    "_cap_keepalive",
)
INTERNALS = [
    (SessionStore, "_validate_session_key", "accounts/sessions.py refuses cookies that cannot be session keys"),
    (SessionStore, "_get_session_from_db", "accounts/sessions.py finds a session by the digest of its key"),
    (SessionStore, "_get_or_create_session_key", "accounts/sessions.py stores the digest of the key"),
    (SessionStore(), "_session_key", "accounts/sessions.py forgets the key of a session that is gone"),
    (TransactionTestCase, "_fixture_teardown", "conftest.py lifts the audit's triggers while tests empty the tables"),
    (admindocs, "simplify_regex", "common/web/request_metrics.py makes a label of a URL's pattern"),
    (Message, "force_close", "gunicorn.conf.py lets the application close a connection"),
    (util, "write_error", "gunicorn.conf.py answers gunicorn's own refusals with problem documents"),
    (Unreader, "take_buffered", "config/server/connection.py finds the bytes behind a request"),
    (gasgi, "ASGIProtocol", "config/doorbell/worker.py puts its own in its place"),
    (gasgi.ASGIWorker, "handle_exit_signal", "config/doorbell/worker.py ends all waits when the process stops"),
    (ASGIProtocol, "_keepalive_timeout", "config/doorbell/worker.py closes connections that bring no request"),
    *((ThreadWorker, name, "config/server/worker.py receives requests in its place") for name in WORKER_NAMES),
]


@pytest.mark.parametrize(("owner", "name", "use"), INTERNALS, ids=[name for _, name, _ in INTERNALS])
def test_the_package_still_has_the_name(owner: Any, name: str, use: str) -> None:
    assert hasattr(owner, name), f"{owner} has no {name} any more: {use}."


def test_djangos_request_reads_its_body_from_the_stream_that_is_set() -> None:
    """common/web/request_body.py reads a body in chunks and hands it on so."""
    request: HttpRequest = RequestFactory().post("/", b"first", content_type="text/plain")
    assert hasattr(request, "_stream"), "HttpRequest has no _stream any more: see common/web/request_body.py."


def test_gunicorns_connections_have_the_timer_and_the_state_that_ours_uses() -> None:
    """config/doorbell/worker.py sets the timer of a connection until its first request, and closes idle ones."""
    source = inspect.getsource(ASGIProtocol)
    assert "lambda: ASGIProtocol(self)" in inspect.getsource(gasgi)
    for used in ("self._cancel_keepalive_timer()", "self._keepalive_handle", "self._awaiting_request = True"):
        assert used in source, f"{used} is not in gunicorn's ASGIProtocol any more: see config/doorbell/worker.py."


def test_gunicorns_body_takes_an_attribute() -> None:
    """gunicorn.conf.py gives it `close_connection`."""
    body = Body(None)
    body.close_connection = print
    assert issubclass(ParseException, Exception)


def test_gunicorns_worker_calls_what_ours_replaces_and_sets_what_it_reads() -> None:
    """config/server/worker.py replaces methods that only gunicorn's own `run` and `handle` call."""
    source = inspect.getsource(ThreadWorker)
    for used in (
        "self.accept",
        "self.murder_keepalived()",
        "self._cap_keepalive(",
        "for s in self.sockets",
        "self.is_parent_alive()",
        "while self.alive",
        "self.nr_conns < self.worker_connections",
        "self.tpool",
        "self.poller = selectors.DefaultSelector()",
        "self.method_queue.defer(",
        "conn.init()",
        "conn.parser.finish_body(",
    ):
        assert used in source, f"gunicorn's ThreadWorker has no {used} any more: see config/server/worker.py."
    read_by_handle = set(re.findall(r"\bconn\.(\w+)", inspect.getsource(ThreadWorker.handle)))
    read_by_handle |= set(re.findall(r"\bconn\.(\w+)", inspect.getsource(ThreadWorker.handle_request)))
    ours = {*dir(Connection), *inspect.signature(Connection.__init__).parameters, "sock"}
    unknown = read_by_handle - ours - {"wait_for_data"}  # only called for a connection without data
    assert not unknown, f"gunicorn reads {unknown} of a connection, which config/server/connection.py does not have."

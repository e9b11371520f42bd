"""A client that sends slowly occupies nginx, not the application."""

import socket
import ssl
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.nginx import HOST, NginxInFront
from tests.upstream import Upstream

pytestmark = pytest.mark.e2e

BODY = b'{"version": "1.0.0", "uptime_seconds": 60}'
HEAD = f"POST /api/heartbeat HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {len(BODY)}\r\n\r\n".encode()


def test_the_application_gets_a_request_once_it_has_arrived_whole(tmp_path: Path) -> None:
    with Upstream() as upstream, NginxInFront([upstream.port], tmp_path) as nginx, ExitStack() as stack:
        context = ssl.create_default_context(cafile=str(nginx.certificate))
        slow = []
        for _ in range(50):
            plain = stack.enter_context(socket.create_connection(("127.0.0.1", nginx.port), timeout=10))
            slow.append(stack.enter_context(context.wrap_socket(plain, server_hostname=HOST)))
            slow[-1].sendall(HEAD + BODY[:-1])
        time.sleep(0.5)
        assert upstream.connections == 0
        assert nginx.client().post("/api/heartbeat", {}).status_code == 200
        for connection in slow:
            connection.sendall(BODY[-1:])
        assert {connection.recv(12) for connection in slow} == {b"HTTP/1.1 200"}
    assert len(upstream.received) == 51

"""A server that is told to stop first answers the connections that it was given."""

import os
import signal
import socket
from pathlib import Path

import pytest

from tests.release.server import ReleasedServer

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

WAITING = 20


def test_connections_that_wait_when_the_server_is_told_to_stop_are_answered(tmp_path: Path) -> None:
    server = ReleasedServer("sqlite:///" + str(tmp_path / "empty.sqlite3"), tmp_path, settings={"WEB_CONCURRENCY": "1"})
    server.start()
    (worker,) = server.workers()
    os.kill(worker, signal.SIGSTOP)  # too busy to accept
    clients = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(WAITING)]
    for client in clients:
        client.sendall(b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert server.process is not None
    server.process.send_signal(signal.SIGTERM)
    os.kill(worker, signal.SIGCONT)
    assert [first_line(client) for client in clients] == [b"HTTP/1.1 200 OK"] * WAITING
    server.process.wait(30)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port))


def first_line(client: socket.socket) -> bytes:
    with client:
        client.settimeout(20)
        try:
            return client.recv(4096).partition(b"\r\n")[0]
        except ConnectionResetError:
            return b"reset"

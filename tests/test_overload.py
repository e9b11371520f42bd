"""More requests at once than the server can handle: devices are refused first, and it is well again at once."""

import selectors
import socket
import time
import uuid
from collections import Counter

import psycopg
import pytest
import requests

from config.server.worker import MOST_HANDLED_OF_DEVICES
from tests.running_server import RunningServer

pytestmark = pytest.mark.e2e

WORKERS, REFUSED_AT_LEAST = 2, 100
CALL = (
    "POST /api/devices/heartbeat HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
    f"X-Device-ID: {uuid.UUID(int=1)}\r\nX-Device-Key: pdk_unknown\r\n\r\n{{}}"
).encode()


def statuses(sockets: list[socket.socket], *, seconds: float) -> Counter[str]:
    """Of the answers that come within that time; those that are answered are closed."""
    found: Counter[str] = Counter()
    with selectors.DefaultSelector() as selector:
        for each in sockets:
            selector.register(each, selectors.EVENT_READ)
        until = time.monotonic() + seconds
        while selector.get_map() and (left := until - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                answered: socket.socket = key.fileobj  # type: ignore[assignment]
                head = answered.recv(65_536).decode("latin-1")
                found[head[9:12]] += 1
                assert "Retry-After: " in head or not head.startswith("HTTP/1.1 503")
                selector.unregister(answered)
                answered.close()
                sockets.remove(answered)
    return found


def test_devices_past_what_can_wait_are_refused_at_once_and_others_are_not(race_server: RunningServer) -> None:
    sockets = []
    with psycopg.connect(race_server.database_url) as blocking:
        blocking.execute("LOCK TABLE devices_devicekey IN ACCESS EXCLUSIVE MODE")  # a wrong key is looked up
        for _ in range(WORKERS * MOST_HANDLED_OF_DEVICES + 200):
            sockets.append(socket.create_connection(("127.0.0.1", race_server.port)))
            sockets[-1].sendall(CALL)
        refused = statuses(sockets, seconds=3)
        assert set(refused) == {"503"}
        assert refused["503"] >= REFUSED_AT_LEAST
        admins = [socket.create_connection(("127.0.0.1", race_server.port)) for _ in range(20)]
        for each in admins:
            each.sendall(b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        blocking.rollback()
    assert set(statuses(sockets, seconds=20)) <= {"401", "429"}
    assert set(statuses(admins, seconds=20)) == {"200"}, "they waited, and were not refused"
    assert sockets == admins == []
    assert requests.get(f"{race_server.url}/health", timeout=5).status_code == 200

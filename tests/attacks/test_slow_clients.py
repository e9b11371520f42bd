"""Clients that are slow or silent hold no thread, and are cut off after a time that does not depend on what they do."""

import hashlib
import select
import signal
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from config.server.worker import MAX_LARGE_OF_NETWORK
from tests.attacks.slow_clients import ATTACKS, SITES, STATIC_FILE, Attack, attack_server
from tests.running_server import RunningServer, Site, register

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=50)]

SECONDS = 3.0
PROBE = b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, new_sqlite: Callable[[Path], str]) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("server")
    running = RunningServer(new_sqlite(folder), folder)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def sites(server: RunningServer) -> list[Site]:
    api = server.sign_in()
    return [register(api, server) for _ in range(SITES)]


def connect(server: RunningServer, *, timeout: float = 40) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=timeout)


def read_all(client: socket.socket) -> bytes:
    received = b""
    while data := client.recv(65536):
        received += data
    return received


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=lambda attack: attack.name)
@pytest.mark.parametrize(("count", "addresses"), [(500, 1), pytest.param(100, 100, marks=pytest.mark.long)])
def test_probes_and_heartbeats_are_answered_during_an_attack(
    server: RunningServer, sites: list[Site], attack: Attack, count: int, addresses: int
) -> None:
    costs = attack_server(server, sites, attack, count=count, addresses=addresses, seconds=SECONDS, enough=2)
    for name, cost in costs.items():
        # A single one may have waited until the attack was over.
        assert len(cost.seconds) > 1, f"{name}: {cost}"
        assert not cost.failures, f"{name}: {cost.failures}"


def test_a_request_that_stops_arriving_is_answered_408_after_its_deadline(server: RunningServer) -> None:
    """Ten seconds for a head; a silent connection is closed without a response."""
    head = b"POST /api/heartbeat HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    begun = {"silent": b"", "head": head, "body": head + b"Content-Length: 50\r\n\r\n{"}
    with ExitStack() as stack:
        clients = {name: stack.enter_context(connect(server)) for name in begun}
        started = time.monotonic()
        for name, client in clients.items():
            client.sendall(begun[name])
        responses = {name: read_all(client) for name, client in clients.items()}
    assert 9 < time.monotonic() - started < 20
    assert responses["silent"] == b""
    for name in ("head", "body"):
        assert responses[name].startswith(b"HTTP/1.1 408 "), responses[name]
        assert b"application/problem+json" in responses[name]
        assert b'"code": "request_timeout"' in responses[name]


def test_a_head_that_drips_is_cut_off_all_the_same(server: RunningServer) -> None:
    with connect(server) as client:
        started = time.monotonic()
        client.sendall(b"GET / HTTP/1.1\r\nX-Slow: ")
        client.settimeout(0.5)
        answer = b""
        while not answer and time.monotonic() - started < 30:
            client.sendall(b"a")
            try:
                answer = client.recv(1000)
            except TimeoutError:
                continue
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - started < 20


def test_a_head_without_an_end_is_answered_431(server: RunningServer) -> None:
    with connect(server) as client:
        client.sendall(b"GET / HTTP/1.1\r\n" + b"X-Long: " + b"a" * 70_000)
        assert read_all(client).startswith(b"HTTP/1.1 431 ")


def test_requests_that_are_sent_together_are_answered_in_their_order(server: RunningServer) -> None:
    missing = b"GET /api/nothing HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    last = PROBE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    with connect(server) as client:
        client.sendall(PROBE + missing + PROBE + last)
        responses = read_all(client)
    assert [part[:3] for part in responses.split(b"HTTP/1.1 ")[1:]] == [b"200", b"404", b"200", b"200"]


def test_a_client_that_asks_first_may_send_its_body(server: RunningServer, sites: list[Site]) -> None:
    body = b'{"version": "1.0.0", "uptime_seconds": 1}'
    head = (
        f"POST /api/heartbeat HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
        f"X-Site-ID: {sites[0].site_id}\r\nX-Site-Key: {sites[0].key}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with connect(server) as client:
        client.sendall(head.encode())
        assert client.recv(1000).startswith(b"HTTP/1.1 100 ")
        client.sendall(body)
        client.shutdown(socket.SHUT_WR)
        assert b"HTTP/1.1 200 " in read_all(client)


def test_a_client_that_reads_slowly_gets_the_whole_file(server: RunningServer) -> None:
    """Faster than the slowest that is allowed, slower than the system can buffer."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(30)
        client.connect(("127.0.0.1", server.port))
        client.sendall(STATIC_FILE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        received = bytearray()
        while data := client.recv(16384):
            received += data
            if len(received) < 300_000:
                time.sleep(0.02)
    body = bytes(received).partition(b"\r\n\r\n")[2]
    path = STATIC_FILE.split()[1].decode()
    expected = requests.get(server.url + path, headers={"Accept-Encoding": "identity"}, timeout=10).content
    assert hashlib.sha256(body).digest() == hashlib.sha256(expected).digest()


def test_a_large_body_is_read_by_a_thread_of_its_own_kind(server: RunningServer) -> None:
    """Four slow uploads hold all of these threads; a small request does not wait for them."""
    head = b"POST /admin/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 900000\r\n\r\n"
    with ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(connect(server)).sendall(head)
        time.sleep(0.5)
        assert requests.get(f"{server.url}/health/live", timeout=5).status_code == 200


def test_a_client_that_resets_its_connection_ends_nothing_else(server: RunningServer) -> None:
    """The response to `Expect` meets a connection that is gone: once that ended the worker."""
    process = server.process
    assert process is not None
    before = workers_of(process.pid)
    for _ in range(20):
        client = connect(server)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.sendall(b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        client.close()
    for _ in range(10):
        assert requests.get(f"{server.url}/health/live", timeout=5).status_code == 200
    assert workers_of(process.pid) == before


def workers_of(pid: int) -> set[str]:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return set(listed.stdout.split())


def test_large_bodies_that_never_come_are_limited_and_given_up(server: RunningServer) -> None:
    """Two processes, each with eight of one address."""
    head = b"POST /admin/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 900000\r\n\r\n"
    with ExitStack() as stack:
        clients = [stack.enter_context(connect(server)) for _ in range(40)]
        for client in clients:
            client.sendall(head)
        time.sleep(1)
        readable, _, _ = select.select(clients, [], [], 0)
        refusals = [client.recv(100) for client in readable]
        # A form without a token is refused before its body is read.
        assert {refusal[9:12] for refusal in refusals} <= {b"503", b"403"}
        assert sum(refusal.startswith(b"HTTP/1.1 503 ") for refusal in refusals) >= 40 - 4 * MAX_LARGE_OF_NETWORK
    assert requests.get(f"{server.url}/health/live", timeout=5).status_code == 200


def test_a_file_is_sent_even_if_the_request_announces_a_body_that_never_comes(server: RunningServer) -> None:
    request = STATIC_FILE.replace(b"\r\n\r\n", b"\r\nContent-Length: %d\r\n\r\n")
    with connect(server) as client:
        client.sendall(request % 10**12)
        assert read_all(client).startswith(b"HTTP/1.1 413 ")
    with connect(server, timeout=30) as client:
        started = time.monotonic()
        client.sendall(request % 100_000)
        assert b"HTTP/1.1 200 " in read_all(client)
    assert time.monotonic() - started < 25


def test_connections_that_are_kept_open_do_not_delay_a_stop(tmp_path: Path, new_sqlite: Callable[[Path], str]) -> None:
    running = RunningServer(new_sqlite(tmp_path), tmp_path)
    running.start()
    process = running.process
    assert process is not None
    with connect(running) as silent, connect(running) as kept:
        kept.sendall(PROBE)
        assert kept.recv(1000).startswith(b"HTTP/1.1 200 ")
        waiting = threading.Thread(target=process.wait)
        process.send_signal(signal.SIGTERM)
        waiting.start()
        waiting.join(8)
        assert process.poll() == 0, "the server did not stop"
        assert silent.recv(1) == b""

"""The connection to the doorbell: what its answers mean, and how a wait ends before its time."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from portcullis_agent.client import HttpDoorbell, HttpServer, RequestFailed

from .certificates import Authority
from .control_plane import SITE_KEY, ControlPlane, served
from .signing import SITE_ID
from .test_http import Connection, listening, response


@pytest.fixture
def plane() -> ControlPlane:
    return ControlPlane(time.time)


@pytest.fixture
def connection() -> Iterator[HttpDoorbell]:
    made = HttpServer("http://127.0.0.1", step_seconds=0.5).open_doorbell(SITE_ID, SITE_KEY)
    yield made
    made.close()


def in_thread(call: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    return thread


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline, "it does not hold in time"
        time.sleep(0.01)


def test_a_ring_ends_a_wait_and_the_connection_is_kept(url: str, plane: ControlPlane, connection: HttpDoorbell) -> None:
    assert connection.wait(f"{url}/doorbell", since=0, seconds=50) == 1
    assert connection.wait(f"{url}/doorbell", since=1, seconds=1) is None
    in_thread(lambda: (time.sleep(0.2), plane.change()))
    started = time.monotonic()
    assert connection.wait(f"{url}/doorbell", since=1, seconds=50) == 2
    assert time.monotonic() - started < 2
    assert plane.waits == [{"since": [since], "wait": [wait]} for since, wait in (("0", "50"), ("1", "1"), ("1", "50"))]
    assert len(plane.doorbell_connections) == 1


def test_a_query_of_the_address_is_kept(url: str, plane: ControlPlane, connection: HttpDoorbell) -> None:
    assert connection.wait(f"{url}/doorbell?node=7", since=0, seconds=1) == 1
    assert plane.waits == [{"node": ["7"], "since": ["0"], "wait": ["1"]}]


def ring(body: bytes, status: str = "200 OK") -> Callable[[Connection], None]:
    return response(f"HTTP/1.1 {status}\nContent-Length: {len(body)}\n", body)


def dripping(connected: Connection) -> None:
    connected.sendall(b"HTTP/1.1 200 OK\r\n")
    for _ in range(100):
        connected.sendall(b"X")
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("answer", "reason", "status"),
    [
        pytest.param(ring(b'{"revision": 5}'), "no newer revision", 200, id="the revision that is held"),
        pytest.param(ring(b'{"revision": true}'), "no newer revision", 200, id="no number"),
        pytest.param(ring(b'{"revision": 9007199254740992}'), "no newer revision", 200, id="too large a number"),
        pytest.param(ring(b"{}"), "no newer revision", 200, id="no revision"),
        pytest.param(ring(b"<html>Welcome"), "not a JSON object", 200, id="HTML"),
        pytest.param(ring(b" " * 5000), "larger than 4 KiB", 200, id="huge"),
        pytest.param(ring(b"", "302 Found\nLocation: /login"), "redirect", 302, id="captive portal"),
        pytest.param(ring(b"", "401 Unauthorized"), "id and key", 401, id="401"),
        pytest.param(ring(b"{}", "504 Gateway Timeout"), "answered 504", 504, id="504"),
        pytest.param(lambda connected: None, "cut off", None, id="cut by a proxy"),
        pytest.param(lambda connected: connected.recv(1) and None, "in time", None, id="silent"),
        pytest.param(dripping, "cut off", None, id="a byte now and then"),
    ],
)
def test_an_answer_that_is_no_ring_is_a_reason(
    connection: HttpDoorbell, answer: Callable[[Connection], None], reason: str, status: int | None
) -> None:
    with listening(answer, end=b"\r\n\r\n") as url:
        started = time.monotonic()
        with pytest.raises(RequestFailed, match=reason) as caught:
            connection.wait(f"{url}/doorbell", since=5, seconds=1)
        assert caught.value.status == status
        assert time.monotonic() - started < 4


@contextmanager
def relay(
    target: str, forward: Callable[[bytes, Connection], None], connects: list[bytes] | None = None
) -> Iterator[str]:
    """A proxy: `forward` gets each piece that the server sends; `connects`, if given, what it is asked to connect to."""
    host, port = target.rpartition("/")[2].split(":")
    listener = socket.create_server(("127.0.0.1", 0))

    def copy_answers(server: Connection, client: Connection) -> None:
        with suppress(OSError):
            while data := server.recv(65536):
                forward(data, client)
            client.shutdown(socket.SHUT_RDWR)

    def serve(client: Connection) -> None:
        with client, socket.create_connection((host, int(port))) as server:
            if connects is not None:
                connects.append(client.recv(65536))
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            answers = in_thread(lambda: copy_answers(server, client))
            with suppress(OSError):
                while data := client.recv(65536):
                    server.sendall(data)
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            answers.join(5)

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            in_thread(lambda client=client: serve(client))  # type: ignore[misc]

    thread = in_thread(accept)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def test_an_answer_that_a_proxy_keeps_for_a_moment_still_rings(
    url: str, plane: ControlPlane, connection: HttpDoorbell
) -> None:
    def late(data: bytes, client: Connection) -> None:
        time.sleep(0.8)
        client.sendall(data)

    with relay(url, late) as proxy:
        assert connection.wait(f"{proxy}/doorbell", since=0, seconds=1) == 1


def test_an_answer_that_a_proxy_keeps_until_the_next_byte_comes_is_given_up_in_time(
    url: str, plane: ControlPlane, connection: HttpDoorbell
) -> None:
    kept: list[bytes] = []

    def one_behind(data: bytes, client: Connection) -> None:
        kept.append(data)
        if len(kept) > 1:
            client.sendall(kept.pop(0))

    with relay(url, one_behind) as proxy:
        started = time.monotonic()
        with pytest.raises(RequestFailed):
            connection.wait(f"{proxy}/doorbell", since=0, seconds=1)
        assert time.monotonic() - started < 3


def end_a_wait(connection: HttpDoorbell, url: str, plane: ControlPlane) -> None:
    """Close the connection while another thread waits on it; the wait ends at once, here and at the server."""
    failures: list[RequestFailed] = []

    def wait() -> None:
        try:
            connection.wait(f"{url}/doorbell", since=plane.revision, seconds=50)
        except RequestFailed as failure:
            failures.append(failure)

    thread = in_thread(wait)
    until(lambda: plane.waiting)
    connection.close()
    thread.join(2)
    assert len(failures) == 1
    until(lambda: not plane.waiting)
    with pytest.raises(RequestFailed, match="closed"):
        connection.wait(f"{url}/doorbell", since=0, seconds=1)


def test_a_wait_is_ended_by_another_thread(url: str, plane: ControlPlane, connection: HttpDoorbell) -> None:
    end_a_wait(connection, url, plane)


def test_a_wait_on_a_kept_connection_is_ended_by_another_thread(
    url: str, plane: ControlPlane, connection: HttpDoorbell
) -> None:
    assert connection.wait(f"{url}/doorbell", since=0, seconds=1) == 1
    end_a_wait(connection, url, plane)


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    made = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.file))
    return made


def test_a_wait_over_tls_is_ended_by_another_thread(
    authority: Authority, plane: ControlPlane, connection: HttpDoorbell
) -> None:
    with served(plane, authority.server()) as url:
        end_a_wait(connection, url, plane)


def test_a_wait_over_tls_through_a_proxy_is_ended_by_another_thread(
    authority: Authority, plane: ControlPlane, connection: HttpDoorbell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    asked: list[bytes] = []
    with (
        served(plane, authority.server()) as url,
        relay(url, lambda data, client: client.sendall(data), asked) as proxy,
    ):
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        end_a_wait(connection, url, plane)
    assert asked[0].startswith(b"CONNECT ")


def test_after_a_failure_the_certificates_are_read_again(
    tmp_path: Path, plane: ControlPlane, connection: HttpDoorbell, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    with served(plane, authority.server()) as url:
        with pytest.raises(RequestFailed, match="certificate"):
            connection.wait(f"{url}/doorbell", since=0, seconds=1)
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
        assert connection.wait(f"{url}/doorbell", since=0, seconds=1) == 1

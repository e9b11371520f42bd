"""What the client does with real answers on a real connection, and with none."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from portcullis_agent import Agent, Settings, SettingsError
from portcullis_agent.client import HttpServer, RequestFailed

from .control_plane import SITE_KEY, ControlPlane, served
from .signing import SITE_ID
from .simulated_clock import SimulatedClock

Connection = socket.socket


@contextmanager
def listening(
    answer: Callable[[Connection], None], wrap: ssl.SSLContext | None = None, end: bytes = b"}"
) -> Iterator[str]:
    """A server that reads one request a connection, up to `end`, and leaves the answer to the test."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    connection = wrap.wrap_socket(connection, server_side=True) if wrap else connection
                    data = b""
                    while not data.endswith(end) and (received := connection.recv(65536)):
                        data += received
                    if data:
                        answer(connection)
                except OSError:
                    continue

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"{'https' if wrap else 'http'}://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def ask(url: str) -> dict[str, Any]:
    return HttpServer(url, step_seconds=0.5, total_seconds=1.0).heartbeat(SITE_ID, SITE_KEY, {"version": "1"})


def response(head: str, body: bytes = b"") -> Callable[[Connection], None]:
    return lambda connection: connection.sendall(head.replace("\n", "\r\n").encode() + b"\r\n" + body)


GOOD = b'{"lease": null}'
OK = f"HTTP/1.1 200 OK\nContent-Length: {len(GOOD)}\n"


def silent(connection: Connection) -> None:
    connection.recv(1)


def dripping(connection: Connection) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    for _ in range(100):
        connection.sendall(b"X")
        time.sleep(0.1)


def test_a_good_answer_is_read() -> None:
    with listening(response(OK, GOOD)) as url:
        assert ask(url) == {"lease": None}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param(response("HTTP/1.1 200 OK\nContent-Length: 500\n", GOOD), "cut off", id="truncated body"),
        pytest.param(
            response("HTTP/1.1 200 OK\nContent-Length: 5\n", GOOD), "not a JSON object", id="too short a length"
        ),
        pytest.param(response("HTTP/1.1 200 OK\nContent-Length: x\n", GOOD), "no HTTP", id="no length"),
        pytest.param(response("nothing like HTTP\n"), "no HTTP", id="no HTTP"),
        pytest.param(lambda connection: None, "cut off", id="closed at once"),
        pytest.param(
            response("HTTP/1.1 302 Found\nLocation: /login\nContent-Length: 0\n"), "redirect", id="captive portal"
        ),
        pytest.param(response("HTTP/1.1 200 OK\n", b"<html>Welcome"), "not a JSON object", id="HTML"),
        pytest.param(response("HTTP/1.1 200 OK\n", b" " * 70_000), "larger than 64 KiB", id="huge"),
        pytest.param(response("HTTP/1.1 200 OK\nContent-Encoding: gzip\n", GOOD), "compressed", id="compressed"),
        pytest.param(response("HTTP/1.1 401 Unauthorized\nContent-Length: 0\n"), "id and key", id="401"),
        pytest.param(response("HTTP/1.1 500 No\nContent-Length: 0\n"), "answered 500", id="500"),
        pytest.param(silent, "in time", id="silent"),
        pytest.param(dripping, "within 1 seconds", id="a byte now and then"),
    ],
)
def test_a_bad_answer_is_a_reason(answer: Callable[[Connection], None], reason: str) -> None:
    with listening(answer) as url:
        started = time.monotonic()
        with pytest.raises(RequestFailed, match=reason):
            ask(url)
        assert time.monotonic() - started < 5


def test_a_key_set_that_has_not_changed_is_not_sent_again(url: str, plane: ControlPlane) -> None:
    server = HttpServer(url)
    assert server.changed_key_set() == plane.key_set()
    assert server.changed_key_set() is None
    assert server.key_set() == plane.key_set()
    plane.rotate()
    assert server.changed_key_set() == plane.key_set()
    assert plane.statuses == [200, 304, 200, 200]


@pytest.mark.parametrize("etag", ["no quotes", '"\xe9"', '"' + "x" * 200 + '"', '"a", "b"', "*"])
def test_an_etag_that_is_none_is_not_sent_back(url: str, plane: ControlPlane, etag: str) -> None:
    plane.etag = etag
    server = HttpServer(url)
    assert [server.changed_key_set(), server.changed_key_set()] == [plane.key_set()] * 2


def test_304_to_a_request_without_a_condition_is_a_failure(url: str, plane: ControlPlane) -> None:
    plane.etag = None
    with listening(response("HTTP/1.1 304 Not Modified\n")) as other, pytest.raises(RequestFailed, match="304"):
        ask(other)


def test_an_agent_asks_daily_for_the_set_with_the_condition(
    url: str, plane: ControlPlane, make_agent: Callable[..., Agent], clock: SimulatedClock
) -> None:
    agent = make_agent(url=url, server=None)
    spare = None
    for day in range(6):
        spare = plane.publish() if day == 4 else spare
        clock.advance(1.3 * 86400)
        assert agent.beat().stored
    assert plane.statuses == [200, 200, *[200, 304] * 3, 200, 200, 200, 304]
    assert spare is not None
    assert spare.kid in agent._keeper.keys


def test_a_redirect_is_not_followed() -> None:
    asked = []

    def answer(connection: Connection) -> None:
        asked.append(1)
        response("HTTP/1.1 307 Temporary Redirect\nLocation: /elsewhere\nContent-Length: 0\n")(connection)

    with listening(answer) as url, pytest.raises(RequestFailed):
        ask(url)
    assert len(asked) == 1


def test_a_port_without_a_server_is_a_reason() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with pytest.raises(RequestFailed, match="No connection to the server"):
        ask(url)


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ]
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command, *names, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with listening(response(OK, GOOD), context) as url, pytest.raises(RequestFailed, match="certificate"):
        ask(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://licenses.example.com",
        "http://10.0.0.5",
        "ftp://localhost",
        "licenses.example.com",
        "https://",
        "https://a:b",
        "https://u@a",
    ],
)
def test_an_address_without_encryption_or_sense_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        Settings(url, SITE_ID, SITE_KEY, tmp_path)


@pytest.mark.parametrize(
    "url", ["https://licenses.example.com/", "http://127.0.0.1:8000", "http://[::1]", "http://localhost"]
)
def test_encryption_is_not_needed_on_the_machine_itself(url: str, tmp_path: Path) -> None:
    assert not Settings(url, SITE_ID, SITE_KEY, tmp_path).url.endswith("/")


@pytest.mark.parametrize(
    ("version", "sent"),
    [("2.1.0", "2.1.0"), ("", "unknown"), ("1.0\n", "1.0"), ("x" * 80, "x" * 64), ("\0", "unknown")],
)
def test_a_version_is_sent_as_the_server_accepts_it(version: str, sent: str, tmp_path: Path) -> None:
    assert Settings("https://a.example", SITE_ID, SITE_KEY, tmp_path, version=version).version == sent


def test_the_key_of_the_site_is_in_no_representation(tmp_path: Path) -> None:
    assert "secret" not in repr(Settings("https://a.example", SITE_ID, "secret", tmp_path))


def test_the_agent_runs_in_a_thread_and_stops(plane: ControlPlane, tmp_path: Path) -> None:
    changed = threading.Event()
    plane.site |= {"locked": True, "lock_reason": "Invoice"}
    with served(plane) as url:
        agent = Agent(
            url=url, site_id=SITE_ID, site_key=SITE_KEY, state_dir=tmp_path, on_verdict_change=lambda _: changed.set()
        )
        agent.start()
        assert changed.wait(20)
        agent.stop()
    assert json.loads((tmp_path / "state.json").read_text())["lease"]
    assert agent.verdict().state == "locked"

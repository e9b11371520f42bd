"""What only a raw socket or an odd client sends: each gets a clear refusal, and the server lives."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import requests

from tests.running_server import Client, RunningServer

pytestmark = pytest.mark.e2e

SLOTS = 2 * 8  # two workers with eight threads each


def talk(server: RunningServer, request: bytes) -> tuple[bytes, bytes]:
    """Head and body of the answer to those very bytes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(request)
        head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")
        return head, body


@pytest.mark.parametrize("charset", ["hex", "base64", "rot13", "punycode", "undefined", "utf-7", "no-such-thing"])
def test_the_charset_that_a_client_names_decides_nothing(server: RunningServer, charset: str) -> None:
    kind = {"Content-Type": f"application/json; charset={charset}"}
    for path in ("/api/sites?search=a", "/api/heartbeat?a=%e9", "/health?x=A", "/docs?x=A", "/admin/login/?next=A"):
        answer = requests.get(server.url + path, headers=kind, timeout=10)
        assert answer.status_code < 500, path
        assert answer.headers["X-Request-ID"]
    form = {"Content-Type": f"application/x-www-form-urlencoded; charset={charset}"}
    assert requests.post(f"{server.url}/admin/login/", data="a=b", headers=form, timeout=10).status_code == 403


CHUNKED = (
    b"POST /api/auth/login HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
    b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
)


@pytest.mark.parametrize(
    "chunks", [b"zz\r\nabc\r\n0\r\n\r\n", b"-5\r\nabcde\r\n0\r\n\r\n", b"3\r\nabcdef\r\n0\r\n\r\n"]
)
def test_broken_chunks_are_a_400(server: RunningServer, chunks: bytes) -> None:
    head, body = talk(server, CHUNKED + chunks)
    assert head.startswith(b"HTTP/1.1 400")
    assert json.loads(body)["status"] == 400


def closing_answer(server: RunningServer, head: bytes, body: bytes) -> bytes:
    """The answer's head, from a client that keeps its connection and sends up to a megabyte of body before it reads."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(head + body[:1_000_000])
        answer = connection.makefile("rb").read()  # ends only because the server closes the connection
    return answer.partition(b"\r\n\r\n")[0]


@pytest.mark.parametrize(
    ("path", "size"),
    [
        (b"/api/auth/login", 70_000),
        (b"/api/heartbeat", 70_000),
        (b"/api/heartbeat", 1_000_000),
        (b"/admin/login/", 5_000_001),
    ],
)
def test_a_body_over_the_limit_is_answered_and_the_connection_is_said_to_close(
    server: RunningServer, path: bytes, size: int
) -> None:
    start = b"POST " + path + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    head = closing_answer(server, start + b"Content-Length: %d\r\n\r\n" % size, b" " * size)
    assert head.startswith(b"HTTP/1.1 413"), head
    assert b"connection: close" in head.lower(), head


@pytest.mark.parametrize("path", [b"/api/auth/login", b"/api/heartbeat"])
def test_a_chunked_body_over_the_limit_is_answered_and_the_connection_is_said_to_close(
    server: RunningServer, path: bytes
) -> None:
    start = b"POST " + path + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    chunk = b"2710\r\n" + b" " * 10_000 + b"\r\n"
    head = closing_answer(server, start + b"Transfer-Encoding: chunked\r\n\r\n", chunk * 100 + b"0\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413"), head
    assert b"connection: close" in head.lower(), head


def test_a_body_within_the_limit_keeps_the_connection(server: RunningServer) -> None:
    with requests.Session() as session:
        for _ in range(2):
            answer = session.post(f"{server.url}/api/auth/login", json={"username": "a" * 60_000}, timeout=10)
            assert answer.status_code == 400
            assert answer.headers["Connection"] == "keep-alive"


def test_a_cookie_with_a_nul_is_just_no_session(server: RunningServer) -> None:
    cookie = {"Cookie": r'__Host-sessionid="\000\000aaaaaaaaaaaa"'}
    for path in ("/admin/login/", "/admin/"):
        assert requests.get(server.url + path, headers=cookie, timeout=10, allow_redirects=False).status_code < 400


def test_what_the_server_refuses_by_itself_has_an_id_and_repeats_nothing(server: RunningServer) -> None:
    secret = b"psk_" + b"A" * 49
    head, body = talk(server, b"GET /api/heartbeat?k=" + secret + b"\xff HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert b"X-Request-ID: " in head
    assert secret not in body
    assert secret not in server.log.read_bytes()


def test_a_broken_header_is_logged_without_its_text(server: RunningServer) -> None:
    head, _ = talk(server, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie : sessionid=0123456789abcdef\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400")
    assert b"Invalid request from ip=127.0.0.1: InvalidHeaderName" in server.log.read_bytes()
    assert b"0123456789abcdef" not in server.log.read_bytes()


@pytest.mark.parametrize(
    "half",
    [
        b"POST /api/heartbeat HTTP/1.1\r\nHost: 127.0.0.1\r\n",
        b"POST /api/auth/login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{",
    ],
    ids=["headers", "body"],
)
def test_half_sent_requests_do_not_hold_the_server(postgresql_server: RunningServer, half: bytes) -> None:
    """On one database: such a request ends before the database is asked."""
    with ExitStack() as stack:
        for _ in range(SLOTS):
            held = stack.enter_context(socket.create_connection(("127.0.0.1", postgresql_server.port), timeout=5))
            held.sendall(half)
        time.sleep(1)
        answer = requests.get(f"{postgresql_server.url}/health/live", timeout=25)
        assert answer.status_code == 200


@pytest.fixture
def api(server: RunningServer) -> Iterator[Client]:
    return server.sign_in()


def test_the_scheme_of_the_token_counts_in_any_case(api: Client) -> None:
    token = api.headers["Authorization"].removeprefix("Bearer ")
    for scheme in ("bearer", "BEARER"):
        assert api.get("/api/auth/me", Authorization=f"{scheme} {token}").status_code == 200


def test_an_idempotency_key_may_be_written_in_any_script(api: Client) -> None:
    body = {"name": "Écrit", "owner_name": "G", "contact_email": "g@x.example"}
    key = ("é" * 255).encode()
    answers = [api.send("POST", "/api/sites", body, **{"Idempotency-Key": key}) for _ in range(2)]  # type: ignore[dict-item]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["site_id"] == answers[1].json()["site_id"]

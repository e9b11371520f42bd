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


def test_a_cookie_with_a_nul_is_just_no_session(server: RunningServer) -> None:
    cookie = {"Cookie": r'sessionid="\000\000aaaaaaaaaaaa"'}
    for path in ("/admin/login/", "/admin/"):
        assert requests.get(server.url + path, headers=cookie, timeout=10, allow_redirects=False).status_code < 400


def test_what_the_server_refuses_by_itself_has_an_id_and_repeats_nothing(server: RunningServer) -> None:
    secret = b"psk_" + b"A" * 49
    head, body = talk(server, b"GET /api/heartbeat?k=" + secret + b"\xff HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert b"X-Request-ID: " in head
    assert secret not in body
    assert secret not in server.log.read_bytes()


@pytest.mark.parametrize(
    "half",
    [
        b"POST /api/heartbeat HTTP/1.1\r\nHost: 127.0.0.1\r\n",
        b"POST /api/auth/login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{",
    ],
    ids=["headers", "body"],
)
def test_half_sent_requests_do_not_hold_the_server(server: RunningServer, half: bytes) -> None:
    with ExitStack() as stack:
        for _ in range(SLOTS):
            held = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=5))
            held.sendall(half)
        time.sleep(1)
        answer = requests.get(f"{server.url}/health/live", timeout=25)
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

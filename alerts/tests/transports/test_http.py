"""Requests to addresses that people typed in, and every way in which the other side fails."""

import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from alerts.channels import public_addresses
from alerts.channels.transports import http
from alerts.channels.transports.http import post
from alerts.channels.transports.outcome import Outcome, Verdict
from conftest import Clock
from tests.fake_services.http import (
    Behaviour,
    Drip,
    FakeHttp,
    HangingTls,
    Reply,
    close,
    closed_port,
    garbage,
    hang,
    reset,
)
from tests.fake_services.names import FakeNames

pytestmark = pytest.mark.any_database
SECRET_URL = "/services/secret-path?token=secret-query"


def send(url: str, *, allow_private: bool = True, **options: Any) -> Outcome:
    return post(url, b'{"a":1}', {"Content-Type": "application/json"}, allow_private=allow_private, **options)


def test_a_request_arrives_as_it_was_given(service: FakeHttp) -> None:
    outcome = send(service.url("/hook?a=1"))
    request = service.requests[0]
    assert outcome == Outcome(Verdict.DELIVERED, 200, "The answer was 200 OK.")
    assert (request.method, request.path, request.body) == ("POST", "/hook?a=1", b'{"a":1}')
    assert request.headers["host"] == f"127.0.0.1:{service.port}"
    assert request.headers["user-agent"] == "Portcullis/0.1.0"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["content-length"] == "7"


def test_a_url_without_a_path_asks_for_the_root(service: FakeHttp) -> None:
    send(service.url(""))
    send(service.url("?a=1"))
    assert [request.path for request in service.requests] == ["/", "/?a=1"]


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, Verdict.DELIVERED),
        (204, Verdict.DELIVERED),
        (299, Verdict.DELIVERED),
        (301, Verdict.FAILED),
        (307, Verdict.FAILED),
        (400, Verdict.FAILED),
        (404, Verdict.FAILED),
        (408, Verdict.RETRY),
        (410, Verdict.GONE),
        (429, Verdict.RETRY),
        (500, Verdict.RETRY),
        (503, Verdict.RETRY),
        (599, Verdict.RETRY),
    ],
)
def test_the_status_decides(service: FakeHttp, status: int, verdict: Verdict) -> None:
    service.script(Reply(status))
    outcome = send(service.url())
    assert (outcome.verdict, outcome.status) == (verdict, status)
    assert str(status) in outcome.detail


@pytest.mark.parametrize(
    ("value", "pause"),
    [
        ("120", timedelta(seconds=120)),
        ("0", timedelta(0)),
        (format_datetime(datetime(2026, 6, 1, 12, 5, tzinfo=UTC), usegmt=True), timedelta(minutes=5)),
        (format_datetime(datetime(2026, 6, 1, 11, tzinfo=UTC), usegmt=True), timedelta(0)),
        ("99999999999999999999", timedelta(days=3)),
        (format_datetime(datetime(9999, 12, 31, tzinfo=UTC), usegmt=True), timedelta(days=3)),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_the_other_side_says_when_to_try_again(
    service: FakeHttp, clock: Clock, status: int, value: str, pause: timedelta | None
) -> None:
    service.script(Reply(status, {"Retry-After": value}))
    outcome = send(service.url())
    assert (outcome.verdict, outcome.retry_after) == (Verdict.RETRY, pause)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(service: FakeHttp, status: int) -> None:
    with FakeHttp() as internal:
        service.script(Reply(status, {"Location": internal.url("/metadata")}))
        outcome = send(service.url())
    assert internal.connections == 0
    assert outcome.verdict == Verdict.FAILED
    assert "Redirects are not followed." in outcome.detail


def test_a_closed_port_is_tried_again() -> None:
    outcome = send(f"http://127.0.0.1:{closed_port()}{SECRET_URL}")
    assert outcome == Outcome(Verdict.RETRY, None, "The connection was refused.")


@pytest.mark.parametrize("behaviour", [reset, close, garbage])
def test_a_broken_answer_is_tried_again(service: FakeHttp, behaviour: Behaviour) -> None:
    service.script(behaviour)
    outcome = send(service.url(SECRET_URL))
    assert (outcome.verdict, outcome.status) == (Verdict.RETRY, None)
    assert outcome.detail.endswith(".")
    assert "secret" not in outcome.detail


DRIPS = {
    "nothing": hang,
    "headers": Drip(),
    "status line": Drip(start=b"HTTP/1.1 ", filler=b"2"),
    "interim answers": Drip(start=b"", filler=b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@pytest.mark.parametrize("behaviour", DRIPS.values(), ids=DRIPS)
def test_a_server_that_is_too_slow_is_left_at_the_deadline(
    service: FakeHttp, hurried: None, behaviour: Behaviour
) -> None:
    service.script(behaviour)
    begin = time.monotonic()
    outcome = send(service.url(SECRET_URL))
    assert time.monotonic() - begin < 2
    assert (outcome.verdict, outcome.status) == (Verdict.RETRY, None)
    assert outcome.detail == "No complete answer within 15 seconds."


@pytest.mark.parametrize("behaviour", DRIPS.values(), ids=DRIPS)
def test_a_slow_server_with_tls_is_left_at_the_deadline(
    trusted_certificate: Path, names: FakeNames, hurried: None, behaviour: Behaviour
) -> None:
    names.set("hooks.example.com", ["127.0.0.1"])
    with FakeHttp(behaviour, certificate=trusted_certificate) as service:
        begin = time.monotonic()
        outcome = send(service.url(host="hooks.example.com"))
    assert len(service.requests) == 1
    assert time.monotonic() - begin < 2
    assert outcome == Outcome(Verdict.RETRY, None, "No complete answer within 15 seconds.")


def test_a_body_that_drips_does_not_reach_the_reader(service: FakeHttp, hurried: None) -> None:
    service.script(Drip(start=b"HTTP/1.1 200 OK\r\n\r\nok"))
    bodies = []
    begin = time.monotonic()
    outcome = send(service.url(), read=lambda answer: bodies.append(answer.body))
    assert time.monotonic() - begin < 2
    assert bodies == [None]
    assert outcome.verdict == Verdict.DELIVERED, "the status stood before the body"


@pytest.mark.parametrize(("size", "is_read"), [(64 * 1024, True), (64 * 1024 + 1, False), (20_000_000, False)])
def test_of_a_long_answer_64_kib_are_read(service: FakeHttp, size: int, is_read: bool) -> None:
    service.script(Reply(200, body=b"x" * size))
    bodies: list[bytes | None] = []
    send(service.url(), read=lambda answer: bodies.append(answer.body))
    assert bodies == [b"x" * size if is_read else None]


def test_a_body_that_ends_before_its_length_does_not_reach_the_reader(service: FakeHttp) -> None:
    service.script(Reply(200, {"Content-Length": "100"}, b"ok"))
    bodies: list[bytes | None] = []
    send(service.url(), read=lambda answer: bodies.append(answer.body))
    assert bodies == [None]


def test_no_thread_stays_after_a_request(service: FakeHttp) -> None:
    send(service.url())
    assert not [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]


# TLS


def test_a_trusted_certificate_is_accepted_for_the_name_at_the_checked_address(
    trusted_certificate: Path, names: FakeNames
) -> None:
    names.set("hooks.example.com", ["127.0.0.1"])
    with FakeHttp(certificate=trusted_certificate) as service:
        outcome = send(service.url(host="hooks.example.com"))
    assert outcome.verdict == Verdict.DELIVERED, outcome
    assert service.server_names == ["hooks.example.com"]
    assert service.requests[0].headers["host"] == f"hooks.example.com:{service.port}"


def test_a_certificate_of_another_name_is_refused(trusted_certificate: Path, names: FakeNames) -> None:
    names.set("other.example.com", ["127.0.0.1"])
    with FakeHttp(certificate=trusted_certificate) as service:
        outcome = send(service.url(SECRET_URL, host="other.example.com"))
    assert service.requests == []
    assert outcome.verdict == Verdict.RETRY
    assert "certificate is not valid for 'other.example.com'" in outcome.detail


def test_a_certificate_of_an_unknown_authority_is_refused(certificate: Path, names: FakeNames) -> None:
    names.set("hooks.example.com", ["127.0.0.1"])
    with FakeHttp(certificate=certificate) as service:
        outcome = send(service.url(SECRET_URL, host="hooks.example.com"))
    assert service.requests == []
    assert outcome == Outcome(
        Verdict.RETRY, None, "The certificate of the server is not valid: self-signed certificate."
    )


def test_a_server_without_tls_is_tried_again(service: FakeHttp) -> None:
    service.script(garbage)
    outcome = send(f"https://127.0.0.1:{service.port}/")
    assert outcome.verdict == Verdict.RETRY
    assert outcome.detail != ""


def test_a_handshake_that_never_comes_ends_in_time(hurried: None) -> None:
    with HangingTls() as service:
        begin = time.monotonic()
        outcome = send(f"https://127.0.0.1:{service.port}/")
        assert time.monotonic() - begin < 2
    assert outcome == Outcome(Verdict.RETRY, None, "No answer in time.")


# Names and addresses

PRIVATE = ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd00::1", "::ffff:127.0.0.1"]


@pytest.mark.parametrize("address", PRIVATE)
def test_a_name_with_a_private_address_gets_no_connection(
    service: FakeHttp, names: FakeNames, connected: list[Any], address: str
) -> None:
    names.set("hooks.example.com", [address])
    outcome = send(service.url(SECRET_URL, host="hooks.example.com"), allow_private=False)
    assert outcome == Outcome(Verdict.FAILED, None, "The host has an address that is not public; nothing was sent.")
    assert connected == []


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0", "[::1]", "[::ffff:7f00:1]"])
def test_no_spelling_of_a_private_address_gets_a_connection(service: FakeHttp, connected: list[Any], host: str) -> None:
    outcome = send(f"http://{host}:{service.port}/", allow_private=False)
    assert outcome.verdict == Verdict.FAILED
    assert connected == []


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The addresses that a socket was asked to connect to."""
    asked: list[Any] = []
    usual = socket.socket.connect

    class Watched(socket.socket):
        def connect(self, address: Any) -> None:
            asked.append(address)
            return usual(self, address)

    monkeypatch.setattr(socket, "socket", Watched)
    return asked


def test_one_private_address_among_public_ones_is_enough(names: FakeNames, connected: list[Any]) -> None:
    names.set("hooks.example.com", ["93.184.215.14", "10.0.0.1"])
    outcome = send("http://hooks.example.com/", allow_private=False)
    assert outcome.verdict == Verdict.FAILED
    assert connected == []


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_name_is_asked_once_and_the_checked_address_is_called(
    names: FakeNames, connected: list[Any], monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    """The name leads to a public address when it is checked, and to a private one from then on."""
    monkeypatch.setattr(http, "CONNECT_SECONDS", 0.2)
    names.set("hooks.example.com", ["203.0.114.9"], ["127.0.0.1"])
    send(f"{scheme}://hooks.example.com:8443/", allow_private=False)
    assert names.asked == ["hooks.example.com"]
    assert connected == [("203.0.114.9", 8443)]


def test_the_next_address_is_tried_if_one_refuses(service: FakeHttp, names: FakeNames) -> None:
    names.set("hooks.example.com", ["127.0.0.2", "127.0.0.1"])
    assert send(service.url(host="hooks.example.com")).verdict == Verdict.DELIVERED


def test_an_unknown_name_is_tried_again(names: FakeNames) -> None:
    outcome = send("http://unknown.example.com/")
    assert outcome == Outcome(Verdict.RETRY, None, "The name of the host cannot be resolved.")


def test_a_name_server_that_never_answers_is_left(names: FakeNames, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(public_addresses, "RESOLVE_SECONDS", 0.2)
    names.is_hanging = True
    begin = time.monotonic()
    outcome = send("http://hooks.example.com/")
    assert time.monotonic() - begin < 2
    assert outcome.verdict == Verdict.RETRY


def test_proxies_of_the_environment_are_not_used(service: FakeHttp, monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeHttp() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "https_proxy"):
            monkeypatch.setenv(name, proxy.url(""))
        assert send(service.url()).verdict == Verdict.DELIVERED
    assert proxy.connections == 0


def test_cookies_are_not_kept(service: FakeHttp) -> None:
    service.script(Reply(200, {"Set-Cookie": "a=1"}))
    send(service.url())
    send(service.url())
    assert "cookie" not in service.requests[1].headers


def test_a_stored_address_that_is_no_url_any_more_fails() -> None:
    assert send("ftp://hooks.example.com/").verdict == Verdict.FAILED

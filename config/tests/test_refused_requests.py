"""What the worker answers to requests that no thread handles: a problem, which allowed origins may read."""

import json
import re
import socket
from http import HTTPStatus
from typing import Any

import pytest

from config import gunicorn_errors
from config.gunicorn_errors import LONGEST_ORIGIN, allowed_origin, write_problem
from config.server.worker import device_requests

GOOD = "https://app.vendor.example"


@pytest.fixture(autouse=True)
def _origins(settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = [GOOD]


def request(first: str = "GET /api/sites HTTP/1.1", *lines: str, rest: str = "\r\n\r\n") -> bytes:
    return ("\r\n".join([first, "Host: vendor.example", *lines]) + rest).encode("latin-1")


@pytest.mark.parametrize(
    "arrived",
    [
        request("GET /api/sites HTTP/1.1", f"Origin: {GOOD}"),
        request("POST /api/v1/sites HTTP/1.1", f"origin:{GOOD}  "),
        request("GET /api/sites HTTP/1.1", f"ORIGIN:\t{GOOD}", "X-Long: aaaa", rest="aaa"),
    ],
)
def test_an_allowed_origin_is_found(arrived: bytes) -> None:
    assert allowed_origin(bytearray(arrived)) == GOOD.encode()


@pytest.mark.parametrize(
    "arrived",
    [
        request(),
        request("GET /api/sites HTTP/1.1", "Origin: https://evil.example"),
        request("GET /api/sites HTTP/1.1", f"Origin: {GOOD}.evil.example"),
        request("GET /api/sites HTTP/1.1", f"X-Origin: {GOOD}"),
        request("GET /admin/ HTTP/1.1", f"Origin: {GOOD}"),
        request("GET /apiary HTTP/1.1", f"Origin: {GOOD}"),
        request(rest=f"\r\n\r\nOrigin: {GOOD}\r\n"),
        request("GET /api/sites HTTP/1.1", "Origin: null"),
        request("GET /api/sites HTTP/1.1", "Origin: \xff\xfe"),
        f"Origin: {GOOD}\r\n".encode(),
        b"",
    ],
)
def test_any_other_is_not(arrived: bytes) -> None:
    assert allowed_origin(arrived) == b""


@pytest.mark.parametrize("blanks", [" ", "\t", " \t"])
def test_a_value_that_is_too_long_is_not_read(blanks: str) -> None:
    """Two such requests with a regular expression for the blanks at both ends stopped a worker for 17 seconds."""
    for arrived in (f"Origin: {blanks * LONGEST_ORIGIN}{GOOD}", f"Origin: {GOOD}{blanks * 32_000}"):
        assert allowed_origin(request("GET /api/sites HTTP/1.1", arrived)) == b""
    assert [name for name, value in vars(gunicorn_errors).items() if value is re or isinstance(value, re.Pattern)] == []


class Unread(bytes):
    """A request of which nothing may be looked at."""

    def __bytes__(self) -> bytes:
        raise AssertionError("the request is read")

    def partition(self, separator: Any, /) -> Any:
        raise AssertionError("the request is read")


def test_without_allowed_origins_no_request_is_read(settings: Any) -> None:
    arrived = Unread(request("GET /api/sites HTTP/1.1", f"Origin: {GOOD}"))
    with pytest.raises(AssertionError, match="the request is read"):
        allowed_origin(arrived)
    settings.CORS_ALLOWED_ORIGINS = []
    assert allowed_origin(arrived) == b""


def test_the_path_may_have_the_prefix(settings: Any) -> None:
    settings.PATH_PREFIX = "/licences"
    for path in ("/licences/api/sites", "/api/sites"):
        assert allowed_origin(request(f"GET {path} HTTP/1.1", f"Origin: {GOOD}")) == GOOD.encode()


@pytest.mark.parametrize("origin", [b"", GOOD.encode()])
def test_a_refusal_is_a_problem_with_the_headers_of_the_origin(origin: bytes) -> None:
    here, there = socket.socketpair()
    with here, there:
        status = HTTPStatus.SERVICE_UNAVAILABLE
        write_problem(here, status.value, status.phrase, "", origin=origin)
        head, _, body = there.recv(65536).decode().partition("\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
    assert (json.loads(body)["code"], headers["Retry-After"]) == ("unavailable", "10")
    assert len(body) == int(headers["Content-Length"])
    assert headers.get("Access-Control-Allow-Origin") == (origin.decode() or None)
    assert headers.get("Vary") == ("Origin" if origin else None)


def test_requests_of_devices_are_known_with_the_prefix_and_without() -> None:
    for first in (b"POST /api/health", b"POST /api/v1/devices/heartbeat", b"POST /licences/api/v1/telemetry"):
        assert first.startswith(device_requests("/licences"))
    assert not b"POST /api/heartbeat".startswith(device_requests("/licences"))
    assert not b"POST /licences/api/health".startswith(device_requests(""))

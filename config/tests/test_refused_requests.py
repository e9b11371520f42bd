"""What the worker answers to requests that no thread handles: a problem, which allowed origins may read."""

import json
import socket
from http import HTTPStatus
from typing import Any

import pytest

from config.gunicorn_errors import allowed_origin, write_problem
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

"""Errors of nginx itself are problem+json below /api/, and plain sentences elsewhere."""

import socket
import ssl
from collections.abc import Iterator

import pytest
import requests

from scripts.with_services import free_port
from tests.nginx import HOST, NginxInFront
from tests.upstream import Upstream

pytestmark = pytest.mark.e2e

MEMBERS = {"type", "title", "status", "detail", "code"}


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NginxInFront]:
    """Nothing listens behind it."""
    with NginxInFront([free_port()], tmp_path_factory.mktemp("nginx")) as running:
        yield running


def assert_problem(answer: requests.Response, status: int, code: str) -> None:
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem.keys() == MEMBERS
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code)


@pytest.mark.parametrize("path", ["/api/sites", "/api/v1/heartbeat", "/api/auth/login", "/%61pi/sites"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_without_a_server_the_api_answers_a_problem(nginx: NginxInFront, path: str, method: str) -> None:
    answer = nginx.client().send(method, path, **{"X-Request-ID": "ticket-4711"})
    assert_problem(answer, 502, "unavailable")
    assert (answer.headers["Retry-After"], answer.headers["X-Request-ID"]) == ("5", "ticket-4711")
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/doorbell?since=0", "/doorbell/?since=0"])
def test_without_a_doorbell_a_site_gets_a_problem_at_once(nginx: NginxInFront, path: str) -> None:
    answer = nginx.client().get(path)
    assert_problem(answer, 503, "unavailable")
    assert answer.headers["Retry-After"] == "5"
    assert answer.elapsed.total_seconds() < 1


@pytest.mark.parametrize("path", ["/admin/", "/admin/login/", "/apiary", "/health", "/doorbells", "/doorbell/health"])
def test_without_a_server_a_page_is_a_sentence(nginx: NginxInFront, path: str) -> None:
    answer = nginx.client().get(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (502, "text/plain")
    assert answer.text == "The server does not answer; try again shortly.\n"


@pytest.mark.parametrize(
    ("path", "kilobytes"), [("/api/heartbeat", 17), ("/api/sites", 65), ("/api/auth/login", 65), ("/doorbell", 2)]
)
def test_a_body_over_the_limit_is_refused_before_it_is_read(nginx: NginxInFront, path: str, kilobytes: int) -> None:
    client = nginx.client()
    answer = client.session.post(client.url + path, data=b"x" * 1024 * kilobytes)
    assert_problem(answer, 413, "body_too_large")


def test_a_form_may_be_larger_than_a_request_to_the_api(tmp_path_factory: pytest.TempPathFactory) -> None:
    with Upstream() as upstream, NginxInFront([upstream.port], tmp_path_factory.mktemp("nginx")) as nginx:
        client = nginx.client()
        assert client.session.post(f"{client.url}/admin/", data=b"x" * 5_000_000).status_code == 200
        assert client.session.post(f"{client.url}/admin/", data=b"x" * 7_000_000).status_code == 413


def test_headers_that_are_too_large_are_refused_by_their_own_status(nginx: NginxInFront) -> None:
    for path in ("/api/sites", "/doorbell"):
        assert_problem(nginx.client().get(path, **{"X-Long": "x" * 9000}), 431, "headers_too_large")


def test_an_address_that_is_too_long_is_refused_by_its_own_status(nginx: NginxInFront) -> None:
    assert_problem(nginx.client().get(f"/api/sites?search={'x' * 9000}"), 414, "uri_too_long")


def test_unreadable_http_is_answered_with_a_problem(nginx: NginxInFront) -> None:
    context = ssl.create_default_context(cafile=str(nginx.certificate))
    plain = socket.create_connection(("127.0.0.1", nginx.port), timeout=10)
    with context.wrap_socket(plain, server_hostname=HOST) as secured:
        secured.sendall(b"nonsense\r\n\r\n")
        received = b""
        while part := secured.recv(4096):
            received += part
    assert received.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in received
    assert b'"code": "bad_request"' in received

"""nginx limits the requests of one address: by kind, so that one kind does not use up another's."""

import socket
import ssl
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from scripts.with_services import free_port
from tests.nginx import HOST, NginxInFront
from tests.upstream import Upstream

pytestmark = pytest.mark.e2e


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[NginxInFront]:
    with Upstream() as upstream, NginxInFront([upstream.port], tmp_path, limits=True) as running:
        yield running


def statuses(nginx: NginxInFront, path: str, count: int) -> Counter[int]:
    def send(_: int) -> int:
        return client.post(path, {}).status_code

    client = nginx.client()
    with ThreadPoolExecutor(4) as threads:
        return Counter(threads.map(send, range(count)))


def test_guesses_of_passwords_are_slowed_down_and_the_rest_is_not(nginx: NginxInFront) -> None:
    guesses = statuses(nginx, "/api/auth/login", 40)
    assert guesses[429] >= 10
    assert 21 <= guesses[200] <= 30
    time.sleep(0.3)
    assert statuses(nginx, "/admin/login/", 10)[200] <= 2
    assert statuses(nginx, "/api/heartbeat", 100) == {200: 100}
    assert statuses(nginx, "/api/sites", 50) == {200: 50}
    assert statuses(nginx, "/admin/", 50) == {200: 50}


def test_an_address_over_its_limit_gets_a_problem_that_says_when_to_try_again(nginx: NginxInFront) -> None:
    client = nginx.client()
    answers = [client.post("/api/auth/login", {}) for _ in range(40)]
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert (refused.json()["code"], refused.headers["Retry-After"]) == ("too_many_requests", "1")


def test_an_address_has_300_waits_besides_its_other_requests(tmp_path: Path) -> None:
    with ExitStack() as stack:
        upstream = stack.enter_context(Upstream())
        silent = stack.enter_context(
            socket.create_server(("127.0.0.1", free_port()), backlog=400)
        )  # accepts and never answers
        ports = [silent.getsockname()[1]]
        nginx = stack.enter_context(NginxInFront([upstream.port], tmp_path, limits=True, doorbell_ports=ports))
        context = ssl.create_default_context(cafile=str(nginx.certificate))
        for _ in range(300):
            plain = socket.create_connection(("127.0.0.1", nginx.port), timeout=10)
            waiting = stack.enter_context(context.wrap_socket(plain, server_hostname=HOST))
            waiting.sendall(f"GET /doorbell?since=0 HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        time.sleep(0.5)
        refused = nginx.client().get("/doorbell?since=0")
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
        assert refused.headers["Retry-After"] == "1"
        assert nginx.client().get("/api/sites").status_code == 200

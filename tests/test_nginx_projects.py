"""What nginx does below the path of a project (deploy/nginx/many-projects.conf), and what both of its sites have in common."""

import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.nginx import HOST, NginxInFront
from tests.upstream import Upstream

pytestmark = pytest.mark.e2e

SITES = ["portcullis.conf", "many-projects.conf"]
FILES = "/api/sites/0b6f4c1e-6d0f-4f0e-9d53-3a3c1f5d2b11/upload"


def in_front(upstream: Upstream, folder: Path, *, site: str, limits: bool = False) -> NginxInFront:
    """Of either site, with all projects served by `upstream`."""
    shipped = [f"server 127.0.0.1:{port};" for port in (8100, 8101, 8200, 8201)]
    replaced = dict.fromkeys(shipped, f"server 127.0.0.1:{upstream.port};")
    return NginxInFront([upstream.port], folder, site=site, limits=limits, replaced=replaced)


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream() as started:
        yield started


@pytest.fixture(scope="module", params=SITES)
def either(
    request: pytest.FixtureRequest, upstream: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NginxInFront]:
    with in_front(upstream, tmp_path_factory.mktemp("nginx"), site=request.param) as running:
        yield running


@pytest.fixture(scope="module")
def nginx(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NginxInFront]:
    with in_front(upstream, tmp_path_factory.mktemp("nginx"), site="many-projects.conf") as running:
        yield running


def post(nginx: NginxInFront, path: str, size: int) -> requests.Response:
    client = nginx.client()
    return client.session.post(client.url + path, data=b"x" * size, timeout=30)


@pytest.mark.parametrize(
    ("path", "size"),
    [(FILES, 9_000_000), ("/api/telemetry", 3_000_000), ("/api/firmware", 12_000_000), ("/admin/jobs/", 5_000_000)],
)
def test_a_body_that_the_application_takes_passes_below_the_path(
    nginx: NginxInFront, upstream: Upstream, path: str, size: int
) -> None:
    for project in ("/licences", "/staging"):
        assert post(nginx, project + path, size).status_code == 200
        assert (upstream.received[-1].path, len(upstream.received[-1].body)) == (path, size)


@pytest.mark.parametrize(
    ("path", "size"), [(FILES, 12_000_000), ("/api/v1/telemetry", 5_000_000), ("/doorbell", 2_000)]
)
def test_a_larger_one_is_a_problem_below_the_path(nginx: NginxInFront, path: str, size: int) -> None:
    answer = post(nginx, "/licences" + path, size)
    assert (answer.status_code, answer.headers["Content-Type"]) == (413, "application/problem+json")
    assert answer.json()["code"] == "body_too_large"


def test_a_larger_one_for_a_page_or_another_program_is_refused_with_a_sentence(nginx: NginxInFront) -> None:
    for path, size in {"/licences/admin/jobs/": 12_000_000, "/other/": 70_000}.items():
        answer = post(nginx, path, size)
        assert (answer.status_code, answer.headers["Content-Type"]) == (413, "text/plain")


@pytest.mark.parametrize(
    "path", ["/api/sites/a%0Ab", "/api/sites/%0A", "/%0Aapi/sites", "/admin/a%0D%0Ab", "/doorbell%0A"]
)
def test_a_path_with_a_line_break_reaches_the_application(nginx: NginxInFront, upstream: Upstream, path: str) -> None:
    assert nginx.client().get(f"/licences{path}").status_code == 200
    assert upstream.received[-1].path == path


def test_a_request_for_no_host_of_ours_gets_no_page_of_nginx(either: NginxInFront) -> None:
    """Plain HTTP on the port for TLS, so nothing has named a host before."""
    for request in (b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", either.port), timeout=10) as connection:
            connection.sendall(request)
            assert connection.recv(65536) == b""


def test_old_versions_of_tls_are_refused_by_their_number(either: NginxInFront) -> None:
    address = ["-connect", f"127.0.0.1:{either.port}", "-servername", HOST]
    command = ["openssl", "s_client", *address, "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"]
    tried = subprocess.run(command, input=b"", capture_output=True, timeout=20, check=False)
    assert b"alert protocol version" in tried.stderr


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("path", ["/api/devices/heartbeat", "/api/v1/devices/heartbeat", "/api/health"])
def test_hundreds_of_devices_may_share_an_address(site: str, path: str, tmp_path: Path) -> None:
    """As many as the limit for the rest of the API refuses at once."""
    prefix = "" if site == "portcullis.conf" else "/licences"
    with Upstream() as upstream, in_front(upstream, tmp_path, site=site, limits=True) as nginx:
        client = nginx.client()
        with ThreadPoolExecutor(8) as threads:
            statuses = list(threads.map(lambda _: client.post(prefix + path, {}).status_code, range(200)))
    assert statuses == [200] * 200

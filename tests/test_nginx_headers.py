"""What nginx tells the application about a request, and what it takes from the client."""

import socket
import ssl
from collections.abc import Iterator

import pytest

from tests.nginx import HOST, NginxInFront
from tests.upstream import Upstream

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream() as started:
        yield started


@pytest.fixture(scope="module")
def nginx(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NginxInFront]:
    with NginxInFront([upstream.port], tmp_path_factory.mktemp("nginx")) as running:
        yield running


PATHS = ["/", "/api/sites", "/api/heartbeat", "/api/auth/login", "/admin/login/"]
FORGED = {
    "X-Forwarded-For": "203.0.113.7",
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "80",
    "X-Forwarded-Prefix": "/evil",
    "Forwarded": "for=203.0.113.7",
    "X-Real-IP": "203.0.113.7",
    "Proxy": "http://evil.example",
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_the_proxys_headers_replace_those_of_the_client(
    nginx: NginxInFront, upstream: Upstream, path: str, method: str
) -> None:
    nginx.client().send(method, path, **FORGED)
    headers = upstream.received[-1].headers
    assert headers["x-forwarded-for"] == ["127.0.0.1"]
    assert headers["x-forwarded-proto"] == ["https"]
    assert headers["host"] == [f"{HOST}:{nginx.port}"]
    assert headers.keys().isdisjoint({"x-forwarded-host", "x-forwarded-port", "x-forwarded-prefix"})
    assert headers.keys().isdisjoint({"forwarded", "x-real-ip", "proxy"})


def test_an_acceptable_request_id_is_passed_on(nginx: NginxInFront, upstream: Upstream) -> None:
    nginx.client().get("/api/sites", **{"X-Request-ID": "ticket-4711"})
    assert upstream.received[-1].headers["x-request-id"] == ["ticket-4711"]


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "id;drop"])
def test_any_other_request_id_is_replaced(nginx: NginxInFront, upstream: Upstream, given: str) -> None:
    nginx.client().get("/api/sites", **{"X-Request-ID": given})
    [made] = upstream.received[-1].headers["x-request-id"]
    assert len(made) == 32
    assert made != given


def test_the_keys_of_a_site_reach_the_application(nginx: NginxInFront, upstream: Upstream) -> None:
    nginx.as_site("site", "key").post("/api/heartbeat")
    headers = upstream.received[-1].headers
    assert (headers["x-site-id"], headers["x-site-key"]) == (["site"], ["key"])


@pytest.mark.parametrize("path", ["/metrics", "/metrics/"])
def test_metrics_are_not_public(nginx: NginxInFront, upstream: Upstream, path: str) -> None:
    before = len(upstream.received)
    assert nginx.client().get(path, Authorization="Bearer token").status_code == 404
    assert len(upstream.received) == before


def test_plain_http_is_redirected_except_for_challenges(nginx: NginxInFront) -> None:
    folder = nginx.folder / "www/.well-known/acme-challenge"
    folder.mkdir(parents=True)
    (folder / "token").write_text("answer")
    client = nginx.client()
    client.url = nginx.plain_url
    assert client.get("/.well-known/acme-challenge/token").text == "answer"
    redirect = client.get("/admin/?a=b")
    assert (redirect.status_code, redirect.headers["Location"]) == (301, f"{nginx.url}/admin/?a=b")


def test_http_2_and_modern_tls_are_offered(nginx: NginxInFront) -> None:
    context = ssl.create_default_context(cafile=str(nginx.certificate))
    context.set_alpn_protocols(["h2", "http/1.1"])
    plain = socket.create_connection(("127.0.0.1", nginx.port), timeout=10)
    with context.wrap_socket(plain, server_hostname=HOST) as secured:
        assert (secured.selected_alpn_protocol(), secured.version()) == ("h2", "TLSv1.3")


def test_another_host_name_gets_no_certificate(nginx: NginxInFront) -> None:
    context = ssl.create_default_context(cafile=str(nginx.certificate))
    with (
        socket.create_connection(("127.0.0.1", nginx.port)) as plain,
        pytest.raises(ssl.SSLError, match="unrecognized"),
    ):
        context.wrap_socket(plain, server_hostname="evil.example")

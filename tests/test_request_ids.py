"""One request id through a real nginx, gunicorn and Django: in the response and in the log lines of both."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.nginx import SETTINGS_BEHIND_NGINX, NginxInFront
from tests.running_server import RunningServer
from tests.test_faults import eventually

pytestmark = pytest.mark.e2e

# A site key and a link as they look, and no real ones.
KEY, LINK = "psk_0123456789abcdefghij", "ppl_0123456789abcdefghij"
SHARED = "psl_0123456789abcdefghij"
LEAVE = "pus_WyIwMTIzIl0:1tk:0123456789abcdefghij"


class Proxy:
    def __init__(self, nginx: NginxInFront, server: RunningServer) -> None:
        self.client, self.log, self.server = nginx.client(), nginx.access_log, server

    def get(self, path: str, **headers: str) -> requests.Response:
        return self.client.get(path, **headers)

    def lines(self, request_id: str) -> list[dict[str, Any]]:
        written = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [line for line in written if line["request_id"] == request_id]

    def lines_of_the_server(self, request_id: str) -> list[dict[str, Any]]:
        return [entry for entry in self.server.log_entries() if entry["request_id"] == request_id]


@pytest.fixture(scope="module")
def nginx(new_sqlite: Callable[[Path], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("server")
    server = RunningServer(new_sqlite(folder), folder, settings=SETTINGS_BEHIND_NGINX | {"WEB_CONCURRENCY": "1"})
    server.start()
    try:
        with NginxInFront([server.port], tmp_path_factory.mktemp("nginx")) as proxy:
            yield Proxy(proxy, server)
    finally:
        server.stop()


def test_the_id_that_a_client_sends_is_in_every_line(nginx: Proxy) -> None:
    answer = nginx.get("/api/auth/me", **{"X-Request-ID": "ticket-4711"})
    assert (answer.status_code, answer.headers["X-Request-ID"]) == (401, "ticket-4711")
    eventually(lambda: bool(nginx.lines("ticket-4711")))
    [line] = nginx.lines("ticket-4711")
    assert (line["method"], line["path"], line["status"], line["client"]) == ("GET", "/api/auth/me", "401", "127.0.0.1")
    assert (line["upstream_status"], line["logger"]) == ("401", "nginx")
    assert min(float(line["seconds"]), float(line["upstream_seconds"])) > 0
    assert {entry["logger"] for entry in nginx.lines_of_the_server("ticket-4711")} == {
        "portcullis.access",
        "django.request",
    }


@pytest.mark.parametrize("given", [None, "", "with space", "x" * 129, 'quote"', "ümlaut"])
def test_without_an_acceptable_id_nginx_makes_one(nginx: Proxy, given: str | None) -> None:
    answer = nginx.get("/health/live", **({} if given is None else {"X-Request-ID": given}))
    made = answer.headers["X-Request-ID"]
    assert len(made) == 32
    eventually(lambda: len(nginx.lines(made)) == 1)
    assert len(nginx.lines_of_the_server(made)) == 1


def test_the_line_has_no_secret_and_no_query(nginx: Proxy) -> None:
    headers = {
        "X-Site-Key": KEY,
        "Authorization": "Bearer private-1",
        "Cookie": "sessionid=private-2",
        "User-Agent": "private-3",
    }
    headers["Referer"] = "http://127.0.0.1/?private-4"
    paths = {
        f"/admin/set-password/{LINK}/?private=5": "set",
        f"/api/sites/{KEY}?x={KEY}": "key",
        f"/unsubscribe/{LEAVE}": "leave",
        f"/s/{SHARED}?x={SHARED}": "shared",
        "/health?a=private-6": "query",
    }
    for path, name in paths.items():
        nginx.get(path, **headers, **{"X-Request-ID": name})
    eventually(lambda: bool(nginx.lines("query")))
    shown = [nginx.lines(name)[0]["path"] for name in paths.values()]
    assert shown == [
        "/admin/set-password/[secret]",
        "/api/sites/[secret]",
        "/unsubscribe/[secret]",
        "/s/[secret]",
        "/health",
    ]
    assert [
        secret
        for secret in (KEY, LINK, LEAVE, SHARED, "psk_", "psl_", "ppl_", "pus_", "private")
        if secret in nginx.log.read_text()
    ] == []

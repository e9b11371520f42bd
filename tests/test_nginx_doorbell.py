"""Waiting at the doorbell through nginx with the configuration of deploy/nginx."""

import json
import re
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from scripts.with_services import free_port
from tests.databases import prepared_postgresql
from tests.doorbell import RunningDoorbell, doorbell_of, wait_until
from tests.nginx import SETTINGS_BEHIND_NGINX, NginxInFront
from tests.running_server import ROOT, Client, RunningServer, Site, register

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

UNTIL_IT_WAITS_SECONDS = 0.7
WAITS_OF_AN_ADDRESS = 4
LONGEST_STOP_SECONDS = 15  # 5 are the rule, the rest is for a busy machine; without news the waits would take 50


class FromAddress(HTTPAdapter):
    """Connects from that address of this machine."""

    def __init__(self, source: str) -> None:
        self.source = source
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options | {"source_address": (self.source, 0)})


@dataclass
class Product:
    server: RunningServer
    doorbell: RunningDoorbell
    nginx: NginxInFront
    admin: Client

    def register(self) -> tuple[Site, int]:
        """A new site, and its revision."""
        site = register(self.admin, self.server)
        return site, int(self.admin.get(f"/api/sites/{site.site_id}").headers["ETag"].strip('"'))

    def lock(self, site: Site) -> None:
        locked = self.admin.post(f"/api/sites/{site.site_id}/lock", {"reason": "The invoice of May is open"})
        assert locked.status_code == 200, locked.text


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory, postgres_url: str) -> Iterator[Product]:
    folder = tmp_path_factory.mktemp("doorbell")
    settings = SETTINGS_BEHIND_NGINX | {"WEB_CONCURRENCY": "1"}
    server = RunningServer(prepared_postgresql(postgres_url, folder), folder, settings=settings)
    with ExitStack() as stack:
        stack.callback(server.stop)
        server.start()
        limit = {"DOORBELL_WAITS_PER_ADDRESS": str(WAITS_OF_AN_ADDRESS)}
        doorbell = stack.enter_context(doorbell_of(server, **limit))
        nginx = stack.enter_context(NginxInFront([server.port], folder, doorbell_ports=[doorbell.port]))
        yield Product(server, doorbell, nginx, nginx.sign_in())


def wait(at: NginxInFront | RunningDoorbell, site: Site, query: str, *, source: str = "", **headers: str) -> Any:
    session = requests.Session()
    session.trust_env = False
    url = at.url
    if isinstance(at, NginxInFront):
        session.verify, url = str(at.certificate), f"{at.url}/doorbell"
    if source:
        session.mount("http://", FromAddress(source))
    headers |= {"X-Site-ID": site.site_id, "X-Site-Key": site.key}
    return session.get(f"{url}?{query}", headers=headers, timeout=70)


def test_a_lock_rings_at_a_site_that_waits_over_tls(product: Product) -> None:
    site, since = product.register()
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(wait, product.nginx, site, f"since={since}")
        time.sleep(UNTIL_IT_WAITS_SECONDS)
        assert not waiting.done()
        product.lock(site)
        began = time.monotonic()
        rung = waiting.result(10)
    assert time.monotonic() - began < 5
    assert (rung.status_code, rung.json()) == (200, {"revision": since + 1})
    assert rung.headers["Cache-Control"] == "no-store"


def test_a_lock_rings_at_a_site_that_speaks_http_2(product: Product) -> None:
    site, since = product.register()
    command = ["curl", "-sS", "--http2", "--noproxy", "*", "--cacert", str(product.nginx.certificate)]
    command += ["-H", f"X-Site-ID: {site.site_id}", "-H", f"X-Site-Key: {site.key}", "-w", "\n%{http_version}"]
    url = f"{product.nginx.url}/doorbell/?since={since}"
    with subprocess.Popen([*command, url], stdout=subprocess.PIPE, text=True) as waiting:
        time.sleep(UNTIL_IT_WAITS_SECONDS)
        assert waiting.poll() is None
        product.lock(site)
        body, version = waiting.communicate(timeout=10)[0].splitlines()
    assert (json.loads(body), version) == ({"revision": since + 1}, "2")


def test_a_wait_without_news_ends_after_its_time_and_only_a_refused_one_is_logged(product: Product) -> None:
    site, since = product.register()
    began = time.monotonic()
    ended = wait(product.nginx, site, f"since={since}&wait=2", **{"X-Request-ID": "without-news"})
    assert (ended.status_code, ended.content) == (204, b"")
    assert 1.9 < time.monotonic() - began < 10
    stranger = Site(product.server, site.site_id, "psk_wrong")
    refused = wait(product.nginx, stranger, "since=0", **{"X-Request-ID": "refused"})
    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_site_credentials")
    ids = [json.loads(line)["request_id"] for line in product.nginx.access_log.read_text().splitlines()]
    assert "refused" in ids
    assert "without-news" not in ids


def test_a_made_up_address_gives_no_further_places(product: Product) -> None:
    """nginx is at 127.0.0.1, which alone is a trusted proxy."""
    sites = [product.register() for _ in range(WAITS_OF_AN_ADDRESS + 1)]
    with ThreadPoolExecutor(WAITS_OF_AN_ADDRESS) as threads:
        for at, source, status in (
            (product.doorbell, "127.0.0.1", 204),
            (product.doorbell, "127.0.0.2", 429),
            (product.nginx, "", 429),
        ):

            def ask(number: int, at: Any = at, source: str = source) -> int:
                site, since = sites[number]
                query, address = f"since={since}&wait=2", f"198.51.100.{number}"
                return int(wait(at, site, query, source=source, **{"X-Forwarded-For": address}).status_code)

            waiting = [threads.submit(ask, number) for number in range(WAITS_OF_AN_ADDRESS)]
            time.sleep(UNTIL_IT_WAITS_SECONDS)
            assert ask(WAITS_OF_AN_ADDRESS) == status, source
            assert [each.result() for each in waiting] == [204] * WAITS_OF_AN_ADDRESS


def test_a_doorbell_that_stops_sends_its_sites_to_the_other_one(product: Product, tmp_path: Path) -> None:
    sites = [product.register() for _ in range(2 * WAITS_OF_AN_ADDRESS)]
    with (
        doorbell_of(product.server) as going,
        NginxInFront([free_port()], tmp_path, doorbell_ports=[going.port, product.doorbell.port]) as nginx,
        ThreadPoolExecutor(len(sites)) as threads,
    ):
        waiting = [threads.submit(wait, nginx, site, f"since={since}") for site, since in sites]
        time.sleep(UNTIL_IT_WAITS_SECONDS)
        began = time.monotonic()
        going.stop()
        wait_until(lambda: sum(each.done() for each in waiting) == WAITS_OF_AN_ADDRESS, 5)
        assert time.monotonic() - began < LONGEST_STOP_SECONDS
        assert [each.result().status_code for each in waiting if each.done()] == [204] * WAITS_OF_AN_ADDRESS
        for site, _ in sites:
            product.lock(site)
        assert Counter(each.result(5).status_code for each in waiting) == dict.fromkeys((200, 204), WAITS_OF_AN_ADDRESS)
        again = [wait(nginx, site, f"since={since}") for site, since in sites]
    assert [each.status_code for each in again] == [200] * len(sites), "none is sent to the one that has stopped"
    log = going.log.read_text()
    assert '"level": "ERROR"' not in log
    assert "Traceback" not in log


def test_nginx_closes_idle_connections_before_the_doorbell_does() -> None:
    """A request on a connection that is being closed would be answered 503."""
    upstream, settings = (
        (ROOT / file).read_text()
        for file in ("deploy/nginx/upstream_doorbell.conf", "config/doorbell/gunicorn_settings.py")
    )
    [by_nginx], [by_doorbell] = (
        re.findall(r"^ *keepalive_timeout (\d+)s;", upstream, re.MULTILINE),
        re.findall(r"^keepalive = (\d+)$", settings, re.MULTILINE),
    )
    assert int(by_nginx) < int(by_doorbell)

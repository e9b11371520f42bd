"""The product behind nginx with the configuration of deploy/nginx."""

import re
from collections.abc import Iterator

import pytest

from tests.databases import prepared_postgresql
from tests.nginx import SETTINGS_BEHIND_NGINX, NginxInFront
from tests.running_server import ADMIN, PASSWORD, RunningServer, register

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory, postgres_url: str) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("behind")
    server = RunningServer(
        prepared_postgresql(postgres_url, folder), folder, settings=SETTINGS_BEHIND_NGINX | {"WEB_CONCURRENCY": "1"}
    )
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def nginx(behind: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NginxInFront]:
    with NginxInFront([behind.port], tmp_path_factory.mktemp("nginx")) as running:
        yield running


def test_a_site_is_registered_and_heartbeats_over_tls(nginx: NginxInFront) -> None:
    site = register(nginx.sign_in(), nginx)
    reply = nginx.as_site(site.site_id, site.key).post("/api/heartbeat", {"version": "1.0.0", "uptime_seconds": 60})
    assert (reply.status_code, reply.json()["licensed"]) == (200, True)


def test_a_site_fetches_the_public_keys(behind: RunningServer, nginx: NginxInFront) -> None:
    assert behind.manage("create_signing_key", "--if-none").returncode == 0
    answer = nginx.client().get("/.well-known/jwks.json")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/jwk-set+json")
    assert answer.headers["Cache-Control"] == "public, max-age=3600"
    assert [key["state"] for key in answer.json()["keys"]] == ["signing"]


def test_an_admin_signs_in_to_the_panel(nginx: NginxInFront) -> None:
    browser = nginx.client()
    page = browser.get("/admin/login/")
    assert page.headers["Strict-Transport-Security"] == "max-age=31536000"
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
    assert token, page.text
    form = {"username": ADMIN, "password": PASSWORD, "csrfmiddlewaretoken": token[1], "next": "/admin/"}
    signed_in = browser.session.post(
        f"{nginx.url}/admin/login/", form, headers={"Origin": nginx.url, "Referer": page.url}, allow_redirects=False
    )
    assert (signed_in.status_code, signed_in.headers["Location"]) == (302, "/admin/")
    assert browser.get("/admin/").status_code == 200

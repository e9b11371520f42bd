"""Files of sites through a real nginx: the largest one passes, a larger one is refused as everywhere."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from tests.conftest import started
from tests.nginx import SETTINGS_BEHIND_NGINX, NginxInFront
from tests.running_server import RunningServer, register

pytestmark = pytest.mark.e2e

MEBIBYTE = 1024 * 1024


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory, new_sqlite: Callable[[Path], str]) -> Iterator[NginxInFront]:
    folder = tmp_path_factory.mktemp("files")
    server = RunningServer(new_sqlite(folder), folder, settings=SETTINGS_BEHIND_NGINX)
    with started(server), NginxInFront([server.port], folder) as running:
        yield running


def test_ten_megabytes_pass_and_more_is_refused(nginx: NginxInFront) -> None:
    api = nginx.sign_in()
    site = register(api, nginx, name="Large Osteria")  # type: ignore[arg-type] # it has what is needed of a server
    path = f"{api.url}/api/sites/{site.site_id}/upload"

    def upload(size: int) -> requests.Response:
        files = {"file": ("large.txt", b"a" * size)}
        return api.session.post(path, files=files, data={"kind": "other"}, headers=api.headers, timeout=30)

    answer = upload(10 * MEBIBYTE)
    assert answer.status_code == 201, answer.text
    sent = api.session.get(api.url + answer.json()["url"], timeout=30)
    assert hashlib.sha256(sent.content).hexdigest() == answer.json()["sha256"]
    assert sent.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'; sandbox"
    assert sent.headers["Content-Disposition"] == 'attachment; filename="large.txt"'
    for size in (10 * MEBIBYTE + 1, 12 * MEBIBYTE):
        refused = upload(size)
        assert (refused.status_code, refused.json()["code"]) == (413, "body_too_large")


def test_a_stranger_is_refused_before_the_form_has_come(nginx: NginxInFront) -> None:
    page = f"{nginx.url}/admin/sites/site/0b6f4c1e-6d0f-4f0e-9d53-3a3c1f5d2b11/files/add/"
    session = nginx.sign_in().session
    session.cookies.clear()
    answer = session.post(page, files={"file": ("a.txt", b"a" * 9 * MEBIBYTE)}, timeout=30, allow_redirects=False)
    assert answer.status_code == 302
    assert "/admin/login/" in answer.headers["Location"]
    other = session.post(f"{nginx.url}/admin/login/", data=b"a" * 9 * MEBIBYTE, timeout=30)
    assert other.status_code == 413

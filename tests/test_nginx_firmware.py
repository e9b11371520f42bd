"""Uploads and downloads of firmware behind a real nginx, which sends the files itself (FIRMWARE_ACCEL_REDIRECT)."""

import hashlib
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from tests.conftest import started
from tests.nginx import SETTINGS_BEHIND_NGINX, NginxInFront
from tests.running_server import Client, RunningServer

pytestmark = pytest.mark.e2e

BYTES = random.Random(16).randbytes(3_000_000)
SIZE, TAG = len(BYTES), f'"{hashlib.sha256(BYTES).hexdigest()}"'


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory, new_sqlite: Callable[[Path], str]) -> Iterator[NginxInFront]:
    folder = tmp_path_factory.mktemp("firmware")
    settings = {
        **SETTINGS_BEHIND_NGINX,
        "FIRMWARE_FOLDER": str(folder / "firmware"),
        "FIRMWARE_ACCEL_REDIRECT": "/firmware-files/",
    }
    server = RunningServer(new_sqlite(folder), folder, settings=settings)
    with started(server), NginxInFront([server.port], folder) as running:
        yield running


@pytest.fixture(scope="module")
def api(nginx: NginxInFront) -> Client:
    return nginx.sign_in()


@pytest.fixture(scope="module")
def path(api: Client) -> str:
    facts = {"product": "till", "version": "1.0.0", "channel": "stable"}
    answer = api.session.post(
        f"{api.url}/api/firmware", files={"file": ("a.bin", BYTES)}, data=facts, headers=api.headers, timeout=30
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["url"])


def test_nginx_sends_the_file_with_the_headers_of_the_application(api: Client, path: str) -> None:
    answer = api.get(path)
    assert (answer.status_code, answer.content) == (200, BYTES)
    assert answer.headers["ETag"] == TAG
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="till-1.0.0.bin"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
    assert answer.headers["X-Request-ID"]
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert "Last-Modified" not in answer.headers
    assert "X-Accel-Redirect" not in answer.headers


@pytest.mark.parametrize("more", [{}, {"If-Range": TAG}])
def test_ranges(api: Client, path: str, more: dict[str, str]) -> None:
    answer = api.get(path, Range="bytes=1000000-1000009", **more)
    assert (answer.status_code, answer.content) == (206, BYTES[1_000_000:1_000_010])
    assert answer.headers["Content-Range"] == f"bytes 1000000-1000009/{SIZE}"
    assert answer.headers["ETag"] == TAG
    assert api.get(path, Range="bytes=-5", **more).content == BYTES[-5:]


def test_if_range_of_another_file_is_the_whole_file(api: Client, path: str) -> None:
    for condition in ('"other"', f"W/{TAG}", "Mon, 01 Jun 2099 12:00:00 GMT"):
        answer = api.get(path, Range="bytes=5-", **{"If-Range": condition})
        assert (answer.status_code, len(answer.content)) == (200, SIZE), condition


def test_a_range_past_the_end(api: Client, path: str) -> None:
    answer = api.get(path, Range=f"bytes={SIZE}-")
    assert (answer.status_code, answer.json()["code"]) == (416, "range_not_satisfiable")
    assert answer.headers["Content-Range"] == f"bytes */{SIZE}"


def test_several_ranges_are_the_whole_file(api: Client, path: str) -> None:
    answer = api.get(path, Range="bytes=0-1,5-6")
    assert (answer.status_code, answer.content) == (200, BYTES)


def test_conditions(api: Client, path: str) -> None:
    assert api.get(path, **{"If-None-Match": TAG}).status_code == 304
    assert len(api.get(path, **{"If-None-Match": '"other"'}).content) == SIZE
    assert len(api.get(path, **{"If-Match": TAG}).content) == SIZE
    assert api.get(path, **{"If-Match": '"other"'}).status_code == 412
    assert len(api.get(path, **{"If-Modified-Since": "Mon, 01 Jun 2099 12:00:00 GMT"}).content) == SIZE


def test_head_has_the_length(api: Client, path: str) -> None:
    answer = api.send("HEAD", path)
    assert (answer.status_code, answer.content, answer.headers["Content-Length"]) == (200, b"", str(SIZE))


def test_a_download_cut_at_random_offsets_resumes_to_the_same_hash(api: Client, path: str) -> None:
    assert resumed(api, path, cuts=20) == TAG.strip('"')


def resumed(api: Client, path: str, *, cuts: int) -> str:
    """The hash of a file that is loaded on a new connection after each cut."""
    chance = random.Random(50)
    got = b""
    ends = sorted(chance.sample(range(1, SIZE), cuts))
    for end in [*ends, SIZE]:
        headers = api.headers | {"Range": f"bytes={len(got)}-", "If-Range": TAG, "Connection": "close"}
        with requests.get(
            api.url + path, headers=headers, stream=True, timeout=15, verify=api.session.verify
        ) as answer:
            assert answer.status_code == 206
            while len(got) < end:
                got += answer.raw.read(end - len(got))
    return hashlib.sha256(got).hexdigest()


def test_strangers_get_nothing(nginx: NginxInFront, api: Client, path: str) -> None:
    stranger = nginx.client()
    assert stranger.get(path).status_code == 401
    [name] = [file.name for file in (nginx.folder / "firmware").glob("*.bin")]
    for client in (stranger, api):
        refused = client.get(f"/firmware-files/{name}")
        assert (refused.status_code, refused.headers["Content-Type"]) == (503, "application/problem+json")
    assert stranger.get(path, **{"X-Accel-Redirect": f"/firmware-files/{name}"}).status_code == 401


def test_a_large_upload_by_a_stranger_is_refused_and_not_stored(nginx: NginxInFront) -> None:
    stranger = nginx.client()
    answer = stranger.session.post(f"{nginx.url}/api/v1/firmware/", files={"file": ("a.bin", BYTES)}, timeout=30)
    assert answer.status_code == 401
    assert list((nginx.folder / "firmware/incoming").glob("*")) == []


def test_a_file_that_is_gone_is_503_and_no_page(nginx: NginxInFront, api: Client) -> None:
    facts = {"product": "till", "version": "2.0.0", "channel": "stable"}
    before = set((nginx.folder / "firmware").glob("*.bin"))
    answer = api.session.post(
        f"{api.url}/api/firmware", files={"file": ("a.bin", b"abc")}, data=facts, headers=api.headers, timeout=30
    )
    [file] = set((nginx.folder / "firmware").glob("*.bin")) - before
    file.unlink()
    gone = api.get(answer.json()["url"])
    assert (gone.status_code, gone.headers["Content-Type"]) == (503, "application/problem+json")
    assert gone.json()["status"] == 503

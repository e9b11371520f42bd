"""Uploads and downloads of firmware on a running server: cut connections, killed processes, a full disk, bounded memory."""

import hashlib
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import started
from tests.running_server import Client, RunningServer

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=40)]

MEGABYTE = 1024 * 1024
BYTES = random.Random(16).randbytes(3 * MEGABYTE)
BOUNDARY = "xxBOUNDARYxx"
TYPE = f"multipart/form-data; boundary={BOUNDARY}"
# More than the upload may take of a process: pieces of 256 KiB, and what the parser holds of them.
MAX_GROWTH = 24 * MEGABYTE


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, new_sqlite: Callable[[Path], str]) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("firmware")
    settings = {"FIRMWARE_FOLDER": str(folder / "firmware"), "WEB_CONCURRENCY": "1"}
    with started(RunningServer(new_sqlite(folder), folder, settings=settings)) as running:
        yield running


@pytest.fixture(scope="module")
def api(server: RunningServer) -> Client:
    return server.sign_in()


def head(version: str) -> bytes:
    """The body up to the first byte of the file."""
    facts = {"product": "till", "version": version, "channel": "stable"}
    texts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{facts[name]}\r\n' for name in facts
    ]
    file = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'
    return "".join([*texts, file]).encode()


END = f"\r\n--{BOUNDARY}--\r\n".encode()


def body(version: str, pieces: Iterator[bytes] | list[bytes]) -> Iterator[bytes]:
    yield head(version)
    yield from pieces
    yield END


def upload(api: Client, version: str, content: bytes = BYTES) -> Any:
    whole = b"".join(body(version, [content]))
    return api.session.post(f"{api.url}/api/firmware", whole, headers=api.headers | {"Content-Type": TYPE}, timeout=60)


def files_in(server: RunningServer) -> list[str]:
    folder = Path(server.environment["FIRMWARE_FOLDER"])
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def wait_until(is_true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 15
    while not is_true():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def begin_upload(server: RunningServer, api: Client, version: str) -> socket.socket:
    """A connection on which a megabyte of three has been sent, and stored."""
    connection = socket.create_connection(("127.0.0.1", server.port))
    length = len(head(version)) + 3 * MEGABYTE + len(END)
    lines = [
        "POST /api/firmware HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: {api.headers['Authorization']}",
        f"Content-Type: {TYPE}",
        f"Content-Length: {length}",
    ]
    connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode() + head(version) + BYTES[:MEGABYTE])
    folder = Path(server.environment["FIRMWARE_FOLDER"]) / "incoming"
    wait_until(lambda: any(file.stat().st_size > MEGABYTE // 2 for file in folder.glob("*")), "nothing was stored")
    return connection


def worker_of(server: RunningServer) -> int:
    assert server.process is not None
    [worker] = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    return int(worker)


def resident_bytes(pid: int, *, peak: bool = False) -> int:
    name = "VmHWM" if peak else "VmRSS"
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(name)]
    return int(line.split()[1]) * 1024


def test_a_download_cut_at_fifty_offsets_resumes_to_the_same_hash(api: Client) -> None:
    firmware = upload(api, "1.0.0").json()
    tag = f'"{firmware["sha256"]}"'
    got = b""
    for end in [*sorted(random.Random(50).sample(range(1, len(BYTES)), 50)), len(BYTES)]:
        headers = api.headers | {"Range": f"bytes={len(got)}-", "If-Range": tag}
        with requests.get(api.url + firmware["url"], headers=headers, stream=True, timeout=15) as answer:
            assert answer.status_code == 206
            while len(got) < end:  # then the connection is closed with the rest on its way
                got += answer.raw.read(end - len(got))
    assert hashlib.sha256(got).hexdigest() == firmware["sha256"] == hashlib.sha256(BYTES).hexdigest()


def test_a_range_is_exactly_as_long_as_it_says(api: Client) -> None:
    """The next request on the same connection would fail otherwise."""
    path = upload(api, "1.0.1").json()["url"]
    for start, stop in [(0, 1), (5, 100_000), (len(BYTES) - 1, len(BYTES)), (7, 8)]:
        answer = api.get(path, Range=f"bytes={start}-{stop - 1}")
        assert (answer.status_code, answer.content) == (206, BYTES[start:stop])
    head_only = api.send("HEAD", path)
    assert (head_only.status_code, head_only.headers["Content-Length"]) == (200, str(len(BYTES)))
    assert api.get(path).content == BYTES


def test_a_body_in_chunks(api: Client, server: RunningServer) -> None:
    pieces = [BYTES[start : start + 100_000] for start in range(0, len(BYTES), 100_000)]
    headers = api.headers | {"Content-Type": TYPE}
    for path in ("/api/firmware", "/api/v1/firmware/"):
        answer = requests.post(
            api.url + path, body("1.0.2" + "+v1" * ("v1" in path), pieces), headers=headers, timeout=30
        )
        assert answer.status_code == 201, answer.text
        assert answer.json()["sha256"] == hashlib.sha256(BYTES).hexdigest()


def test_an_upload_stays_out_of_the_memory(api: Client, server: RunningServer) -> None:
    upload(api, "1.1.0-warm-up")
    before = resident_bytes(worker_of(server))
    Path(f"/proc/{worker_of(server)}/clear_refs").write_text("5")  # the peak begins anew
    pieces = (BYTES[:MEGABYTE] for _ in range(200))
    headers = api.headers | {"Content-Type": TYPE}
    answer = requests.post(f"{api.url}/api/firmware", body("1.1.0", pieces), headers=headers, timeout=120)
    assert answer.json()["size"] == 200 * MEGABYTE
    grown = resident_bytes(worker_of(server), peak=True) - before
    print(f"the process grew by {grown / MEGABYTE:.1f} MiB for 200 MiB")
    assert grown < MAX_GROWTH


def test_a_client_that_goes_leaves_nothing(api: Client, server: RunningServer) -> None:
    before = files_in(server)
    connection = begin_upload(server, api, "1.2.0")
    assert len(files_in(server)) == len(before) + 1
    connection.close()
    wait_until(lambda: files_in(server) == before, "the file is still there")
    assert upload(api, "1.2.0").status_code == 201


def test_strangers_are_refused_before_their_file_is_read(server: RunningServer) -> None:
    before = files_in(server)
    answer = requests.post(
        f"{server.url}/api/firmware", b"".join(body("1.3.0", [BYTES])), headers={"Content-Type": TYPE}, timeout=15
    )
    assert answer.status_code == 401
    assert files_in(server) == before


def test_a_killed_process_leaves_a_file_that_is_pruned(api: Client, server: RunningServer) -> None:
    before = files_in(server)
    with begin_upload(server, api, "1.4.0"):
        os.kill(worker_of(server), signal.SIGKILL)
    [left] = set(files_in(server)) - set(before)
    path = Path(server.environment["FIRMWARE_FOLDER"]) / left
    assert server.manage("prune").returncode == 0
    assert path.exists()
    os.utime(path, (time.time() - 7 * 3_600,) * 2)
    assert "Deleted 1 firmware uploads." in server.manage("prune").stdout
    assert files_in(server) == before
    wait_until(lambda: is_up(server), "no process came in its place")
    assert upload(server.sign_in(), "1.4.0").status_code == 201


def is_up(server: RunningServer) -> bool:
    try:
        return requests.get(f"{server.url}/health/live", timeout=5).ok
    except requests.ConnectionError:
        return False


def test_a_full_disk_is_said_and_nothing_is_left(tmp_path: Path, new_sqlite: Callable[[Path], str]) -> None:
    """A limit on the size of files in the place of a small disk: it is met in the middle of the upload, too."""
    settings = {"FIRMWARE_FOLDER": str(tmp_path / "firmware"), "WEB_CONCURRENCY": "1"}
    server = RunningServer(new_sqlite(tmp_path), tmp_path, settings=settings)
    with started(server):
        api = server.sign_in()
        limit = f"--fsize={2 * MEGABYTE}"
        subprocess.run(["prlimit", f"--pid={worker_of(server)}", limit], check=True)
        answer = upload(api, "1.0.0")
        assert (answer.status_code, answer.json()["code"]) == (507, "firmware_storage_full")
        assert files_in(server) == []
        assert upload(api, "1.0.0", BYTES[:MEGABYTE]).status_code == 201
        assert api.get("/api/firmware/latest?product=till").json()["size"] == MEGABYTE

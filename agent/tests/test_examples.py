"""The examples of local backends, each under the server that its docstring names."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from .control_plane import SITE_KEY, ControlPlane
from .signing import SITE_ID

AGENT = Path(__file__).parent.parent
COMMANDS = {
    "fastapi": ["-m", "uvicorn", "fastapi_app:app", "--port", "{port}"],
    "flask": ["-m", "gunicorn", "--bind", "127.0.0.1:{port}", "--threads", "4", "flask_app:app"],
    "django": ["-m", "gunicorn", "--bind", "127.0.0.1:{port}", "--threads", "4", "django_app.wsgi"],
}


@pytest.fixture
def plane() -> ControlPlane:
    made = ControlPlane(time.time)
    made.site["next_heartbeat_seconds"] = 1
    return made


@contextmanager
def running(words: list[str], url: str, source: Path, folder: Path) -> Iterator[httpx.Client]:
    """The application in `source`, with its state and its output in `folder`."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(AGENT / "src"),
        "PORTCULLIS_URL": url,
        "PORTCULLIS_SITE_ID": SITE_ID,
        "PORTCULLIS_SITE_KEY": SITE_KEY,
        "PORTCULLIS_STATE": str(folder / "state"),
    }
    command = [sys.executable, *(word.format(port=port) for word in words)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=source, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            until(lambda: client.get("/health").status_code == 200, (folder / "log").read_text)
            yield client
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) in {0, -signal.SIGTERM}, (folder / "log").read_text()
    assert (folder / "state/state.json").exists()


@pytest.fixture(params=COMMANDS)
def backend(request: pytest.FixtureRequest, url: str, tmp_path: Path) -> Iterator[httpx.Client]:
    with running(COMMANDS[request.param], url, AGENT / "examples", tmp_path) as client:
        yield client


def until(holds: Callable[[], bool], log: Callable[[], str] = str) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            if holds():
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError(log())


def test_an_example_stops_new_orders_at_its_next_heartbeat_and_lets_open_ones_be_paid(
    backend: httpx.Client, plane: ControlPlane
) -> None:
    assert backend.post("/orders").json() == {"id": 1, "paid": False}
    assert backend.get("/notices").status_code == 200

    plane.change(locked=True, lock_reason="Invoice 17")
    until(lambda: backend.post("/orders").status_code == 423)
    refused = backend.post("/orders")
    assert refused.json()["detail"] == "This site is locked: Invoice 17"
    assert backend.get("/notices").status_code == 423
    assert backend.post("/orders/1/pay").json() == {"id": 1, "paid": True}
    assert backend.get("/orders").json()[0] == {"id": 1, "paid": True}
    assert backend.get("/export/orders.csv").text.startswith("id,paid\r\n1,True\r\n")

    plane.change(locked=False, lock_reason=None)
    until(lambda: backend.post("/orders").status_code == 201)

    plane.site["next_heartbeat_seconds"] = 21540
    heartbeats = len(plane.received)
    until(lambda: len(plane.received) > heartbeats)
    plane.change(locked=True, lock_reason="Invoice 18")
    checked = backend.post("/licence/check").json()
    assert (checked["may_operate"], checked["reason"]) == (False, "This site is locked: Invoice 18")
    assert backend.post("/orders").status_code == 423


def test_the_application_of_the_readme_works(plane: ControlPlane, url: str, tmp_path: Path) -> None:
    section = (AGENT / "README.md").read_text(encoding="utf-8").partition("## The middleware")[0]
    [code] = re.findall(r"^```python\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    (tmp_path / "app.py").write_text(code)
    plane.change(locked=True, lock_reason="Invoice 17")
    with running(["-m", "uvicorn", "app:app", "--port", "{port}"], url, tmp_path, tmp_path) as client:
        until(lambda: client.post("/orders").status_code == 423)
        assert client.post("/orders/1/pay").json() == {"id": 1, "paid": True}

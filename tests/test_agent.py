"""A restaurant's local backend with the agent, and the server as shipped: each a process of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from scripts.with_services import free_port
from tests.running_server import ROOT, RunningServer, Site, register
from tests.worker.faked_clock import LIBRARIES

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

DAY = 24 * 60 * 60
WITHIN_SECONDS = 20


@pytest.fixture
def server(tmp_path: Path, new_sqlite: Callable[[Path], str]) -> Iterator[RunningServer]:
    running = RunningServer(
        new_sqlite(tmp_path), tmp_path, settings={"HEARTBEAT_INTERVAL_SECONDS": "10", "WEB_CONCURRENCY": "1"}
    )
    assert running.manage("create_signing_key").returncode == 0
    running.start()
    yield running
    running.stop()


class LocalBackend:
    """The FastAPI example under uvicorn, with clocks that `move` moves."""

    def __init__(self, site: Site, folder: Path) -> None:
        port = free_port()
        self.url, self.clock, self.log = f"http://127.0.0.1:{port}", folder / "clock", folder / "backend.log"
        self.site_path = f"/api/sites/{site.site_id}"
        self.passed = 0.0
        self.move(0)
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(str(ROOT / name) for name in ("agent/src", "agent/examples", "")),
            "PORTCULLIS_URL": site.server.url,
            "PORTCULLIS_SITE_ID": site.site_id,
            "PORTCULLIS_SITE_KEY": site.key,
            "PORTCULLIS_STATE": str(folder / "state"),
            "MOVED_CLOCK": str(self.clock),
        }
        command = [sys.executable, "-m", "uvicorn", "tests.agent.backend_with_moved_clock:app", "--port", str(port)]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)

    def move(self, seconds: float) -> None:
        self.passed += seconds
        new = self.clock.with_suffix(".new")
        new.write_text(str(self.passed))
        new.replace(self.clock)

    def post(self, path: str) -> requests.Response:
        return requests.post(self.url + path, timeout=10)

    def get(self, path: str) -> requests.Response:
        return requests.get(self.url + path, timeout=10)

    def until_an_order_gets(self, status: int) -> requests.Response:
        deadline = time.monotonic() + WITHIN_SECONDS
        while time.monotonic() < deadline:
            try:
                answer = self.post("/orders")
                if answer.status_code == status:
                    return answer
            except requests.ConnectionError:
                pass
            time.sleep(0.1)
        raise AssertionError(f"no order got {status}:\n{self.log.read_text()}")

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def backend(server: RunningServer, tmp_path: Path) -> Iterator[LocalBackend]:
    site = register(server.sign_in(), server)
    running = LocalBackend(site, tmp_path)
    yield running
    running.stop()


def test_a_local_backend_obeys_a_lock_and_outlives_an_outage_of_a_lease(
    server: RunningServer, backend: LocalBackend, tmp_path: Path
) -> None:
    api = server.sign_in()
    assert backend.until_an_order_gets(201).json() == {"id": 1, "paid": False}
    assert api.post(f"{backend.site_path}/lock", {"reason": "Invoice 17"}).status_code == 200
    backend.move(15)  # past its next heartbeat
    refused = backend.until_an_order_gets(423)
    assert (refused.json()["code"], refused.json()["detail"]) == ("site_locked", "This site is locked: Invoice 17")
    assert "Invoice 17" in requests.get(f"{backend.url}/", headers={"Accept": "text/html"}, timeout=10).text
    assert backend.post("/orders/1/pay").json() == {"id": 1, "paid": True}
    assert backend.get("/export/orders.csv").status_code == 200

    assert api.post(f"{backend.site_path}/unlock", {}).status_code == 200
    backend.move(15)
    backend.until_an_order_gets(201)
    assert backend.get("/notices").json() == []

    server.stop()
    backend.move(29 * DAY)
    time.sleep(1)  # it calls, and nobody answers
    assert backend.post("/orders").status_code == 201
    assert "has not been reached for 29 days" in backend.get("/notices").text
    backend.move(2 * DAY)
    refused = backend.post("/orders")
    assert refused.status_code == 423
    assert refused.json()["code"] == "site_lapsed"
    assert backend.post("/orders/1/pay").status_code == 200

    library = next(Path("/usr/lib").glob(LIBRARIES))
    longer_than_it_waits_after_failures = 60 * 60
    ahead = int(backend.passed) + longer_than_it_waits_after_failures
    server.environment |= {"LD_PRELOAD": str(library), "FAKETIME": f"+{ahead}", "NO_FAKE_STAT": "1"}
    server.start()
    backend.move(longer_than_it_waits_after_failures)
    backend.until_an_order_gets(201)
    assert backend.get("/notices").json() == []

"""Outages of the control plane itself on the product as shipped: real processes that are stopped, killed and started again.

The settings are short: a heartbeat each 10 seconds, an outage counts from 3 seconds on, and sites have 5 seconds to come back.
"""

import json
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from scripts.with_services import postgresql
from tests.databases import copied_postgresql
from tests.failover import signal_all
from tests.faults.service import children
from tests.running_server import RunningServer, Site, register

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=120)]

SETTINGS = {
    "HEARTBEAT_INTERVAL_SECONDS": "10",
    "HEARTBEAT_GRACE_SECONDS": "1",
    "ALERT_CHECK_SECONDS": "1",
    "ALERT_RETRY_SECONDS": "1",
    "ALERT_OUTAGE_SECONDS": "3",
    "ALERT_RETURN_SECONDS": "5",
    "ALERT_ALLOW_PRIVATE_ADDRESSES": "true",
    "HEARTBEATS_PER_MINUTE": "1000",
    "WEB_CONCURRENCY": "2",
    "DEBUG": "true",  # plain http
}
DOWN_SECONDS = 14.0


class Receiver(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.got: list[dict[str, Any]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}/"

    def told(self, kind: str) -> list[tuple[str, str]]:
        """The types and the titles of the messages."""
        bodies = [body for body in self.got if body["type"] != "test" and body["data"]["kind"] == kind]
        return [(body["type"].removeprefix("incident."), body["data"]["title"]) for body in bodies]


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.server.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


class House:
    """The product with a worker, a channel, and restaurants that call every two seconds unless they are closed."""

    def __init__(self, server: RunningServer, receiver: Receiver) -> None:
        self.server, self.receiver = server, receiver
        self.worker = server.launch("manage.py", "worker")
        api = server.sign_in()
        answer = api.post("/api/alert-channels", {"name": "hook", "kind": "webhook", "address": receiver.url})
        assert answer.status_code == 201, answer.text
        self.sites = [register(api, server, name=f"Restaurant {number}") for number in range(4)]
        self.closed: set[int] = set()
        self.stopped = threading.Event()
        self.callers = [
            threading.Thread(target=self.call, args=[number, site]) for number, site in enumerate(self.sites)
        ]
        for caller in self.callers:
            caller.start()
        time.sleep(3)

    def call(self, number: int, site: Site) -> None:
        while not self.stopped.wait(2):
            if number not in self.closed:
                try:
                    site.call_home()
                except OSError:
                    continue  # the server is down

    def end(self) -> None:
        self.stopped.set()
        for caller in self.callers:
            caller.join()
        self.worker.terminate()
        self.worker.wait(20)

    def wait_until_told(self, kind: str, messages: int, *, seconds: float = 40) -> list[tuple[str, str]]:
        deadline = time.monotonic() + seconds
        while len(told := self.receiver.told(kind)) < messages:
            assert time.monotonic() < deadline, (told, self.server.log.read_text()[-3_000:])
            time.sleep(0.2)
        return told


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@contextmanager
def running_house(url: str, folder: Path, receiver: Receiver) -> Iterator[House]:
    server = RunningServer(url, folder, settings=SETTINGS)
    server.start()
    house = House(server, receiver)
    try:
        yield house
    finally:
        house.end()
        if server.process is not None and server.process.poll() is None:
            server.stop()


@pytest.fixture
def house(tmp_path: Path, receiver: Receiver, new_sqlite: Callable[[Path], str]) -> Iterator[House]:
    with running_house(new_sqlite(tmp_path), tmp_path, receiver) as house:
        yield house


def kill_web(house: House) -> Callable[[], None]:
    assert house.server.process is not None
    processes = [house.server.process.pid, *children(house.server.process.pid)]
    for pid in processes:
        subprocess.run(["kill", "-KILL", str(pid)], check=False)
    house.server.process.wait()
    return house.server.start


def stop_web(house: House) -> Callable[[], None]:
    """As a machine that is suspended: the processes are there, and do nothing."""
    assert house.server.process is not None
    processes = [house.server.process.pid, *children(house.server.process.pid)]
    for pid in processes:
        subprocess.run(["kill", f"-{signal.SIGSTOP.value}", str(pid)], check=True)

    def go_on() -> None:
        for pid in reversed(processes):
            subprocess.run(["kill", f"-{signal.SIGCONT.value}", str(pid)], check=True)

    return go_on


@pytest.mark.parametrize("end", [kill_web, stop_web], ids=["killed", "stopped"])
def test_only_the_restaurant_that_closed_during_an_outage_is_reported(
    house: House, end: Callable[[House], Callable[[], None]]
) -> None:
    bring_back = end(house)
    house.closed.add(2)
    time.sleep(DOWN_SECONDS)
    assert not house.receiver.told("site_offline")
    bring_back()
    [(type_, title), *_] = house.wait_until_told("control_plane_was_down", 1)
    assert type_ == "opened"
    assert title.startswith("Portcullis could not receive heartbeats for less than a minute, until ")
    assert house.wait_until_told("site_offline", 1) == [("opened", "Restaurant 2 is offline")]
    time.sleep(8)
    assert house.receiver.told("site_offline") == [("opened", "Restaurant 2 is offline")]
    assert [type_ for type_, _ in house.receiver.told("control_plane_was_down")] == ["opened", "resolved"]
    house.closed.clear()
    assert house.wait_until_told("site_offline", 2)[1] == ("resolved", "Restaurant 2 is offline")


def test_while_the_database_hangs_nobody_is_reported(tmp_path: Path, receiver: Receiver, postgres_url: str) -> None:
    # PostgreSQL runs as another user, who cannot look into the folders of this one.
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="portcullis-")))
        first, pid = stack.enter_context(postgresql(folder))
        house = stack.enter_context(running_house(copied_postgresql(postgres_url, first, tmp_path), tmp_path, receiver))
        signal_all(pid, signal.SIGSTOP)
        try:
            house.closed.add(3)
            time.sleep(DOWN_SECONDS)
        finally:
            signal_all(pid, signal.SIGCONT)
        house.wait_until_told("control_plane_was_down", 1)
        assert house.wait_until_told("site_offline", 1) == [("opened", "Restaurant 3 is offline")]
        time.sleep(8)
        assert house.receiver.told("site_offline") == [("opened", "Restaurant 3 is offline")]


def test_without_a_worker_nothing_is_lost_and_nothing_is_false(house: House) -> None:
    house.worker.kill()
    house.worker.wait()
    house.closed.add(1)
    time.sleep(DOWN_SECONDS)
    assert not house.receiver.got
    house.worker = house.server.launch("manage.py", "worker")
    # The lease of the killed worker's look may have to end first.
    assert house.wait_until_told("site_offline", 1, seconds=150) == [("opened", "Restaurant 1 is offline")]
    time.sleep(4)
    assert house.receiver.told("site_offline") == [("opened", "Restaurant 1 is offline")]
    assert not house.receiver.told("control_plane_was_down")

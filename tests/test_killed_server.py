"""A process of gunicorn is killed: a worker is replaced; without the first process the workers end, and a new start works."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from tests.faults.service import children
from tests.running_server import RunningServer

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

# Less than gunicorn's graceful_timeout (25 s), until which a worker waits for connections that stay in use.
WITHIN_SECONDS = 15


@pytest.fixture(scope="module")
def server(new_sqlite: Callable[[Path], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("server")
    running = RunningServer(new_sqlite(folder), folder)
    running.start()
    yield running
    running.stop()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def keep_asking(server: RunningServer, stopped: threading.Event) -> None:
    """As nginx does: on a connection that is kept, and used all the time."""
    with requests.Session() as session:
        while not stopped.wait(0.05):
            try:
                session.get(f"{server.url}/health/live", timeout=5)
            except requests.RequestException:
                time.sleep(0.2)


def test_a_killed_worker_is_replaced(server: RunningServer) -> None:
    assert server.process is not None
    before = children(server.process.pid)
    os.kill(before[0], signal.SIGKILL)
    deadline = time.monotonic() + WITHIN_SECONDS
    while len(now := children(server.process.pid)) < len(before) or before[0] in now:
        assert time.monotonic() < deadline, "no new worker"
        time.sleep(0.1)
    assert requests.get(f"{server.url}/health", timeout=5).status_code == 200


def test_workers_without_their_first_process_end_although_their_connections_are_in_use(server: RunningServer) -> None:
    assert server.process is not None
    workers, stopped = children(server.process.pid), threading.Event()
    callers = [threading.Thread(target=keep_asking, args=(server, stopped)) for _ in range(4)]
    for caller in callers:
        caller.start()
    try:
        server.process.kill()
        server.process.wait()
        deadline = time.monotonic() + WITHIN_SECONDS
        while any(map(is_alive, workers)):
            assert time.monotonic() < deadline, "workers are still there"
            time.sleep(0.1)
        server.start()
    finally:
        stopped.set()
        for caller in callers:
            caller.join()
    assert requests.get(f"{server.url}/health", timeout=5).status_code == 200

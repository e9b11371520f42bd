"""The doorbell as shipped, beside a running server."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests

from scripts.with_services import free_port
from tests.running_server import START_WITHIN_SECONDS, RunningServer, Site

threads = ThreadPoolExecutor(64)


@dataclass
class RunningDoorbell:
    server: RunningServer
    settings: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/doorbell"

    def start(self) -> None:
        self.log = self.server.folder / f"doorbell-{self.port}.log"
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "-c", "config/doorbell/gunicorn_settings.py"],
                cwd=self.server.root,
                env=self.server.environment | {"DOORBELL_BIND": f"127.0.0.1:{self.port}", **self.settings},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        wait_until(self.is_healthy, START_WITHIN_SECONDS)

    def is_healthy(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        try:
            return requests.get(f"{self.url}/health", timeout=1).ok
        except requests.RequestException:
            return False

    def stop(self) -> None:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)

    def ask(self, site: Site, since: Any, *, key: str | None = None, **query: Any) -> requests.Response:
        return requests.get(
            self.url,
            params={"since": since, **query},
            headers={"X-Site-ID": site.site_id, "X-Site-Key": key or site.key},
            timeout=70,
        )

    def wait_for(self, site: Site, since: int, **query: Any) -> "Future[tuple[requests.Response, float]]":
        """A wait in a thread; its answer, and when it came by `time.monotonic`."""

        def wait() -> tuple[requests.Response, float]:
            return self.ask(site, since, **query), time.monotonic()

        return threads.submit(wait)


def wait_until(is_so: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"not within {seconds} seconds"
        time.sleep(0.05)


@contextmanager
def doorbell_of(server: RunningServer, **settings: str) -> Iterator[RunningDoorbell]:
    doorbell = RunningDoorbell(server, settings)
    doorbell.start()
    try:
        yield doorbell
    finally:
        doorbell.stop()

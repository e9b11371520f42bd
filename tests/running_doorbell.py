"""The doorbell as shipped, on a free port, with the settings of a server that a test has started."""

import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import requests

from scripts.with_services import free_port
from tests.running_server import ROOT, START_WITHIN_SECONDS, RunningServer

SETTINGS = str(ROOT / "config/doorbell/gunicorn_settings.py")


@dataclass
class RunningDoorbell:
    """Everything that it prints goes to `log`."""

    server: RunningServer
    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.log = self.folder / f"doorbell-{self.port}.log"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> "RunningDoorbell":
        environment = self.server.environment | {"DOORBELL_BIND": f"127.0.0.1:{self.port}"} | self.settings
        command = [sys.executable, "-m", "gunicorn", "-c", SETTINGS]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
        deadline = time.monotonic() + START_WITHIN_SECONDS
        while not self.is_healthy():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise AssertionError(f"the doorbell did not start:\n{self.log.read_text()}")
            time.sleep(0.1)
        return self

    def is_healthy(self) -> bool:
        try:
            return requests.get(f"{self.url}/doorbell/health", timeout=5).ok
        except requests.RequestException:
            return False

    def stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> "RunningDoorbell":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

"""A server that runs the release to which the link `current` points, as an installation on one machine does."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import requests

from tests.running_server import RunningServer

WITHIN_SECONDS = 60


class ReleasedServer(RunningServer):
    """`root` is the link. PWD shows gunicorn the link instead of the folder behind it, which USR2 needs."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.environment["PWD"] = str(self.root)
        options = [f"--pid {self.pid_file}", self.environment.get("GUNICORN_CMD_ARGS", "")]
        self.environment["GUNICORN_CMD_ARGS"] = " ".join(options)

    @property
    def pid_file(self) -> Path:
        return self.folder / "gunicorn.pid"

    @property
    def pid(self) -> int:
        """That of gunicorn's first process, which writes the file anew when it is told to renew its workers."""
        until(self.read_pid, "a file with its process id")
        return self.read_pid()

    def read_pid(self) -> int:
        try:
            return int(self.pid_file.read_text() or 0)
        except FileNotFoundError:
            return 0

    def point_to(self, release: Path) -> None:
        new = self.root.with_name("next")
        new.symlink_to(release)
        new.replace(self.root)

    def start(self) -> None:
        # Not `python -m gunicorn`, which USR2 cannot start again.
        command = [str(Path(sys.executable).with_name("gunicorn")), "config.wsgi", "-b", f"127.0.0.1:{self.port}"]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(command, cwd=self.root, env=self.environment, stdout=output, stderr=output)
        until(self.answers, "gunicorn answers")

    def answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        try:
            return requests.get(f"{self.url}/health/live", timeout=5).ok
        except requests.RequestException:
            return False

    def upgrade_in_place(self) -> None:
        """Start a second gunicorn on the same socket, from the release that the link points to; then end the first one."""
        old = self.pid
        os.kill(old, signal.SIGUSR2)
        second = self.pid_file.with_name("gunicorn.pid.2")
        until(second.exists, "a second gunicorn")
        until(lambda: self.ready_workers(int(second.read_text())) == 2, "its workers")
        os.kill(old, signal.SIGTERM)
        until(lambda: self.pid != old, "the second gunicorn is alone")

    def ready_workers(self, first_pid: int) -> int:
        messages = {entry["message"] for entry in self.log_entries()}
        return sum(f"Worker ready (pid: {pid})" in messages for pid in children(first_pid))

    def workers(self) -> list[int]:
        return children(self.pid)

    def serving_folders(self) -> set[Path]:
        """The folders of the releases that its worker processes run."""
        return {Path(f"/proc/{pid}/cwd").resolve() for pid in self.workers()}

    def stop(self) -> None:
        """By the file: after an upgrade in place its first process is no child of the test."""
        pid = self.pid
        os.kill(pid, signal.SIGTERM)
        if self.process is not None:
            self.process.wait(30)
        until(lambda: not Path(f"/proc/{pid}").exists(), "gunicorn stops")


def children(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(each) for each in listed.stdout.split()]


def until(reached: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + WITHIN_SECONDS
    while not reached():
        assert time.monotonic() < deadline, f"not in time: {what}"
        time.sleep(0.05)

"""Workers as real processes, and what their jobs did."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.running_server import ROOT, RunningServer


@dataclass(frozen=True)
class JobRun:
    """`ended` is None for a run that did not come to its end."""

    name: str
    pid: int
    began: float
    ended: float | None


@dataclass
class Workers:
    """Starts workers on one database; `folder` has their logs and the file in which the jobs write."""

    database_url: str
    folder: Path
    jobs: str = "short"
    settings: dict[str, str] | None = None

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.runs_file = self.folder / "runs"
        self.runs_file.touch()
        server = RunningServer(self.database_url, self.folder)
        self.environment = server.environment | {
            "DJANGO_SETTINGS_MODULE": "tests.worker.settings",
            "JOBS_UNDER_TEST": self.jobs,
            "RUNS_FILE": str(self.runs_file),
            **(self.settings or {}),
        }
        self.log = self.folder / "worker.log"

    @contextmanager
    def started(self, number: int = 1) -> Iterator[list[subprocess.Popen[bytes]]]:
        with self.log.open("ab") as output:
            command = [sys.executable, "manage.py", "worker"]
            options = {"cwd": ROOT, "env": self.environment, "stdout": output, "stderr": subprocess.STDOUT}
            processes = [subprocess.Popen(command, **options) for _ in range(number)]  # type: ignore[call-overload]
        try:
            yield processes
        finally:
            for process in processes:
                if process.poll() is None:
                    process.send_signal(signal.SIGTERM)
            for process in processes:
                try:
                    process.wait(15)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def runs(self, name: str | None = None) -> list[JobRun]:
        """In the order in which they began."""
        found: list[JobRun] = []
        open_runs: dict[tuple[str, int], float] = {}
        for line in self.runs_file.read_text().splitlines():
            job, what, pid, at = line.split()
            key = job, int(pid)
            if what == "began":
                open_runs[key] = float(at)
            else:
                found.append(JobRun(*key, began=open_runs.pop(key), ended=float(at)))
        found += [JobRun(job, pid, began, None) for (job, pid), began in open_runs.items()]
        return sorted((run for run in found if name in (None, run.name)), key=lambda run: run.began)

    def wait_for_runs(self, number: int, name: str | None = None, *, within: float = 30) -> list[JobRun]:
        wait_until(lambda: len(self.runs(name)) >= number, within, self.log)
        return self.runs(name)


def wait_until(check: Callable[[], bool], within: float, log: Path) -> None:
    deadline = time.monotonic() + within
    while not check():
        assert time.monotonic() < deadline, f"not within {within} s:\n{log.read_text()}"
        time.sleep(0.05)


def overlaps(runs: list[JobRun]) -> list[tuple[JobRun, JobRun]]:
    """Pairs of runs of one job of which one began before the other had ended. A killed run ended when it was killed."""
    return [
        (first, second)
        for first in runs
        for second in runs
        if first.name == second.name and first is not second and first.ended is not None
        if first.began <= second.began < first.ended
    ]


def kill(process: subprocess.Popen[bytes]) -> float:
    """kill -9; when the process was gone."""
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    return time.monotonic()

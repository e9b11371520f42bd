"""Kill the process again and again, and read what it left."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from portcullis_agent import KeyRing, verify_lease
from portcullis_agent.state import State, StateFolder

from ..control_plane import ControlPlane, served
from ..signing import SITE_ID

PACKAGE = Path(__file__).resolve().parent.parent.parent
LONGEST_SECONDS = 0.25


@dataclass
class Report:
    kills: int = 0
    revision: int = 0
    temporary_files: int = 0


class RisingPlane(ControlPlane):
    """Each answer has a new revision, so that the agent writes each lease."""

    def heartbeat(self, site_id: str, site_key: str, body: dict[str, object]) -> dict[str, object]:
        self.revision += 1
        return super().heartbeat(site_id, site_key, body)


def kill_repeatedly(folder: Path, kills: int, seed: int = 1) -> Report:
    """AssertionError if a kill loses or damages the state, or sets it back to before the kill before."""
    source, report = random.Random(seed), Report()
    instance_ids = set()
    with served(RisingPlane()) as url, Killer(url, str(folder)) as killer:
        while report.kills < kills:
            killer.run_and_kill(source.uniform(0, LONGEST_SECONDS))
            report.kills += 1
            report.temporary_files += (folder / "state.new.json").exists()
            states = StateFolder(folder).read()
            assert states, "the state is lost"
            State.decode((folder / "state.json").read_bytes())  # the newest itself is whole: StateError if not
            lease = verify_lease(states[0].lease or "", KeyRing(states[0].pinned), site_id=SITE_ID)
            assert lease.revision >= report.revision, "an older state came back"
            report.revision = lease.revision
            instance_ids.add(states[0].instance_id)
    assert len(instance_ids) == 1, "the installation got a new id"
    return report


class Killer:
    """A process that forks one which beats, kills it at an instant, and forks the next."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "tests.kills.beating", *arguments]
        environment = {"PYTHONPATH": "src"}
        self.process = subprocess.Popen(
            command, cwd=PACKAGE, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Killer:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()

    def run_and_kill(self, seconds: float) -> None:
        """Let a process write for a while; the time counts from its first stored lease."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        number = int(self.process.stdout.readline())
        time.sleep(seconds)
        os.kill(number, signal.SIGKILL)
        for line in self.process.stdout:
            if int(line) != number:
                assert int(line) == signal.SIGKILL, "the process ended by itself"
                return

"""Load on a server: wrk, running heartbeat.lua or agents.lua."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

SCRIPT = Path(__file__).with_name("heartbeat.lua")
AGENTS = Path(__file__).with_name("agents.lua")
CONNECTIONS = 32
# An answer that comes later than this is an error; one that comes sooner counts in the latencies.
TIMEOUT_SECONDS = 10
SOCKET_ERRORS = ("err_connect", "err_read", "err_write", "err_timeout")


@dataclass(frozen=True)
class Target:
    """Where the requests go, and whose: `credentials` has a line "id,key" for each site."""

    url: str
    path: str
    credentials: Path
    forwarded_for: str | None = None
    script: Path = SCRIPT
    settings: dict[str, str] = field(default_factory=dict)  # further ones of the script


@dataclass(frozen=True)
class Load:
    """What wrk saw. Latencies in milliseconds."""

    requests: int
    per_second: float
    refused: int  # answers other than 2xx and 3xx
    broken: int  # connections and requests without an answer
    p50: float
    p90: float
    p99: float
    statuses: dict[str, int] = field(default_factory=dict)

    @property
    def errors(self) -> int:
        return self.refused + self.broken


@dataclass(frozen=True)
class Run:
    """wrk under way."""

    process: subprocess.Popen[str]

    def result(self) -> Load:
        output, _ = self.process.communicate()
        if self.process.returncode:
            raise RuntimeError(f"wrk failed:\n{output}")
        return parse(output)


@contextmanager
def running(
    target: Target, *, seconds: float, connections: int = CONNECTIONS, count_statuses: bool = False
) -> Iterator[Run]:
    """Load in the background, from one thread of the client; it is ended with the block."""
    settings = {"SITES": str(target.credentials), "PATHNAME": target.path, **target.settings}
    if target.forwarded_for:
        settings["FORWARDED_FOR"] = target.forwarded_for
    if count_statuses:
        settings["COUNT_STATUSES"] = "1"
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", f"--timeout={TIMEOUT_SECONDS}s", "-s"]
    process = subprocess.Popen(
        [*command, str(target.script), target.url],
        env={"PATH": os.environ["PATH"]} | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # Ctrl-C reaches it through us
    )
    try:
        yield Run(process)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def run(target: Target, *, seconds: float, connections: int = CONNECTIONS, count_statuses: bool = False) -> Load:
    with running(target, seconds=seconds, connections=connections, count_statuses=count_statuses) as under_way:
        return under_way.result()


def parse(output: str) -> Load:
    found = [line.removeprefix("JSON ") for line in output.splitlines() if line.startswith("JSON ")]
    if len(found) != 1:
        raise RuntimeError(f"wrk printed no result:\n{output}")
    printed = json.loads(found[0])
    return Load(
        requests=printed["requests"],
        per_second=printed["rps"],
        refused=printed["non2xx"],
        broken=sum(printed[name] for name in SOCKET_ERRORS),
        p50=printed["p50_ms"],
        p90=printed["p90_ms"],
        p99=printed["p99_ms"],
        statuses=printed["statuses"],
    )

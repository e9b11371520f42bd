"""The agent's command against the server as shipped: enrolment, a lock, a rotation of the signing key, and its leak."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.running_server import ROOT, RunningServer, Site, register

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=30)]


@pytest.fixture
def server(tmp_path: Path, new_sqlite: Callable[[Path], str]) -> Iterator[RunningServer]:
    running = RunningServer(new_sqlite(tmp_path), tmp_path)
    assert running.manage("create_signing_key").returncode == 0
    running.start()
    yield running
    running.stop()


def agent(site: Site, folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT / "agent/src"),
        "PORTCULLIS_URL": site.server.url,
        "PORTCULLIS_SITE_ID": site.site_id,
        "PORTCULLIS_SITE_KEY": site.key,
        "PORTCULLIS_STATE": str(folder),
    }
    command = [sys.executable, "-m", "portcullis_agent", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def state_of(site: Site, folder: Path) -> tuple[int, str, str | None]:
    done = agent(site, folder, "status", "--json")
    answer = json.loads(done.stdout)
    return done.returncode, answer["state"], answer["reason"]


def test_a_site_hears_of_a_lock_and_follows_a_rotation_of_the_signing_key(
    server: RunningServer, tmp_path: Path
) -> None:
    api = server.sign_in()
    site, folder = register(api, server), tmp_path / "agent"
    enrolled = agent(site, folder, "enrol")
    assert (enrolled.returncode, enrolled.stderr) == (0, "")
    assert state_of(site, folder) == (0, "ok", None)

    assert api.post(f"/api/sites/{site.site_id}/lock", {"reason": "Invoice 17"}).status_code == 200
    assert agent(site, folder, "beat").returncode == 0
    assert state_of(site, folder) == (3, "locked", "This site is locked: Invoice 17")

    leaked, spare = (json.loads(server.manage("create_signing_key", "--json").stdout)["kid"] for _ in range(2))
    assert server.manage("activate_signing_key", leaked, "--now").returncode == 0
    assert server.manage("retire_signing_key", leaked, "--now").returncode == 0
    server.stop()
    server.start()
    assert api.post(f"/api/sites/{site.site_id}/unlock", {}).status_code == 200
    beat = agent(site, folder, "beat")
    assert (beat.returncode, beat.stderr) == (0, "")
    assert state_of(site, folder) == (0, "ok", None)
    stored = json.loads((folder / "state.json").read_text())
    assert [key["kid"] for key in stored["endorsed"]] == [leaked, spare]
    assert stored["set_aside"] == [leaked]
    read_twice = f"""
from portcullis_agent.client import HttpServer
server = HttpServer({server.url!r})
assert server.changed_key_set()["endorsements"]
assert server.changed_key_set() is None
"""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "agent/src")}
    subprocess.run([sys.executable, "-c", read_twice], env=environment, timeout=60, check=True)

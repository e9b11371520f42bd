"""The agent as a service of its own, against the server and the doorbell as shipped."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.databases import prepared_postgresql
from tests.doorbell import RunningDoorbell, wait_until
from tests.running_server import ROOT, Client, RunningServer, register

pytestmark = pytest.mark.e2e

TOLD_WITHIN_SECONDS = 10  # on a busy machine; usually two


@pytest.fixture
def doorbell(postgres_url: str, tmp_path: Path) -> Iterator[RunningDoorbell]:
    server = RunningServer(prepared_postgresql(postgres_url, tmp_path), tmp_path, settings={"WEB_CONCURRENCY": "1"})
    running = RunningDoorbell(server)
    server.environment["DOORBELL_URL"] = running.url
    assert server.manage("create_signing_key").returncode == 0
    server.start()
    try:
        running.start()
        yield running
    finally:
        if running.process is not None:
            running.process.kill()  # a stop takes five seconds, and is tested by itself
            running.process.wait(10)
        server.stop()


@pytest.fixture
def api(doorbell: RunningDoorbell) -> Client:
    return doorbell.server.sign_in()


@pytest.fixture
def agent(doorbell: RunningDoorbell, api: Client, tmp_path: Path) -> Iterator[Callable[..., list[str]]]:
    """`portcullis-agent run` with a site of its own. Returns the command line of any other command for that site."""
    site = register(api, doorbell.server)
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT / "agent/src"),
        "PORTCULLIS_URL": doorbell.server.url,
        "PORTCULLIS_SITE_ID": site.site_id,
        "PORTCULLIS_SITE_KEY": site.key,
        "PORTCULLIS_STATE": str(tmp_path / "agent"),
    }
    (tmp_path / "environment.json").write_text(json.dumps(environment))
    command = [sys.executable, "-m", "portcullis_agent"]
    with (tmp_path / "agent.log").open("wb") as log:
        process = subprocess.Popen([*command, "run"], env=environment, stdout=log, stderr=log)
    yield lambda *arguments: [*command, *arguments]
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


def test_a_lock_and_an_unlock_reach_a_site_in_seconds_and_the_server_knows_it(
    doorbell: RunningDoorbell, api: Client, agent: Callable[..., list[str]], tmp_path: Path
) -> None:
    environment = json.loads((tmp_path / "environment.json").read_text())
    path = f"/api/sites/{environment['PORTCULLIS_SITE_ID']}"

    def has_applied(state: str) -> bool:
        site = api.get(path).json()
        is_told = site["applied_revision"] == site["delivered_revision"] is not None
        return is_told and site["applied_state"] == state

    wait_until(lambda: has_applied("ok"), 30)
    for action, body, state in (("lock", {"reason": "Invoice 17"}, "locked"), ("unlock", {}, "ok")):
        assert api.post(f"{path}/{action}", body).status_code == 200
        wait_until(lambda state=state: has_applied(state), TOLD_WITHIN_SECONDS)  # type: ignore[misc]
        status = subprocess.run(agent("status", "--json"), env=environment, capture_output=True, check=False)
        assert json.loads(status.stdout)["state"] == state
    assert "doorbell" not in (tmp_path / "agent.log").read_text()

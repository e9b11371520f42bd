"""The container's entrypoint, run from this folder: what starts a server, what only reports, and what it says meanwhile.

tests/test_container.py runs it from the built folder on a read-only root.
"""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from scripts.with_services import free_port
from tests.running_server import ROOT
from tests.test_container import production

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

ENTRYPOINT = ROOT / "scripts/container/entrypoint.sh"


def settings(folder: Path, **extra: str) -> dict[str, str]:
    """Production on an empty database, with this Python if the folder has no virtual environment."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    database = {"DATABASE_URL": f"sqlite:///{folder}/new.sqlite3", "ENV_FILE": "/dev/null", "PATH": path}
    return production(free_port(), **database | extra)


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ENTRYPOINT, *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_security_txt_that_has_expired_is_reported_and_stops_no_server(tmp_path: Path) -> None:
    contact = {"SECURITY_CONTACT": "mailto:security@example.com", "SECURITY_TXT_EXPIRES": "2020-01-01T00:00:00Z"}
    environment = settings(tmp_path, **contact)
    checked = run(environment, "check")
    assert checked.returncode == 1
    assert "portcullis.W001" in checked.stderr

    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen([ENTRYPOINT, "serve"], env=environment, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + 60
        while not answers(f"http://{environment['BIND']}/health/live"):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(40)
    assert "portcullis.W001" in log.read_text()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False

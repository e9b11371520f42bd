"""A client that openapi-python-client generates from the served description: no warning, typed, and it works."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running_server import ADMIN, PASSWORD, ROOT, RunningServer, register
from tests.test_documentation import blocks

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=20)]

WALK = ROOT / "tests" / "api_clients" / "walk.py"
GUIDE = ROOT / "docs" / "api.md"


def run(*command: str, **environment: str) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=120, env={**os.environ, **environment}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, sqlite_server: RunningServer) -> Path:
    """Where `import portcullis_client` finds the generated package."""
    folder = tmp_path_factory.mktemp("generated")
    config = folder / "config.json"  # JSON is YAML, too
    config.write_text(json.dumps({"post_hooks": []}))  # it would call ruff by the PATH, to format what it has made
    program = Path(sys.executable).parent / "openapi-python-client"
    source = ("--url", f"{sqlite_server.url}/api/schema", "--config", str(config))
    target = ("--meta", "none", "--output-path", str(folder / "portcullis_client"))
    printed = run(str(program), "generate", "--fail-on-warning", *source, *target)
    assert "warning" not in printed.lower()
    return folder


def test_a_site_from_its_registration_to_its_deregistration(server: RunningServer, folder: Path) -> None:
    printed = run(sys.executable, str(WALK), server.url, ADMIN, PASSWORD, PYTHONPATH=str(folder))
    assert printed == "walked\n"


def test_the_example_of_the_guide_runs(sqlite_server: RunningServer, folder: Path, tmp_path: Path) -> None:
    (example,) = (block for block in blocks(GUIDE, "python") if "portcullis_client" in block)
    program = tmp_path / "example.py"
    program.write_text(example)
    register(sqlite_server.sign_in(), sqlite_server, name="0 of the guide")
    printed = run(sys.executable, str(program), PYTHONPATH=str(folder), PORTCULLIS_URL=sqlite_server.url)
    assert "0 of the guide never_seen" in printed


def test_a_type_checker_understands_what_the_client_returns(folder: Path) -> None:
    cache = ("--cache-dir", str(folder / "cache"), "--config-file", os.devnull)
    run(sys.executable, "-m", "mypy", "--strict", *cache, str(WALK), MYPYPATH=str(folder))

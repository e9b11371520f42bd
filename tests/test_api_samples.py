"""The examples of the API's description in curl, Python and JavaScript, each run as a reader runs it."""

import contextlib
import io
import json
import os
import re
import runpy
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import requests
from playwright.sync_api import Browser

from config.api_clients.requests import AN_IDEMPOTENCY_KEY, ApiRequest, api_requests
from config.api_clients.samples import environment_name
from tests.api_clients.things import METRICS_TOKEN, VERSION, Things
from tests.running_server import ROOT, RunningServer

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=30)]

RUNNER = ROOT / "tests" / "api_clients" / "run_samples.mjs"
# Examples that a fresh server refuses, with the status.
REFUSED = {
    "get_incident": 404,
    "acknowledge_incident": 404,
    "retry_alert_delivery": 404,
    "pause_rollout": 409,  # a draft
    "resume_rollout": 409,
    "roll_back_rollout": 409,
}


@pytest.fixture(scope="module")
def things(tmp_path_factory: pytest.TempPathFactory, new_sqlite: Callable[[Path], str]) -> Iterator[Things]:
    """On a server of its own: the examples make channels of alerts, which tests of other pages would see."""
    folder = tmp_path_factory.mktemp("samples")
    settings = {"METRICS_TOKEN": METRICS_TOKEN, "WEB_CONCURRENCY": "1"}
    server = RunningServer(new_sqlite(folder), folder, settings=settings)
    server.start()
    yield Things(server)
    server.stop()


@pytest.fixture(scope="module")
def described(things: Things) -> dict[str, Any]:
    served: dict[str, Any] = things.api.get("/api/schema").json()
    return served


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the file that the example of an upload names."""
    (tmp_path / f"till-{VERSION}.bin").write_bytes(b"firmware")
    return tmp_path


def sources(described: dict[str, Any], label: str) -> Iterator[tuple[ApiRequest, str]]:
    samples = {
        operation["operationId"]: operation["x-codeSamples"]
        for methods in described["paths"].values()
        for operation in methods.values()
    }
    for request in api_requests(described):
        (source,) = (each["source"] for each in samples[request.operation_id] if each["label"] == label)
        # What a reader puts in: an id of the request's own, a name that is free, and a version that is not there.
        source = source.replace(AN_IDEMPOTENCY_KEY, str(uuid.uuid4())).replace("On call", str(uuid.uuid4()))
        yield request, source.replace('version": "2.4.0', f'version": "{a_version()}')


def a_version() -> str:
    return f"{uuid.uuid4().int % 10**9}.0.0"


def environment(things: Things, request: ApiRequest) -> dict[str, str]:
    values = things.values_for(request.variables())
    return {environment_name(name): value for name, value in values.items()}


def expect(results: dict[str, str]) -> None:
    """Each result is empty, or has the status of the refusal in its first three digits."""
    refused = {name: int(found[0]) for name, text in results.items() if text and (found := re.findall(r"\d{3}", text))}
    assert [f"{name}: {text}" for name, text in results.items() if text and name not in REFUSED] == []
    assert refused == REFUSED


def test_every_example_in_curl_runs(things: Things, described: dict[str, Any], folder: Path) -> None:
    results = {}
    for request, source in sources(described, "curl"):
        source = source.replace('"version=2.4.0"', f'"version={a_version()}"')
        variables = {"PATH": os.environ["PATH"], "NO_PROXY": "*", **environment(things, request)}
        done = subprocess.run(
            ["bash", "-euc", source], cwd=folder, env=variables, capture_output=True, text=True, check=False, timeout=30
        )
        results[request.operation_id] = f"{done.stderr} {done.stdout}" if done.returncode else ""
    expect(results)


def test_every_example_in_python_runs(things: Things, described: dict[str, Any], folder: Path) -> None:
    results = {}
    with contextlib.chdir(folder), mock.patch.dict(os.environ):
        for request, source in sources(described, "Python"):
            os.environ |= environment(things, request)
            program = folder / f"{request.operation_id}.py"
            program.write_text(source)
            try:
                with contextlib.redirect_stdout(io.StringIO()):
                    runpy.run_path(str(program))
                results[request.operation_id] = ""
            except requests.HTTPError as error:
                results[request.operation_id] = f"{error.response.status_code} {error.response.text}"
    expect(results)


def test_every_example_in_javascript_runs(things: Things, described: dict[str, Any], folder: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("The examples in JavaScript are run with node, which is not installed.")
    jobs = {}
    for request, source in sources(described, "JavaScript"):
        source = source.replace('form.set("version", "2.4.0")', f'form.set("version", "{a_version()}")')
        program = folder / f"{request.operation_id}.mjs"
        program.write_text(source)
        jobs[request.operation_id] = {"file": str(program), "environment": environment(things, request)}
    (folder / "jobs.json").write_text(json.dumps(jobs))
    done = subprocess.run(
        [node, str(RUNNER), "jobs.json"], cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    expect(json.loads(done.stdout))


def test_the_page_of_the_description_shows_the_examples(things: Things, browser: Browser) -> None:
    """Swagger UI has no place for them; a plugin of ours replaces a component that its releases may rename."""
    page = browser.new_page()
    page.goto(f"{things.server.url}/docs#/sites/lock_site")
    example = page.locator("#operations-sites-lock_site details", has_text="curl").first
    example.locator("summary").click()
    assert "/lock" in example.locator("pre").inner_text()
    page.close()

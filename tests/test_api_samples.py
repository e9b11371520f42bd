"""The examples of the API in curl, Python and JavaScript, and its collection for Postman, run as a reader runs them."""

import contextlib
import io
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import requests
from playwright.sync_api import Browser

from config.api_clients.postman import collection
from config.api_clients.requests import AN_IDEMPOTENCY_KEY, ApiRequest, api_requests
from config.api_clients.samples import environment_name
from tests.api_clients.things import METRICS_TOKEN, VERSION, Things
from tests.running_server import ADMIN, PASSWORD, ROOT, RunningServer
from tests.test_documentation import blocks

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=30)]

GUIDE = ROOT / "docs" / "api.md"
RUNNER = ROOT / "tests" / "api_clients" / "run_samples.mjs"
# Examples that a fresh server refuses, with the status.
REFUSED = {
    "get_incident": 404,
    "acknowledge_incident": 404,
    "retry_alert_delivery": 404,
    "get_access_request": 404,
    "approve_access_request": 404,
    "reject_access_request": 404,
    "get_user": 404,
    "update_user": 404,
    "login_with_google": 404,  # not set up
    "pause_rollout": 409,  # a draft
    "resume_rollout": 409,
    "roll_back_rollout": 409,
}

needs_node = pytest.mark.skipif(
    shutil.which("node") is None, reason="The examples in JavaScript are run with node, which is not installed."
)


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
    """A folder with the files that the examples of uploads name."""
    (tmp_path / "contract.pdf").write_bytes(b"We agree.")
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


@needs_node
def test_every_example_in_javascript_runs(things: Things, described: dict[str, Any], folder: Path) -> None:
    jobs = {}
    for request, source in sources(described, "JavaScript"):
        source = source.replace('form.set("version", "2.4.0")', f'form.set("version", "{a_version()}")')
        program = folder / f"{request.operation_id}.mjs"
        program.write_text(source)
        jobs[request.operation_id] = {"file": str(program), "environment": environment(things, request)}
    (folder / "jobs.json").write_text(json.dumps(jobs))
    done = subprocess.run(
        ["node", str(RUNNER), "jobs.json"], cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    expect(json.loads(done.stdout))


@pytest.fixture
def of_the_guide(things: Things) -> dict[str, str]:
    return {environment_name(name): value for name, value in things.values_for({"access_token"}).items()}


def test_the_client_in_python_of_the_guide_runs(of_the_guide: dict[str, str], tmp_path: Path) -> None:
    (source,) = (block for block in blocks(GUIDE, "python") if "import requests" in block)
    (tmp_path / "client.py").write_text(source)
    done = subprocess.run(
        [sys.executable, "client.py"],
        cwd=tmp_path,
        env=os.environ | of_the_guide,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("['Osteria Lucca']\n", "")


@needs_node
def test_the_client_in_javascript_of_the_guide_runs(of_the_guide: dict[str, str], tmp_path: Path) -> None:
    """With the same Idempotency-Key as in Python: it registers nothing more."""
    (source,) = blocks(GUIDE, "js")
    (tmp_path / "client.mjs").write_text(source)
    done = subprocess.run(
        ["node", "client.mjs"],
        cwd=tmp_path,
        env=os.environ | of_the_guide,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("[ 'Osteria Lucca' ]\n", "")


def test_the_page_of_the_description_shows_the_examples(things: Things, browser: Browser) -> None:
    """Swagger UI has no place for them; a plugin of ours replaces a component that its releases may rename."""
    page = browser.new_page()
    page.goto(f"{things.server.url}/docs#/sites/lock_site")
    example = page.locator("#operations-sites-lock_site details", has_text="curl").first
    example.locator("summary").click()
    assert "/lock" in example.locator("pre").inner_text()
    page.close()


@dataclass
class CollectionRunner:
    """Sends requests of a collection as Postman does, and keeps what their scripts keep."""

    collection: dict[str, Any]
    variables: dict[str, str]
    folder: Path

    def filled(self, text: str) -> str:
        text = text.replace("{{$guid}}", str(uuid.uuid4()))
        return re.sub(r"\{\{(\w+)\}\}", lambda match: self.variables[match[1]], text)

    def send(self, item: dict[str, Any]) -> requests.Response:
        request = item["request"]
        headers = {header["key"]: self.filled(header["value"]) for header in request["header"]}
        if request["auth"]["type"] == "bearer":
            headers["Authorization"] = "Bearer " + self.filled(request["auth"]["bearer"][0]["value"])
        body = request.get("body", {})
        parts = body.get("formdata", ())
        answer = requests.request(
            request["method"],
            self.filled(request["url"]["raw"]),
            headers=headers,
            data=self.filled(body["raw"]).encode()
            if "raw" in body
            else {part["key"]: part.get("value") for part in parts},
            files={part["key"]: (self.folder / part["src"]).read_bytes() for part in parts if "src" in part},
            timeout=15,
        )
        if answer.ok:
            script = "\n".join(line for event in item.get("event", ()) for line in event["script"]["exec"])
            for variable, field in re.findall(r'\.set\("(\w+)", answer\.(\w+)\)', script):
                self.variables[variable] = answer.json()[field]
        return answer

    def named(self, name: str) -> dict[str, Any]:
        (found,) = (item for folder in self.collection["item"] for item in folder["item"] if item["name"] == name)
        return dict(found)


@pytest.fixture
def runner(things: Things, described: dict[str, Any], folder: Path) -> CollectionRunner:
    """With the user name and the password put in."""
    made = collection(described, base_url=things.server.url)
    variables = {variable["key"]: variable["value"] for variable in made["variable"]}
    return CollectionRunner(made, variables | {"username": ADMIN, "password": PASSWORD}, folder)


def test_the_requests_of_the_collection_keep_what_the_next_ones_need(runner: CollectionRunner) -> None:
    for name, status in (
        ("Who am I", 401),
        ("Sign in", 200),
        ("Who am I", 200),
        ("Register a site", 201),
        ("Check in", 200),
        ("Lock a site", 200),
        ("Read a site", 200),
        ("List sites", 200),
        ("Make an enrolment code", 201),
        ("Register a device", 201),
        ("Check in as a device", 200),
        ("Renew the tokens", 200),
        ("Deregister a site", 204),
        ("Sign out", 204),
    ):
        answer = runner.send(runner.named(name))
        assert answer.status_code == status, f"{name}: {answer.status_code} {answer.text}"


def test_every_request_of_the_collection_is_understood(runner: CollectionRunner, things: Things) -> None:
    """None is refused for its form; what fails, fails for the state of what it names."""
    for folder in runner.collection["item"]:
        for item in folder["item"]:
            named = set(re.findall(r"\{\{(\w+)\}\}", json.dumps(item)))
            runner.variables |= things.values_for(named - {"base_url"})
            answer = runner.send(item)
            code = answer.json().get("code") if "problem" in answer.headers.get("Content-Type", "") else None
            assert code not in {"invalid", "unreadable", "not_authenticated", "method_not_allowed"}, (
                f"{item['name']}: {answer.text}"
            )
            assert answer.status_code < 500, f"{item['name']}: {answer.text}"
            assert "There is no such endpoint." not in answer.text, item["name"]

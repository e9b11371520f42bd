"""Generated requests from the API's own description, against a running server: no 500, no answer that is not described.

`make fuzz` runs it with more requests.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.with_services import free_port
from tests.databases import prepared_postgresql
from tests.running_server import ROOT, RunningServer, register

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=80)]

# Random requests for each endpoint; without any, only the described examples and those at the limits of the schemas.
EXAMPLES = os.environ.get("FUZZ_EXAMPLES", "0")
PHASES = "examples,coverage" if EXAMPLES == "0" else "examples,coverage,fuzzing"
FUZZ_WITHIN_SECONDS = 3600
CHECKS = (
    "not_a_server_error,response_schema_conformance,status_code_conformance,content_type_conformance,"
    "response_headers_conformance,ignored_auth,positive_data_acceptance"
)
# What the description allows is accepted, unless the answer depends on what is stored: 409 and 412, an end that must be later
# than the present one, and cursors that a page must have contained.
CONFIG = """
hooks = "tests.schemathesis_hooks"

[checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "403", "404", "409", "412", "429"]

[[operations]]
include-path-regex = "/(extend|events|heartbeats|instances)/$"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "401", "403", "404", "409", "412", "429"]

# A version is there once, min_from is not above it, and texts have no control characters.
[[operations]]
include-path-regex = "/api/firmware/"
checks.positive_data_acceptance.expected-statuses = ["2xx", "304", "400", "401", "403", "404", "409", "412", "416"]

# Each wave reaches further than the one before, the last one to all devices; `from` is before `to`.
[[operations]]
include-path-regex = "/api/(rollouts|analytics)/"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "401", "403", "404", "409", "412", "429"]

# A password is not weak, and a user name is an address.
[[operations]]
include-path-regex = "/api/auth/(request-access|register)/"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "401", "404", "429"]

# A token may have permissions of its owner only.
[[operations]]
include-path-regex = "/api/tokens/$"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "401", "403", "404", "409", "429"]

# Which address is right depends on the kind, and quiet hours have a beginning and an end.
[[operations]]
include-path-regex = "/api/(alert-channels|incidents)/"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "401", "403", "404", "409", "429"]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, postgres_url: str) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("schemathesis")
    # Tokens that outlast the run; limits that it does not reach, so that it tests more than the limits.
    settings = {
        "ACCESS_TOKEN_SECONDS": "3600",
        "LOGIN_FAILURES_PER_ADDRESS": "100000",
        "LOGIN_FAILURES_PER_PAIR": "10000",
        "ACCESS_REQUESTS_PER_ADDRESS": "10000",
        "HEARTBEAT_FAILURES_PER_MINUTE": "100000",
        "HEARTBEATS_PER_MINUTE": "10000",
        "ALERT_ALLOW_PRIVATE_ADDRESSES": "true",
        "WEB_CONCURRENCY": "1",  # it sends one request at a time
    }
    running = RunningServer(prepared_postgresql(postgres_url, folder), folder, settings=settings)
    running.start()
    yield running
    running.stop()


def run(server: RunningServer, folder: Path, *options: str, headers: dict[str, str], config: str = "") -> None:
    (folder / "schemathesis.toml").write_text(CONFIG + config)
    program = Path(sys.executable).parent / "schemathesis"
    arguments = [
        *(str(program), "--config-file", str(folder / "schemathesis.toml")),
        *("run", f"{server.url}/api/schema", "--checks", CHECKS, "--seed", "1"),
        *(("--max-examples", EXAMPLES) if EXAMPLES != "0" else ()),
        *("--phases", PHASES, "--workers", "1", "--no-color"),
        *(part for name, value in headers.items() for part in ("-H", f"{name}: {value}")),
        *options,
    ]
    organization = server.sign_in().post("/api/organizations", {"name": "Trattorie Conti"}).json()["id"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "EXISTING_ORGANIZATION": organization}
    done = subprocess.run(
        arguments, capture_output=True, text=True, cwd=folder, env=environment, timeout=FUZZ_WITHIN_SECONDS, check=False
    )
    assert done.returncode == 0, done.stdout[-12_000:] + done.stderr[-2_000:]


def test_the_endpoints_keep_to_their_description(server: RunningServer, tmp_path: Path) -> None:
    """Those below a site are called with ids that exist, by the next test."""
    run(server, tmp_path, "--exclude-path-regex", r"/api/sites/\{site_id\}/", headers=server.sign_in().headers)


def test_the_endpoints_of_one_site_keep_to_their_description(server: RunningServer, tmp_path: Path) -> None:
    api = server.sign_in()
    site = register(api, server)
    site.call_home()
    run(
        server,
        tmp_path,
        *("--include-path-regex", "/api/sites/{site_id}", "--exclude-method", "DELETE"),
        headers=api.headers,
        config=f'[parameters]\n"path.site_id" = "{site.site_id}"\n',
    )


def test_the_endpoints_of_one_channel_keep_to_their_description(server: RunningServer, tmp_path: Path) -> None:
    """Its address refuses connections, so that a test of the channel is answered at once."""
    api = server.sign_in()
    body = {"name": "Night", "kind": "webhook", "address": f"http://127.0.0.1:{free_port()}/"}
    channel = api.post("/api/alert-channels", body).json()["id"]
    run(
        server,
        tmp_path,
        *("--include-path-regex", "/api/alert-channels/{id}", "--exclude-method", "DELETE"),
        headers=api.headers,
        config=f'[parameters]\n"path.id" = "{channel}"\n',
    )


def test_the_endpoints_of_one_firmware_keep_to_their_description(server: RunningServer, tmp_path: Path) -> None:
    api = server.sign_in()
    facts = {"product": "till", "version": "1.0.0", "channel": "stable"}
    files, headers = {"file": ("a.bin", b"abc")}, api.headers
    answer = api.session.post(f"{api.url}/api/firmware", files=files, data=facts, headers=headers, timeout=15)
    run(
        server,
        tmp_path,
        *("--include-path-regex", "/api/firmware/{id}"),
        headers=api.headers,
        config=f'[parameters]\n"path.id" = "{answer.json()["id"]}"\n',
    )


def test_the_heartbeat_keeps_to_its_description(server: RunningServer, tmp_path: Path) -> None:
    site = register(server.sign_in(), server)
    headers = {"X-Site-ID": site.site_id, "X-Site-Key": site.key}
    run(server, tmp_path, "--include-path-regex", "/api/heartbeat", headers=headers)

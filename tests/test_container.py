"""The image, without a container engine: its own scripts build a folder, start the server in it and ask for its health."""

import fnmatch
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from scripts.with_services import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

ROOT = Path(__file__).resolve().parent.parent
HOST = "licenses.example.com"
PASSWORD = "correct horse battery staple"
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "PIP_")


def clean_environment(**extra: str) -> dict[str, str]:
    """What a new shell has, without the settings of the test run."""
    return {name: value for name, value in os.environ.items() if name.startswith(KEPT)} | extra


def ignored_by_docker() -> list[str]:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def is_ignored(path: str, patterns: list[str]) -> bool:
    """As Docker reads the patterns that we use: from the root, or at any depth after `**/`."""
    return any(
        fnmatch.fnmatchcase(Path(path).name if pattern.startswith("**/") else path, pattern.removeprefix("**/"))
        for pattern in patterns
    )


def copy_of_the_tree(folder: Path) -> Path:
    """What `COPY . .` would send to the build: the tree without what .dockerignore names."""
    patterns = ignored_by_docker()

    def ignore(directory: str, names: list[str]) -> list[str]:
        return [name for name in names if is_ignored(os.path.relpath(os.path.join(directory, name), ROOT), patterns)]

    return Path(shutil.copytree(ROOT, folder, ignore=ignore))


def free_of_surprises(output: str) -> bool:
    """One line, and no stack trace."""
    return len(output.strip().splitlines()) == 1 and "Traceback" not in output


def production(port: int, **extra: str) -> dict[str, str]:
    settings = {
        "SECRET_KEY": "k3" * 8 + "0123456789abcdefghijklmnopqrstuvwxyz",
        "SITE_KEY_PEPPER": "p7" * 8 + "zyxwvutsrqponmlkjihgfedcba9876543210",
        "ALLOWED_HOSTS": HOST,
        # Enrolling a second factor is the panel's business; here a password is enough.
        "REQUIRE_TWO_FACTOR": "false",
        "WEB_CONCURRENCY": "1",
        "BIND": f"127.0.0.1:{port}",
    }
    return clean_environment(**settings | extra)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the image has it: what is sent to the build, in the two steps of the Dockerfile."""
    folder = copy_of_the_tree(tmp_path_factory.mktemp("image") / "app")
    for step in ("packages", "static"):
        subprocess.run(
            [folder / "scripts/container/build.sh", folder, step],
            env=clean_environment(PYTHON=sys.executable),
            check=True,
            timeout=600,
        )
    return folder


def is_healthy(folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [folder / ".venv/bin/python", folder / "scripts/container/healthcheck.py"],
        cwd="/",
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.fixture
def served(built: Path) -> Iterator[tuple[Path, int, dict[str, str]]]:
    """The entrypoint's server with production settings: its folder, its port, its environment."""
    port = free_port()
    environment = production(port)
    process = subprocess.Popen([built / "scripts/container/entrypoint.sh"], cwd="/", env=environment)
    try:
        deadline = time.monotonic() + 60
        while is_healthy(built, environment).returncode:
            assert process.poll() is None, "the entrypoint ended"
            assert time.monotonic() < deadline, "no health within a minute"
        yield built, port, environment
    finally:
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(40) == 0


def ask(port: int, method: str, path: str, body: object = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(
            method,
            path,
            body=None if body is None else json.dumps(body),
            headers={"Host": HOST, "Content-Type": "application/json"},
        )
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_the_built_folder_serves_with_production_settings(served: tuple[Path, int, dict[str, str]]) -> None:
    folder, port, environment = served
    subprocess.run(
        [folder / "scripts/container/entrypoint.sh", "createsuperuser", "--noinput"],
        env=environment
        | {
            "DJANGO_SUPERUSER_USERNAME": "olga",
            "DJANGO_SUPERUSER_EMAIL": "olga@vendor.example",
            "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
        },
        check=True,
        timeout=60,
    )
    status, body = ask(port, "POST", "/api/auth/login", {"username": "olga", "password": PASSWORD})
    assert status == 200, body
    assert json.loads(body)["access"]
    status, page = ask(port, "GET", "/admin/login/")
    assert status == 200
    stylesheet = next(word for word in page.decode().split('"') if word.endswith(".css"))
    assert ask(port, "GET", stylesheet)[0] == 200


class Server(BaseHTTPRequestHandler):
    """Remembers for which host it was asked, and is as healthy as `status` says."""

    asked_for: list[str | None] = []
    status = 200

    def do_GET(self) -> None:
        self.asked_for.append(self.headers["Host"])
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(b'{"status": "ok"}')

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(
    ("allowed", "asked_for"),
    [
        (HOST, HOST),
        (".example.com,other.example", "example.com"),
        (f"{HOST},localhost", "localhost"),
        ("*", "127.0.0.1"),
    ],
)
@pytest.mark.parametrize(("status", "exit_code"), [(200, 0), (503, 1)])
def test_the_health_check_asks_for_a_host_that_is_allowed(
    built: Path, monkeypatch: pytest.MonkeyPatch, allowed: str, asked_for: str, status: int, exit_code: int
) -> None:
    monkeypatch.setattr(Server, "asked_for", [])
    monkeypatch.setattr(Server, "status", status)
    with HTTPServer(("127.0.0.1", free_port()), Server) as server:
        answering = Thread(target=server.handle_request)
        answering.start()
        checked = is_healthy(built, production(server.server_port, ALLOWED_HOSTS=allowed))
        answering.join()
    assert Server.asked_for == [asked_for]
    assert checked.returncode == exit_code
    assert checked.stderr == ("" if exit_code == 0 else f"/health at port {server.server_port} answers 503.\n")


def test_the_health_check_fails_when_nothing_listens(built: Path) -> None:
    refused = is_healthy(built, production(free_port()))
    assert refused.returncode == 1
    assert free_of_surprises(refused.stderr)


def test_the_entrypoint_runs_the_worker(built: Path, tmp_path: Path) -> None:
    log, environment = tmp_path / "log", production(free_port(), DATABASE_URL=f"sqlite:///{tmp_path}/new.sqlite3")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [built / "scripts/container/entrypoint.sh", "worker"], env=environment, stderr=output, cwd="/"
        )
    try:
        deadline = time.monotonic() + 60
        while "lacks tables" not in log.read_text():
            assert process.poll() is None, "it waits for the migration"
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
    finally:
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(40) == 0


def entrypoint_refusal(folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [folder / "scripts/container/entrypoint.sh"],
        env=production(free_port(), **settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_without_a_secret_the_entrypoint_says_what_to_set(built: Path) -> None:
    refused = entrypoint_refusal(built, SECRET_KEY="")
    assert refused.returncode == 1
    assert refused.stderr.startswith("Portcullis cannot start: Set SECRET_KEY")
    assert free_of_surprises(refused.stderr)


def test_the_entrypoint_refuses_settings_that_contradict_each_other(built: Path) -> None:
    refused = entrypoint_refusal(built, HTTPS_ONLY="true")
    assert refused.returncode == 1
    assert "portcullis.E003" in refused.stderr


def test_the_entrypoint_guesses_no_value_of_migrate(built: Path) -> None:
    refused = entrypoint_refusal(built, MIGRATE="maybe")
    assert refused.returncode == 2
    assert refused.stderr.endswith("MIGRATE must be true or false, not 'maybe'.\n")


def test_without_migrate_the_database_is_left_alone(built: Path, tmp_path: Path) -> None:
    database = tmp_path / "left-alone.sqlite3"
    port = free_port()
    environment = production(port, MIGRATE="false", DATABASE_URL=f"sqlite:///{database}")
    process = subprocess.Popen([built / "scripts/container/entrypoint.sh"], env=environment)
    try:
        deadline = time.monotonic() + 60
        while is_healthy(built, environment).returncode:
            assert process.poll() is None
            assert time.monotonic() < deadline
        status, _ = ask(port, "POST", "/api/auth/login", {"username": "olga", "password": PASSWORD})
        assert status in {500, 503}
    finally:
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(40) == 0


def test_the_dockerfile_only_calls_the_scripts() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert [line for line in lines if line.startswith("RUN ")] == [
        "RUN scripts/container/build.sh /app packages",
        "RUN scripts/container/build.sh /app static",
    ]
    assert "USER 10001:10001" in lines
    for line in lines:
        if line.startswith("ENTRYPOINT"):
            assert (ROOT / json.loads(line.removeprefix("ENTRYPOINT "))[0].removeprefix("/app/")).is_file()


@pytest.mark.parametrize("path", [".env", ".env.example", ".git", ".venv", "var", "sites/tests", "config/__pycache__"])
def test_secrets_databases_and_leftovers_stay_out_of_the_image(path: str) -> None:
    assert is_ignored(path, ignored_by_docker())

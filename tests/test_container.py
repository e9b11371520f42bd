"""The image, without a container engine: its own scripts build a folder and serve from it, on a read-only root.

`python -m tests.container_rootfs` follows the whole Dockerfile in a new root file system.
"""

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

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=60)]

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
    """As Docker reads the patterns that we use: from the root, or at any depth after `**/`; the last that fits wins."""
    fits = [
        not pattern.startswith("!")
        for pattern in patterns
        if fnmatch.fnmatchcase(
            Path(path).name if pattern.startswith("**/") else path, pattern.removeprefix("!").removeprefix("**/")
        )
    ]
    return bool(fits) and fits[-1]


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


def is_healthy(folder: Path, environment: dict[str, str], *which: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [folder / ".venv/bin/python", folder / "scripts/container/healthcheck.py", *which],
        cwd="/",
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


# Makes everything read-only but var/ and a folder for temporary files ("$2"), then runs the command. Ends with 77 if the
# folder that was built can still be written.
READ_ONLY_ROOT = """
set -e
for folder in "$1" "$1/var" "$2"; do mount --bind "$folder" "$folder"; done
for folder in "$1" /; do mount -o remount,bind,ro "$folder"; done
if touch "$1/written" 2>/dev/null; then exit 77; fi
export TMPDIR="$2"
shift 2
exec "$@"
"""


def with_a_read_only_root(built: Path, folder: Path) -> list[str]:
    """What to put before a command, so that it runs as in a container whose root file system is read-only."""
    unshare = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    tried = subprocess.run([*unshare, "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"this machine allows no mounts of its own: {tried.stderr.strip()}")
    return [*unshare, "sh", "-c", READ_ONLY_ROOT, "sh", str(built), str(folder)]


@pytest.fixture
def served(built: Path, tmp_path: Path) -> Iterator[tuple[Path, int, dict[str, str]]]:
    """The entrypoint's server on an empty database, on a read-only root: its folder, its port, its environment.

    Platforms give the port as PORT.
    """
    port = free_port()
    environment = production(1, PORT=str(port))
    process = subprocess.Popen(
        [*with_a_read_only_root(built, tmp_path), built / "scripts/container/entrypoint.sh"], cwd="/", env=environment
    )
    try:
        deadline = time.monotonic() + 60
        while not is_live(port):
            assert process.poll() is None, "the entrypoint ended"
            assert time.monotonic() < deadline, "no answer within a minute"
            time.sleep(0.2)
        yield built, port, environment
    finally:
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(40) == 0


def entrypoint(folder: Path, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [folder / "scripts/container/entrypoint.sh", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


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


def is_live(port: int) -> bool:
    try:
        return ask(port, "GET", "/health/live")[0] == 200
    except OSError:
        return False


def test_the_built_folder_serves_once_the_database_is_migrated(served: tuple[Path, int, dict[str, str]]) -> None:
    folder, port, environment = served
    waiting = subprocess.Popen([folder / "scripts/container/entrypoint.sh", "wait-for-migrations"], env=environment)
    status, _ = ask(port, "POST", "/api/auth/login", {"username": "olga", "password": PASSWORD})
    assert status in {500, 503}, "serving alone must leave the database as it is"
    assert waiting.poll() is None
    assert is_healthy(folder, environment).returncode == 1

    assert entrypoint(folder, environment, "migrate").returncode == 0
    assert waiting.wait(60) == 0
    assert is_healthy(folder, environment).returncode == 0
    olga = {
        "DJANGO_SUPERUSER_USERNAME": "olga",
        "DJANGO_SUPERUSER_EMAIL": "olga@vendor.example",
        "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
    }
    assert entrypoint(folder, environment | olga, "createsuperuser", "--noinput").returncode == 0
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


@pytest.mark.long
def test_the_entrypoint_runs_the_doorbell_on_a_read_only_root(built: Path, tmp_path: Path) -> None:
    """Platforms give the port as PORT."""
    environment = production(free_port(), PORT=str(free_port()))
    process = subprocess.Popen(
        [*with_a_read_only_root(built, tmp_path), built / "scripts/container/entrypoint.sh", "doorbell"],
        env=environment,
        cwd="/",
    )
    try:
        deadline = time.monotonic() + 60
        while (checked := is_healthy(built, environment, "doorbell")).returncode:
            assert free_of_surprises(checked.stderr)
            assert process.poll() is None, "the entrypoint ended"
            assert time.monotonic() < deadline, checked.stderr
            time.sleep(0.2)
    finally:
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(40) == 0


@pytest.mark.parametrize("command", ["serve", "doorbell"])
def test_without_a_secret_the_entrypoint_says_what_to_set(built: Path, command: str) -> None:
    refused = entrypoint(built, production(free_port(), SECRET_KEY=""), command)
    assert refused.returncode == 1
    assert refused.stderr.startswith("Portcullis cannot start: Set SECRET_KEY")
    assert free_of_surprises(refused.stderr)


def test_the_entrypoint_refuses_settings_that_contradict_each_other(built: Path) -> None:
    refused = entrypoint(built, production(free_port(), HTTPS_ONLY="true"))
    assert refused.returncode == 1
    assert "portcullis.E003" in refused.stderr


def test_the_entrypoint_guesses_no_value_of_migrate(built: Path) -> None:
    refused = entrypoint(built, production(free_port(), MIGRATE="maybe"))
    assert refused.returncode == 2
    assert refused.stderr.endswith("MIGRATE must be true or false, not 'maybe'.\n")


def test_a_command_that_fails_is_tried_again_after_its_time(built: Path) -> None:
    expected = "'no_such_command' failed; the next try is in 0 seconds.\n"
    with subprocess.Popen(
        [built / "scripts/container/entrypoint.sh", "every", "0", "no_such_command"],
        env=production(free_port()),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        failures = (line for line in process.stderr if line == expected)
        assert (next(failures), next(failures)) == (expected, expected)
        process.terminate()
        assert process.wait(20) == 0


def test_the_dockerfile_only_calls_the_scripts() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert [line for line in lines if line.startswith("RUN ")] == [
        "RUN scripts/container/build.sh /app packages",
        "RUN scripts/container/build.sh /app static",
        "RUN scripts/container/tools.sh",
    ]
    assert "USER 10001:10001" in lines
    for line in lines:
        if line.startswith("ENTRYPOINT"):
            assert (ROOT / json.loads(line.removeprefix("ENTRYPOINT "))[0].removeprefix("/app/")).is_file()


def test_the_dockerfile_is_free_of_what_hadolint_warns_of() -> None:
    hadolint = [Path(sys.executable).with_name("hadolint"), "--no-color"]
    linted = subprocess.run([*hadolint, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (linted.returncode, linted.stdout) == (0, "")
    careless = "FROM python\nRUN cd /app && pip install django\n"
    refused = subprocess.run([*hadolint, "-"], input=careless, capture_output=True, text=True, check=False)
    assert {"DL3006", "DL3003", "DL3013"} <= set(refused.stdout.split())


@pytest.mark.parametrize(
    "path",
    [".env", ".env.example", "secrets", "owner_url", ".git", ".venv", "var", "sites/tests", "config/__pycache__"],
)
def test_secrets_databases_and_leftovers_stay_out_of_the_image(path: str) -> None:
    assert is_ignored(path, ignored_by_docker())


def test_the_image_has_the_file_that_gives_rights_and_no_other_of_deploy(tmp_path: Path) -> None:
    deploy = copy_of_the_tree(tmp_path / "context") / "deploy"
    assert [str(file.relative_to(deploy)) for file in deploy.rglob("*")] == ["postgresql_grants.sql"]

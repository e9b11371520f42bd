"""The commands of Procfile and render.yaml, started as a platform starts them: its variables, its port, no .env."""

import os
import secrets
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from scripts.with_services import free_port
from tests.databases import empty_postgresql
from tests.test_container import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=60)]

PROCFILE = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
RENDER = yaml.safe_load((ROOT / "render.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = {service["name"]: service for service in RENDER["services"]}
START_WITHIN_SECONDS = 60


def platform_environment(database_url: str, **extra: str) -> dict[str, str]:
    """What every platform sets, and what the page about platforms tells people to set."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "ENV_FILE": os.devnull,
        "DATABASE_URL": database_url,
        "SECRET_KEY": secrets.token_hex(32),
        "SITE_KEY_PEPPER": secrets.token_hex(32),
        "TRUSTED_PROXIES": "10.0.0.0/8",
        "HTTPS_ONLY": "true",
        "WEB_CONCURRENCY": "1",
        "GUNICORN_THREADS": "4",
        **extra,
    }


@contextmanager
def running(command: str, environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["sh", "-c", f"exec {command}"], cwd=ROOT, env=environment, stdout=output, stderr=output
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_WITHIN_SECONDS
    while not condition():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.2)


def answers(port: int, path: str, host: str) -> bool:
    """To the platform's proxy, which says that the client came over HTTPS."""
    try:
        answer = requests.get(f"http://127.0.0.1:{port}{path}", headers={"Host": host}, timeout=5)
    except (requests.ConnectionError, requests.Timeout):
        return False
    return answer.status_code == 200


def run(command: str, environment: dict[str, str]) -> None:
    done = subprocess.run(["sh", "-c", command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_procfile_on_heroku(postgres_url: str, tmp_path: Path) -> None:
    host, port = "portcullis-0123456789ab.herokuapp.com", free_port()
    url = empty_postgresql(postgres_url).replace("postgresql://", "postgres://", 1)
    heroku = {"DYNO": "web.1", "HEROKU_APP_DEFAULT_DOMAIN_NAME": host, "PORT": str(port)}
    environment = platform_environment(url, **heroku)
    run(PROCFILE["release"], environment)
    log = tmp_path / "web.log"
    with running(PROCFILE["web"], environment, log) as web:
        wait_until(lambda: answers(port, "/health", host), web, log)
        elsewhere = requests.get(f"http://127.0.0.1:{port}/admin/login/", headers={"Host": "evil.example"}, timeout=5)
        assert elsewhere.status_code == 400
        asked = requests.get(
            f"http://127.0.0.1:{port}/admin/login/", headers={"Host": host}, timeout=5, allow_redirects=False
        )
        assert (asked.status_code, asked.headers["Location"]) == (301, f"https://{host}/admin/login/")
    said = log.read_text()
    assert "(portcullis.W004) The next release will lose: firmware in" in said
    assert "the database in" not in said
    log = tmp_path / "worker.log"
    with running(PROCFILE["worker"], environment, log) as worker:
        wait_until(lambda: "prune" in log.read_text() or "worker" in log.read_text().lower(), worker, log)
        assert worker.poll() is None


def test_the_blueprint_on_render(postgres_url: str, tmp_path: Path) -> None:
    url = empty_postgresql(postgres_url)
    port, host = free_port(), "portcullis-web.onrender.com"
    environment = {**settings_of("portcullis-web", url), "PORT": str(port), "RENDER": "true", "ALLOWED_HOSTS": host}
    web = SERVICES["portcullis-web"]
    run(here(web["preDeployCommand"]), environment)
    log = tmp_path / "web.log"
    with running(here(web["dockerCommand"]), environment, log) as process:
        wait_until(lambda: answers(port, web["healthCheckPath"], host), process, log)
    doorbell, port, log = SERVICES["portcullis-doorbell"], free_port(), tmp_path / "doorbell.log"
    with running(here(doorbell["dockerCommand"]), {**environment, "PORT": str(port)}, log) as process:
        wait_until(lambda: answers(port, doorbell["healthCheckPath"], host), process, log)


def here(command: str) -> str:
    """The image has the project in /app."""
    return command.replace("/app/", f"{ROOT}/")


def settings_of(name: str, database_url: str) -> dict[str, str]:
    """The variables that the blueprint gives to a service. What a person types in is empty, and there is no Redis."""
    groups = {group["name"]: group["envVars"] for group in RENDER["envVarGroups"]}
    given = platform_environment(database_url)
    for variable in SERVICES[name]["envVars"]:
        for one in groups[variable["fromGroup"]] if "fromGroup" in variable else [variable]:
            if "value" in one:
                given[one["key"]] = one["value"]
            elif one.get("sync") is False:
                given[one["key"]] = ""
    return given

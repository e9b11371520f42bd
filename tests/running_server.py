"""The product as shipped, on a free port: migrated database, first sysadmin, gunicorn with two workers."""

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from scripts.with_services import free_port

ROOT = Path(__file__).resolve().parent.parent
ADMIN, PASSWORD = "anna", "correct horse battery staple"
START_WITHIN_SECONDS = 60
SET_UP = """
import sys
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
call_command("createsuperuser", interactive=False, username=sys.argv[1], email="anna@vendor.example", verbosity=0)
for command in sys.argv[2:]:
    call_command(command, interactive=False, verbosity=0)
"""
RESOLVE_INCIDENTS = """
from django.utils import timezone
from alerts.incidents.services import resolve_incidents
from alerts.models import Incident
resolve_incidents(list(Incident.objects.unresolved().values_list("pk", flat=True)), at=timezone.now())
"""


@dataclass
class RunningServer:
    """Production settings; everything that it prints goes to `log`."""

    database_url: str
    folder: Path
    redis_url: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    root: Path = ROOT

    def __post_init__(self) -> None:
        self.log = self.folder / "server.log"
        inherited = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "TMPDIR"}}
        self.environment = inherited | {
            "ENV_FILE": "/dev/null",
            "SECRET_KEY": secrets.token_urlsafe(50),
            "SITE_KEY_PEPPER": secrets.token_urlsafe(50),
            "ALLOWED_HOSTS": "127.0.0.1",
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "REQUIRE_TWO_FACTOR": "false",  # enrolling is tested by itself
            "WEB_CONCURRENCY": "2",
            "FIRMWARE_FOLDER": str(self.folder / "firmware"),
            "MEDIA_ROOT": str(self.folder / "files"),
            **self.settings,
        }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def manage(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=self.root,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def set_up(self, *commands: str) -> None:
        """Migrate the database, create the first sysadmin, and run more commands, in one process: each start takes a second."""
        done = subprocess.run(
            [sys.executable, "-c", SET_UP, ADMIN, *commands],
            cwd=self.root,
            env=self.environment | {"DJANGO_SETTINGS_MODULE": "config.settings", "DJANGO_SUPERUSER_PASSWORD": PASSWORD},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def launch(self, *command: str) -> subprocess.Popen[bytes]:
        """Another process of the product, by default gunicorn, with the same settings and the same log."""
        gunicorn = ("-m", "gunicorn", "config.wsgi", "-b", f"127.0.0.1:{self.port}")
        with self.log.open("ab") as output:
            return subprocess.Popen(
                [sys.executable, *(command or gunicorn)],
                cwd=self.root,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def start(self) -> None:
        self.process = self.launch()
        deadline = time.monotonic() + START_WITHIN_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if requests.get(f"{self.url}/health/live", timeout=1).ok:
                    return
            except requests.RequestException:
                time.sleep(0.1)
        if self.process.poll() is None:
            self.stop()
        raise AssertionError(f"the server did not start:\n{self.log.read_text()}")

    def stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def sign_in(self) -> "Client":
        client = Client(self)
        answer = client.post("/api/auth/login", {"username": ADMIN, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        client.headers["Authorization"] = f"Bearer {answer.json()['access']}"
        return client

    def log_entries(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]


class Client:
    """JSON over HTTP, on a connection of its own."""

    def __init__(self, server: RunningServer, **headers: str) -> None:
        self.url, self.session, self.headers = server.url, requests.Session(), dict(headers)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        return self.session.request(
            method, self.url + path, json=body, headers=self.headers | headers, timeout=15, allow_redirects=False
        )

    def get(self, path: str, **headers: str) -> requests.Response:
        return self.send("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> requests.Response:
        return self.send("POST", path, body, **headers)


@dataclass
class Site:
    """A local backend."""

    server: RunningServer
    site_id: str
    key: str

    def call_home(self, path: str = "/api/heartbeat", key: str | None = None, **report: Any) -> requests.Response:
        client = Client(self.server, **{"X-Site-ID": self.site_id, "X-Site-Key": key or self.key})
        return client.post(path, {"version": "1.0.0", "uptime_seconds": 60, **report})


def register(api: Client, server: RunningServer, path: str = "/api/sites", **facts: Any) -> Site:
    body = {"name": "Trattoria Roma", "owner_name": "Giulia", "contact_email": "giulia@roma.example", **facts}
    answer = api.post(path, body)
    assert answer.status_code == 201, answer.text
    return Site(server, answer.json()["site_id"], answer.json()["secret_key"])


def resolve_incidents(server: RunningServer) -> None:
    """All of them: tests that come later use this server, too."""
    done = server.manage("shell", "-c", RESOLVE_INCIDENTS, "--verbosity=0")
    assert done.returncode == 0, done.stderr

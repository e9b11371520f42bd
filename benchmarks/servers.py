"""The servers that are measured, each on a free port of 127.0.0.1."""

import http.client
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.postgres import Database
from scripts import with_services

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
WORKERS = 2
THREADS = 8  # the default of gunicorn.conf.py; the rival gets as many connections to PostgreSQL
HISTORY = "heartbeat_heartbeat"
INHERITED = ("PATH", "HOME", "LANG", "TMPDIR")
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Server:
    """`pid` is the process from which all of its others descend."""

    pid: int
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def serving(
    name: str, arguments: list[str], port: int, folder: Path, environment: dict[str, str], root: Path = ROOT
) -> Iterator[Server]:
    """Started in the root of a checkout, answering; its output goes to `folder/name.log`."""
    log = folder / f"{name}.log"
    # A process group of its own: Ctrl-C reaches it through us, and nothing of it is left when it had to be killed.
    options = {"cwd": root, "env": environment, "start_new_session": True}
    pid = None
    try:
        with with_services.running(arguments, port, log, **options) as process:
            pid = process.pid
            wait_for_answer(port)
            yield Server(pid, port, log)
    finally:
        if pid is not None:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)


def clean_up_when_stopped() -> None:
    """Let every `with` end what it began when this program gets a signal to stop, even several times."""

    def stop(*_: object) -> None:
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        sys.exit("Stopped.")

    for number in STOP_SIGNALS:
        signal.signal(number, stop)


def wait_for_answer(port: int) -> None:
    """Any answer will do: it says that the application is loaded, which the open port does not."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=with_services.START_WITHIN_SECONDS)
    try:
        connection.request("GET", "/health/live")
        connection.getresponse().read()
    finally:
        connection.close()


def inherited() -> dict[str, str]:
    return {name: os.environ[name] for name in INHERITED if name in os.environ}


# --- Portcullis ---------------------------------------------------------------------------------------------------


def production_settings(database: Database, **settings: str) -> dict[str, str]:
    """The environment of the product in production: fresh secrets, everything else at its default.

    127.0.0.1 is a trusted proxy, so that one machine can play many addresses by X-Forwarded-For.
    """
    return inherited() | {
        "ENV_FILE": os.devnull,
        "SECRET_KEY": secrets.token_urlsafe(50),
        "SITE_KEY_PEPPER": secrets.token_urlsafe(50),
        "ALLOWED_HOSTS": "127.0.0.1",
        "TRUSTED_PROXIES": "127.0.0.1",
        "REQUIRE_TWO_FACTOR": "false",
        "DATABASE_URL": database.url,
        "WEB_CONCURRENCY": str(WORKERS),
        **settings,
    }


def manage(environment: dict[str, str], *arguments: str) -> None:
    subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, env=environment, check=True)


def prepare(environment: dict[str, str]) -> None:
    """What an operator does before the first start."""
    manage(environment, "migrate", "--verbosity=0")
    manage(environment, "collectstatic", "--noinput", "--verbosity=0")


@contextmanager
def shipped(environment: dict[str, str], folder: Path) -> Iterator[Server]:
    """As the README says: gunicorn with gunicorn.conf.py."""
    port = with_services.free_port()
    arguments = [sys.executable, "-m", "gunicorn", "config.wsgi", "-b", f"127.0.0.1:{port}"]
    with serving("gunicorn", arguments, port, folder, environment) as server:
        yield server


@contextmanager
def granian(environment: dict[str, str], folder: Path) -> Iterator[Server]:
    """The same callable on the alternative server."""
    port = with_services.free_port()
    arguments = [str(BIN / "granian"), "--interface", "wsgi", "--http", "1", "--host", "127.0.0.1", "--port", str(port)]
    arguments += ["--workers", str(WORKERS), "--blocking-threads", "4", "--no-access-log", "config.wsgi:application"]
    with serving("granian", arguments, port, folder, environment) as server:
        yield server


# --- What it is compared with -------------------------------------------------------------------------------------


def prepare_rival(database: Database, *, sites: int) -> None:
    psql = [str(with_services.postgresql_bin() / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1"]
    schema = str(Path(__file__).with_name("schema.sql"))
    subprocess.run(
        [*psql, "-v", f"n={sites}", "-v", "ff=85", "-f", schema, database.url],
        env=inherited() | {"PGOPTIONS": "-c client_min_messages=warning"},
        check=True,
    )


@contextmanager
def rival(database: Database, folder: Path) -> Iterator[Server]:
    port = with_services.free_port()
    arguments = [str(BIN / "uvicorn"), "--host", "127.0.0.1", "--port", str(port), "--workers", str(WORKERS)]
    arguments += ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]
    environment = inherited() | {
        "DATABASE_URL": database.url.replace("postgres://", "postgresql+asyncpg://", 1),
        "POOL_SIZE": str(THREADS),
    }
    with serving("rival", [*arguments, "benchmarks.rival:app"], port, folder, environment) as server:
        yield server


@contextmanager
def bare_django(folder: Path) -> Iterator[Server]:
    """On the same gunicorn.conf.py as the product."""
    port = with_services.free_port()
    # -m gunicorn reads gunicorn.conf.py in the repository's root, like the product's.
    arguments = [sys.executable, "-m", "gunicorn", "django.core.wsgi:get_wsgi_application()"]
    environment = inherited() | {
        "ENV_FILE": os.devnull,
        "DJANGO_SETTINGS_MODULE": "benchmarks.bare_django",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "WEB_CONCURRENCY": str(WORKERS),
    }
    with serving("bare-django", [*arguments, "-b", f"127.0.0.1:{port}"], port, folder, environment) as server:
        yield server

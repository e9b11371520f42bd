#!/usr/bin/env python3
"""Set up whatever is missing, start the server, the doorbell and the worker, and say what to do next.

`make run` calls it; again is safe. The first run writes `.env` with fresh secrets, prepares the database and makes the first
admin. Later runs leave all three as they are. PORT (or BIND, as HOST:PORT) chooses the address.
"""

import errno
import json
import os
import secrets
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

from container.healthcheck import LOOPBACK_OF, ROOT, allowed_host, bind_address, environment, why_not_healthy

ENV_FILE = ROOT / ".env"
FIRST_ADMIN_FILE = ROOT / "var" / "first-admin.json"
START_WITHIN_SECONDS = 60
STOP_WITHIN_SECONDS = 30
LOOK_EVERY_SECONDS = 2
DOORBELL_WITHIN_SECONDS = 10
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

SHELL_COMMANDS = """\
API={url}/api
field() {{ python3 -c 'import json, sys; a = json.load(sys.stdin); print(a.get(sys.argv[1]) or sys.exit(a))' "$1"; }}

# Sign in
TOKEN=$({curl} $API/auth/login -H 'Content-Type: application/json' \\
  -d {credentials} | field access)

# Register a site: its key is shown in this response only
SITE=$({curl} $API/sites -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
  -d '{{"name": "Trattoria Roma", "owner_name": "Giulia Conti", "contact_email": "giulia@roma.example"}}')
SITE_ID=$(printf %s "$SITE" | field site_id)
SITE_KEY=$(printf %s "$SITE" | field secret_key)

# Send a heartbeat, as the local backend in the restaurant does
{curl} $API/heartbeat -H "X-Site-ID: $SITE_ID" -H "X-Site-Key: $SITE_KEY" \\
  -H 'Content-Type: application/json' -d '{{"version": "1.0.0", "uptime_seconds": 60}}'; echo

# Lock it, and send another heartbeat: the reply has changed
{curl} $API/sites/$SITE_ID/lock -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
  -d '{{"reason": "The invoice of May is open"}}'; echo
{curl} $API/heartbeat -H "X-Site-ID: $SITE_ID" -H "X-Site-Key: $SITE_KEY" \\
  -H 'Content-Type: application/json' -d '{{"version": "1.0.0", "uptime_seconds": 120}}'; echo

# Unlock it
{curl} -X POST $API/sites/$SITE_ID/unlock -H "Authorization: Bearer $TOKEN"; echo
"""


@dataclass(frozen=True)
class FirstAdmin:
    """With a `link` in place of the password if FIRST_ADMIN_EMAIL named them."""

    username: str
    password: str = ""
    link: str = ""


# --- What the first run makes -------------------------------------------------------------------------------------


def prepare() -> FirstAdmin | None:
    """All that the server needs. The first admin if this run made them, else None."""
    write_env_file()
    environment.load_env_file(ROOT)
    refuse_a_taken_port()
    FIRST_ADMIN_FILE.parent.mkdir(exist_ok=True)
    prepared = json.loads(manage("prepare", "--json"))
    if "first_admin" in prepared:
        return FirstAdmin(**prepared["first_admin"])
    return None if prepared["has_admin"] else create_first_admin()


def write_env_file() -> None:
    """Settings to try things out with, unless there are any. What comes from a NAME_FILE is left out: both is refused."""
    if ENV_FILE.exists() or os.environ.get("ENV_FILE"):
        return
    values = {"DEBUG": "true"} | {name: secrets.token_urlsafe(50) for name in ("SECRET_KEY", "SITE_KEY_PEPPER")}
    lines = [f"{name}={value}\n" for name, value in values.items() if not os.environ.get(f"{name}_FILE")]
    write_private(ENV_FILE, "# Made by `make run`, for trying out. For production see .env.example.\n" + "".join(lines))
    print("Wrote .env with fresh secrets.")


def write_private(path: Path, content: str) -> None:
    """Readable by this user alone, from the first moment on."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(content)


def refuse_a_taken_port() -> None:
    host, port = bind_address()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                sys.exit(
                    f"Port {port} is taken: stop what listens there or choose another, as in 'PORT=8001 make run'."
                )
            sys.exit(f"Cannot listen at {host}:{port}: {error.strerror or error}.")


def manage(*arguments: str, **extra_environment: str) -> str:
    """What the management command prints; ends this program with the command's own last line when it fails."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=os.environ | extra_environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        sys.exit(f"`manage.py {arguments[0]}` failed: {lines[-1]}")
    return done.stdout


def create_first_admin() -> FirstAdmin:
    admin = FirstAdmin(
        os.environ.get("DJANGO_SUPERUSER_USERNAME") or "admin",
        os.environ.get("DJANGO_SUPERUSER_PASSWORD") or secrets.token_urlsafe(15),
    )
    # Written before the admin exists: a password that is lost half-way would lock everybody out.
    write_private(FIRST_ADMIN_FILE, json.dumps({"username": admin.username, "password": admin.password}) + "\n")
    manage(
        "createsuperuser",
        "--noinput",
        DJANGO_SUPERUSER_USERNAME=admin.username,
        DJANGO_SUPERUSER_EMAIL=os.environ.get("DJANGO_SUPERUSER_EMAIL") or "admin@portcullis.example",
        DJANGO_SUPERUSER_PASSWORD=admin.password,
    )
    return admin


# --- The server and the worker ------------------------------------------------------------------------------------


def end_by_signals() -> None:
    for number in STOP_SIGNALS:
        signal.signal(number, lambda *_: sys.exit(0))


@contextmanager
def running_server() -> Iterator[subprocess.Popen]:
    """The server, answering; it is stopped at the end, and when this program gets a signal to stop."""
    end_by_signals()
    # A session of its own: Ctrl-C reaches it once and through us, and a closed terminal does not mean "reload" to it.
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "config.wsgi"],
        cwd=ROOT,
        env=os.environ | {"BIND": in_one(*bind_address())},
        start_new_session=True,
    )
    try:
        wait_until_healthy(process)
        yield process
    finally:
        stop(process)


def in_one(host: str, port: int) -> str:
    """As gunicorn takes it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@contextmanager
def running_worker() -> Iterator[None]:
    with kept_running("manage.py", "worker"):
        yield


@contextmanager
def running_doorbell() -> Iterator[tuple[str, int] | None]:
    """The doorbell on a free port, of which a server that starts within learns: its address.

    With DOORBELL_URL in the settings, also an empty one, there is none here: None.
    """
    if "DOORBELL_URL" in os.environ or "DOORBELL_URL_FILE" in os.environ:
        yield None
        return
    end_by_signals()
    host, _ = bind_address()
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        port = probe.getsockname()[1]
    os.environ["DOORBELL_BIND"] = in_one(host, port)
    os.environ["DOORBELL_URL"] = f"{url_at(port)}/doorbell"
    with kept_running("-m", "gunicorn", "-c", "config/doorbell/gunicorn_settings.py"):
        yield host, port


@contextmanager
def kept_running(*command: str) -> Iterator[None]:
    """A process of Python beside the server, which is started again if it ends by itself."""
    ending = Event()
    thread = Thread(target=keep_running, args=[ending, command])
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()


def keep_running(ending: Event, command: tuple[str, ...]) -> None:
    while not ending.is_set():
        # A session of its own: Ctrl-C reaches it once and through us.
        process = subprocess.Popen([sys.executable, *command], cwd=ROOT, start_new_session=True)
        while not ending.wait(LOOK_EVERY_SECONDS) and process.poll() is None:
            pass
        process.terminate()
        try:
            process.wait(STOP_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_healthy(process: subprocess.Popen) -> None:
    deadline = time.monotonic() + START_WITHIN_SECONDS
    problem: str | None = "It ended."
    while process.poll() is None and time.monotonic() < deadline:
        problem = why_not_healthy()
        if problem is None:
            return
        time.sleep(0.1)
    sys.exit(f"The server did not start; its log stands above. {problem}")


def wait_for_end(process: subprocess.Popen) -> int:
    """Its exit code. Python handles a signal that arrives just before a wait without an end only after that wait."""
    while process.poll() is None:
        time.sleep(0.5)
    return process.returncode


def stop(process: subprocess.Popen) -> None:
    """Let it finish its requests; a second Ctrl-C stops it at once."""
    for number in STOP_SIGNALS:
        signal.signal(number, lambda *_: process.send_signal(signal.SIGINT))
    process.terminate()
    try:
        process.wait(STOP_WITHIN_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


# --- What it says -------------------------------------------------------------------------------------------------


def server_url() -> str:
    """Where a client on this machine reaches the server."""
    return url_at(bind_address()[1])


def url_at(port: int) -> str:
    host, _ = bind_address()
    name = allowed_host()
    if name == "127.0.0.1":
        name = LOOPBACK_OF.get(host, host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def how_to_sign_in(first_admin: FirstAdmin | None) -> str:
    if first_admin and first_admin.link:
        path = urllib.parse.urlsplit(first_admin.link).path
        return f"  User name      {first_admin.username}\n  Password       set it here, once: {server_url()}{path}"
    if first_admin:
        return (
            f"  User name      {first_admin.username}\n"
            f"  Password       {first_admin.password}\n"
            f"                 shown this once; for `make demo` it is also in {FIRST_ADMIN_FILE.relative_to(ROOT)}"
        )
    username = os.environ.get("FIRST_ADMIN_EMAIL") or "admin"
    if FIRST_ADMIN_FILE.exists():
        username = json.loads(FIRST_ADMIN_FILE.read_text(encoding="utf-8"))["username"]
    command = f"{shlex.quote(sys.executable)} {shlex.quote(str(ROOT / 'manage.py'))} changepassword {username}"
    return f"  User name      {username}\n  Password       shown at the first run; this sets a new one:\n  {command}"


def where_the_doorbell_is(address: tuple[str, int] | None) -> str:
    if address is None:
        return environment.text("DOORBELL_URL", "none: DOORBELL_URL is empty")
    deadline = time.monotonic() + DOORBELL_WITHIN_SECONDS
    while why_not_healthy(address, "/doorbell/health"):
        if time.monotonic() > deadline:
            return "does not start; its log is above. Sites notice changes at their next heartbeat."
        time.sleep(0.1)
    return environment.text("DOORBELL_URL")


def what_runs_where(first_admin: FirstAdmin | None, doorbell: tuple[str, int] | None) -> str:
    url = server_url()
    return (
        f"\nPortcullis runs at {url}. Ctrl-C stops it.\n\n"
        f"  Control panel  {url}/admin/\n"
        f"  API            {url}/docs\n"
        f"  Doorbell       {where_the_doorbell_is(doorbell)}\n"
        f"{how_to_sign_in(first_admin)}\n"
    )


def shell_commands() -> str:
    """Commands that work when they are pasted into another terminal as they stand."""
    url = server_url()
    credentials = """'{"username": "admin", "password": "PUT YOUR PASSWORD HERE"}'"""
    if FIRST_ADMIN_FILE.exists():
        credentials = shlex.quote(f"@{FIRST_ADMIN_FILE}")
    # A proxy in the environment would be asked for this machine's own address.
    proxied = "http" in urllib.request.getproxies() or "all" in urllib.request.getproxies()
    curl = "curl -sS --noproxy '*'" if proxied else "curl -sS"
    return SHELL_COMMANDS.format(url=url, curl=curl, credentials=credentials)


def main() -> int:
    os.chdir(ROOT)
    first_admin = prepare()
    with running_doorbell() as doorbell, running_server() as process, running_worker():
        print(what_runs_where(first_admin, doorbell))
        print("Paste into another terminal:\n")
        print(shell_commands(), flush=True)
        return wait_for_end(process)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)

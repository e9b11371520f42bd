"""`make run` on a machine that has never seen the project, by the same script in a copy of the tree."""

import json
import os
import re
import shlex
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from scripts.with_services import free_port
from tests.test_container import ROOT, clean_environment, copy_of_the_tree, free_of_surprises

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=100)]

WORKER = "manage.py worker"
DOORBELL = "-m gunicorn -c config/doorbell/gunicorn_settings.py"
READ_FROM_ENVIRONMENT = re.compile(
    r"""(?:env|environment)\.\w+\(\s*"([A-Z][A-Z0-9_]*)"|"""
    r"""environ(?:\.get\(|\.setdefault\(|\[)\s*"([A-Z][A-Z0-9_]*)"|"""
    r"""\$\{([A-Z][A-Z0-9_]*):"""
)


@contextmanager
def started(folder: Path, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The script, called from elsewhere, and all that it printed until the server answered."""
    with subprocess.Popen(
        [sys.executable, str(folder / "scripts" / "run.py")],
        cwd="/",
        env=clean_environment(**environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            printed = ""
            for line in process.stdout:
                printed += line
                if line.startswith("# Unlock"):
                    printed += process.stdout.readline()
                    break
            yield process, printed
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(40)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return copy_of_the_tree(tmp_path / "with a space")


def wait_for_child(parent: int, command: str = WORKER) -> list[int]:
    """The process id of the child of that process with this command."""
    found: list[int] = []

    def look() -> bool:
        listed = subprocess.run(
            ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(parent)], capture_output=True, text=True, check=False
        )
        found[:] = [int(line.split()[0]) for line in listed.stdout.splitlines() if line.endswith(command)]
        return bool(found)

    wait_until(look)
    return found


def manage(tree: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=tree, env=clean_environment(), capture_output=True, check=False)


def wait_until(check: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 40
    while not check():
        assert time.monotonic() < deadline, "not within 40 s"
        time.sleep(0.2)


def commands_in(printed: str) -> str:
    return printed[printed.index("API=http") :]


def paste(printed: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["sh"], input=commands_in(printed), capture_output=True, text=True, timeout=60, check=False)


@dataclass
class Run:
    """A tree whose server ran, what was printed, and what the printed commands answered."""

    tree: Path
    printed: str
    pasted: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    tree = copy_of_the_tree(tmp_path_factory.mktemp("first run") / "with a space")
    with started(tree, PORT=str(free_port())) as (_, printed):
        return Run(tree, printed, paste(printed))


def doorbell_in(printed: str) -> str:
    found = re.search(r"^  Doorbell +(.+)$", printed, re.MULTILINE)
    assert found, printed
    return found[1]


def test_the_first_run_prints_commands_that_work_as_they_stand(first_run: Run) -> None:
    assert "/admin/" in first_run.printed
    assert first_run.pasted.stderr == ""
    first, locked, second, unlocked = [json.loads(line) for line in first_run.pasted.stdout.splitlines()]
    assert (first["licensed"], first["locked"]) == (True, False)
    assert first["doorbell"] == doorbell_in(first_run.printed)
    assert locked["is_locked"]
    assert (second["locked"], second["lock_reason"]) == (True, "The invoice of May is open")
    assert not unlocked["is_locked"]


def test_the_first_run_writes_secrets_that_only_this_user_can_read(first_run: Run) -> None:
    tree, printed = first_run.tree, first_run.printed
    settings = dict(line.split("=", 1) for line in (tree / ".env").read_text().splitlines() if "=" in line)
    first_admin = json.loads((tree / "var" / "first-admin.json").read_text())
    assert settings.keys() == {"DEBUG", "SECRET_KEY", "SITE_KEY_PEPPER"}
    assert len(set(settings.values())) == 3
    for secret in (tree / ".env", tree / "var" / "first-admin.json"):
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert re.search(
        rf"User name +{first_admin['username']}\n +Password +{re.escape(first_admin['password'])}\n", printed
    )


def test_the_first_run_makes_the_first_signing_key_and_later_ones_keep_it(first_run: Run) -> None:
    listed = json.loads(manage(first_run.tree, "list_signing_keys", "--json").stdout)
    assert [key["state"] for key in listed["results"]] == ["signing"]
    assert manage(first_run.tree, "create_signing_key", "--if-none").returncode == 0
    assert json.loads(manage(first_run.tree, "list_signing_keys", "--json").stdout) == listed


@dataclass
class LaterRun:
    """A run of a tree that has run before, while its server runs."""

    tree: Path
    before: tuple[str, str]
    process: subprocess.Popen[str]
    printed: str


def kept_files(tree: Path) -> tuple[str, str]:
    return (tree / ".env").read_text(), (tree / "var" / "first-admin.json").read_text()


@pytest.fixture(scope="module")
def later_run(first_run: Run) -> Iterator[LaterRun]:
    before = kept_files(first_run.tree)
    with started(first_run.tree, PORT=str(free_port())) as (process, printed):
        yield LaterRun(first_run.tree, before, process, printed)


def test_a_later_run_keeps_everything_and_shows_no_password(later_run: LaterRun) -> None:
    tree, printed = later_run.tree, later_run.printed
    pasted = paste(printed)
    assert kept_files(tree) == later_run.before
    assert json.loads(later_run.before[1])["password"] not in printed
    assert shlex.quote(f"{tree}/manage.py") + " changepassword admin" in printed
    assert len(pasted.stdout.splitlines()) == 4


def test_a_worker_and_a_doorbell_that_end_are_started_again(later_run: LaterRun) -> None:
    process = later_run.process
    for command in (WORKER, DOORBELL):
        (killed,) = wait_for_child(process.pid, command)
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda command=command, killed=killed: wait_for_child(process.pid, command) != [killed])
    wait_until(lambda: manage(later_run.tree, "jobs", "--check").returncode == 0)
    wait_until(lambda: is_up(f"{doorbell_in(later_run.printed)}/health"))


def test_settings_that_are_there_are_respected(tree: Path) -> None:
    settings = "DEBUG=true\nDATABASE_URL=sqlite:///elsewhere.sqlite3\nDOORBELL_URL=\n"
    (tree / ".env").write_text(settings)
    with started(tree, BIND=f"127.0.0.1:{free_port()}", DJANGO_SUPERUSER_USERNAME="olga") as (_, printed):
        assert re.search("User name +olga\n", printed)
        assert doorbell_in(printed) == "none: DOORBELL_URL is empty"
    assert (tree / ".env").read_text() == settings
    assert (tree / "elsewhere.sqlite3").exists()
    assert not (tree / "var" / "portcullis.sqlite3").exists()


def test_a_taken_port_is_one_sentence(tree: Path) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        port = taken.getsockname()[1]
        refused = subprocess.run(
            [sys.executable, "scripts/run.py"],
            cwd=tree,
            env=clean_environment(PORT=str(port)),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"Port {port} is taken")
    assert free_of_surprises(refused.stderr)


# Each other test here stops the server with SIGTERM.
@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.long)])
def test_a_signal_stops_the_server_the_doorbell_and_the_worker(first_run: Run, number: signal.Signals) -> None:
    port = free_port()
    with started(first_run.tree, PORT=str(port)) as (process, printed):
        (worker,) = wait_for_child(process.pid)
        process.send_signal(number)
        assert process.wait(40) == 0
        for stopped in (port, urlsplit(doorbell_in(printed)).port):
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", stopped), timeout=2)
        assert not Path(f"/proc/{worker}").exists()


def test_a_signal_is_not_lost_that_arrives_just_before_the_script_waits() -> None:
    """As one that another thread gets: it does not interrupt what the main thread waits for."""
    script = f"""
import signal, subprocess, sys, threading, time
sys.path.insert(0, {str(ROOT / "scripts")!r})
import run

def signal_to_this_thread():
    time.sleep(1)
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

run.end_by_signals()
threading.Thread(target=signal_to_this_thread).start()
with subprocess.Popen(["sleep", "20"]) as waiting:
    try:
        run.wait_for_end(waiting)
    finally:
        waiting.kill()
"""
    begin = time.monotonic()
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
    assert time.monotonic() - begin < 15


@pytest.mark.long
def test_a_doorbell_that_does_not_start_is_one_line(tree: Path) -> None:
    (tree / "doorbell/asgi.py").write_text("raise RuntimeError\n")
    with started(tree, PORT=str(free_port())) as (_, printed):
        pasted = paste(printed)
    assert doorbell_in(printed).startswith("does not start; its log is above.")
    assert len(pasted.stdout.splitlines()) == 4


def is_up(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def test_the_example_lists_every_setting_that_is_read() -> None:
    readers = [
        "config/settings.py",
        "config/databases.py",
        *sorted(str(file.relative_to(ROOT)) for file in (ROOT / "config").glob("*_settings.py")),
        "config/leases.py",
        "config/doorbell/settings.py",
        "config/doorbell/gunicorn_settings.py",
        "gunicorn.conf.py",
        "manage.py",
        "config/environment.py",
    ]
    readers += [
        "scripts/run.py",
        "scripts/demo.py",
        "scripts/container/healthcheck.py",
        "scripts/container/entrypoint.sh",
    ]
    found = [READ_FROM_ENVIRONMENT.findall((ROOT / reader).read_text()) for reader in readers]
    # Those of libpq are not ours, and each setting may be read from a file.
    read = {name for hits in found for hit in hits for name in hit if name and not name.startswith("PG")}
    read -= {"FIRST_ADMIN_EMAIL_FILE"}
    listed = re.findall(r"^#?([A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert len(read) > 30, "the expression above no longer finds what the code reads"
    assert sorted(listed) == sorted(read)


def test_the_example_holds_no_secret_and_is_refused_as_it_stands(tree: Path) -> None:
    (tree / ".env").write_text((ROOT / ".env.example").read_text())
    refused = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=tree,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert refused.returncode == 1
    assert refused.stderr.startswith("Portcullis cannot start: Set SECRET_KEY")
    assert os.linesep not in refused.stderr.strip()

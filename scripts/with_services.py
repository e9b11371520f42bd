#!/usr/bin/env python3
"""Run a command with a throwaway PostgreSQL and a throwaway Redis, and stop both afterwards.

    scripts/with_services.py COMMAND [ARGUMENT …]

The command finds them as TEST_POSTGRES_URL (a superuser's, on the database `postgres`) and TEST_REDIS_URL. Both listen on
free ports of 127.0.0.1 and keep their data in a folder that is removed. Works as root, too: PostgreSQL, which refuses to
run as root, then runs as `postgres`.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import SystemRandom

START_WITHIN_SECONDS = 30
# Not synchronous_commit=off: VACUUM leaves out what was committed a moment before, and the tests of plans need it.
NOT_DURABLE = ["fsync=off", "full_page_writes=off", "max_wal_size=4GB"]

returned_ports: set[int] = set()


def free_port() -> int:
    """Below 32768, where the kernel does not hand out ports to outgoing connections.

    A server takes its port seconds later. Until then it is free for others too, so no port is returned twice, and each
    process of pytest-xdist has ports of its own.
    """
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    step = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    while True:
        port = SystemRandom().randrange(20_000 + number, 32_000, step)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in returned_ports:
            returned_ports.add(port)
            return port


def wait_for_port(port: int, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + START_WITHIN_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"{process.args[0]} did not start:\n{log.read_text(errors='replace')}")


@contextmanager
def running(arguments: list[str], port: int, log: Path, **options):
    with log.open("wb") as output:
        process = subprocess.Popen(arguments, stdout=output, stderr=subprocess.STDOUT, **options)
    try:
        wait_for_port(port, process, log)
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def postgresql_bin() -> Path:
    """The newest PostgreSQL of this machine."""
    versions = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if versions:
        return max(versions, key=lambda path: int(path.parent.name))
    found = shutil.which("initdb")
    if found is None:
        sys.exit("PostgreSQL is missing: install it with `apt-get install postgresql`.")
    return Path(found).resolve().parent


def as_postgres(folder: Path) -> dict[str, object]:
    """Arguments of Popen: PostgreSQL refuses to run as root, and works in a folder that it may enter."""
    return {"cwd": folder} | ({"user": "postgres", "extra_groups": []} if os.geteuid() == 0 else {})


def make_cluster(folder: Path) -> None:
    """New data of PostgreSQL in `folder`, with the superuser `portcullis`."""
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    command = [postgresql_bin() / "initdb", "-D", folder / "data", "-U", "portcullis", "-A", "trust"]
    options = ["-E", "UTF8", "--locale=C.UTF-8", "-N"]
    subprocess.run([*command, *options], check=True, stdout=subprocess.DEVNULL, **as_postgres(folder))


def postgresql_command(folder: Path, port: int, *, durable: bool) -> list[str]:
    arguments = [str(postgresql_bin() / "postgres"), "-D", str(folder / "data"), "-p", str(port), "-k", str(folder)]
    settings = ["listen_addresses=127.0.0.1", "max_connections=200", "log_min_messages=fatal"]
    for setting in settings if durable else [*settings, *NOT_DURABLE]:
        arguments += ["-c", setting]
    return arguments


@contextmanager
def postgresql(folder: Path, *, durable: bool = False):
    """Its URL and process id. Unless `durable` it does not wait for the disk: tests lose nothing by it, figures would lie."""
    port = free_port()
    make_cluster(folder)
    with running(
        postgresql_command(folder, port, durable=durable), port, folder / "log", **as_postgres(folder)
    ) as process:
        wait_until_ready(postgresql_bin(), port)
        yield f"postgres://portcullis@127.0.0.1:{port}/postgres", process.pid


@contextmanager
def standby(primary_url: str, folder: Path, name: str = ""):
    """A hot standby of a server that `postgresql` started: its URL and process id. It streams until it is promoted.

    `name` is that of its application, for synchronous_standby_names.
    """
    bin_folder, data, port = postgresql_bin(), folder / "data", free_port()
    user = {"user": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    if user:
        shutil.chown(folder, "postgres")
    source = f"{primary_url.rpartition('/')[0]}?application_name={name or folder.name}"
    command = [bin_folder / "pg_basebackup", "-d", source, "-D", data, "-R", "-X", "stream", "--checkpoint=fast", "-N"]
    subprocess.run(command, check=True, cwd=folder, **user)
    arguments = [str(bin_folder / "postgres"), "-D", str(data), "-p", str(port), "-k", str(folder)]
    for setting in ["listen_addresses=127.0.0.1", "max_connections=200", "log_min_messages=fatal", *NOT_DURABLE]:
        arguments += ["-c", setting]
    with running(arguments, port, folder / "log", cwd=folder, **user) as process:
        wait_until_ready(bin_folder, port)
        yield f"postgres://portcullis@127.0.0.1:{port}/{primary_url.rpartition('/')[2]}", process.pid


def wait_until_ready(bin_folder: Path, port: int) -> None:
    deadline = time.monotonic() + START_WITHIN_SECONDS
    while subprocess.run([bin_folder / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)], check=False).returncode:
        if time.monotonic() > deadline:
            sys.exit("PostgreSQL does not accept connections.")
        time.sleep(0.05)


def redis_command(port: int, folder: Path) -> list[str]:
    program = shutil.which("redis-server")
    if program is None:
        sys.exit("Redis is missing: install it with `apt-get install redis-server`.")
    arguments = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    return [*arguments, "--dir", str(folder)]


@contextmanager
def redis(folder: Path):
    port = free_port()
    with running(redis_command(port, folder), port, folder / "log") as process:
        yield f"redis://127.0.0.1:{port}/0", process.pid


def main() -> int:
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    with ExitStack() as stack:
        folders = [Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="portcullis-"))) for _ in range(2)]
        postgres_url, postgres_pid = stack.enter_context(postgresql(folders[0]))
        redis_url, redis_pid = stack.enter_context(redis(folders[1]))
        environment = os.environ | {
            "TEST_POSTGRES_URL": postgres_url,
            "TEST_POSTGRES_PID": str(postgres_pid),
            "TEST_REDIS_URL": redis_url,
            "TEST_REDIS_PID": str(redis_pid),
        }
        return subprocess.run(sys.argv[1:], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())

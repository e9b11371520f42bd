"""The faults. Each is a context: the fault begins where it is entered, and ends where it is left."""

import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass

import psycopg
import redis

from tests.faults.service import children
from tests.faults.slow_clients import slow_clients
from tests.faults.system import System

Run = Callable[[System], AbstractContextManager[None]]


@dataclass(frozen=True)
class Fault:
    """`seconds` is how long it lasts in the full run; a process that is killed comes back by itself in that time."""

    name: str
    run: Run
    kinds: tuple[str, ...] = ("postgresql",)  # of System
    seconds: float = 8
    needs_disk: bool = False
    is_a_kill: bool = False  # over as soon as it has begun; what follows is recovery
    ends_web_workers: bool = False


FAULTS: list[Fault] = []


def fault(name: str, **options: object) -> Callable[[Callable[[System], Iterator[None]]], Run]:
    def register(function: Callable[[System], Iterator[None]]) -> Run:
        run = contextmanager(function)
        FAULTS.append(Fault(name, run, **options))  # type: ignore[arg-type]
        return run

    return register


@contextmanager
def repeated(action: Callable[[], None], pause_seconds: float) -> Iterator[None]:
    """Again and again until the context is left."""
    ended = threading.Event()

    def loop() -> None:
        while not ended.wait(pause_seconds):
            action()

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


BOTH = ("postgresql", "sqlite")


@fault("a gunicorn worker is killed (-9)", is_a_kill=True, kinds=BOTH, seconds=4, ends_web_workers=True)
def web_worker_killed(system: System) -> Iterator[None]:
    os.kill(random.choice(children(system.web.pid)), signal.SIGKILL)
    yield


@fault("gunicorn's first process is killed (-9)", is_a_kill=True, kinds=BOTH, ends_web_workers=True)
def web_master_killed(system: System) -> Iterator[None]:
    system.web.send(signal.SIGKILL)
    yield


@fault("the worker of the periodic jobs is killed (-9)", is_a_kill=True, kinds=BOTH, seconds=4)
def job_worker_killed(system: System) -> Iterator[None]:
    system.worker.send(signal.SIGKILL)
    yield


@fault("nginx reads its configuration again, four times a second")
def nginx_reloaded(system: System) -> Iterator[None]:
    with repeated(system.nginx.reload, 0.25):
        yield


@fault("PostgreSQL is stopped, and started later")
def postgresql_stopped(system: System) -> Iterator[None]:
    system.postgresql.stop()
    yield
    system.postgresql.resume()


@fault("PostgreSQL is restarted", is_a_kill=True)
def postgresql_restarted(system: System) -> Iterator[None]:
    system.postgresql.send(signal.SIGINT)
    yield


@fault("PostgreSQL's first process is killed (-9)", is_a_kill=True)
def postgresql_killed(system: System) -> Iterator[None]:
    system.postgresql.send(signal.SIGKILL)
    yield


@fault("a PostgreSQL backend is killed (-9): all others end, and it recovers from its log", is_a_kill=True, seconds=4)
def postgresql_backend_killed(system: System) -> Iterator[None]:
    with psycopg.connect(system.server.database_url, autocommit=True) as connection:
        others = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        pid = connection.execute(f"{others} LIMIT 1").fetchone()
    if pid:
        os.kill(pid[0], signal.SIGKILL)
    yield


@fault("PostgreSQL's connections are cut one by one, twenty a second")
def postgresql_connections_cut(system: System) -> Iterator[None]:
    statement = """
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1
    """
    with (
        psycopg.connect(system.server.database_url, autocommit=True) as connection,
        repeated(lambda: connection.execute(statement), 0.05),
    ):
        yield


@contextmanager
def hanging(pid: int) -> Iterator[None]:
    """The process and its children are stopped in the middle: the kernel accepts connections, nobody answers."""
    stopped = [pid, *children(pid)]
    for each in stopped:
        with suppress(ProcessLookupError):
            os.kill(each, signal.SIGSTOP)
    try:
        yield
    finally:
        for each in stopped:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGCONT)


@fault("PostgreSQL hangs (SIGSTOP)")
def postgresql_hangs(system: System) -> Iterator[None]:
    with hanging(system.postgresql.pid):
        yield


@fault("PostgreSQL's disk is full, data and log", needs_disk=True, seconds=12)
def postgresql_disk_full(system: System) -> Iterator[None]:
    """New segments of the write-ahead log are asked for, so that the log has no space either."""
    assert system.disk is not None

    def next_segment() -> None:
        with suppress(psycopg.Error), psycopg.connect(system.server.database_url, connect_timeout=2) as connection:
            connection.execute("SELECT pg_switch_wal()")

    system.disk.fill()
    try:
        with repeated(next_segment, 0.5):
            yield
    finally:
        system.disk.empty()


@fault("Redis is stopped, and started later")
def redis_stopped(system: System) -> Iterator[None]:
    system.redis.stop()
    yield
    system.redis.resume()


@fault("Redis hangs (SIGSTOP)")
def redis_hangs(system: System) -> Iterator[None]:
    with hanging(system.redis.pid):
        yield


@fault("Redis is full (maxmemory 1, noeviction)")
def redis_full(system: System) -> Iterator[None]:
    with redis.Redis.from_url(system.server.redis_url) as client:
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", "1")
        yield
        client.config_set("maxmemory", "0")


@fault("the disk of SQLite and of the log is full", kinds=("sqlite",), needs_disk=True)
def sqlite_disk_full(system: System) -> Iterator[None]:
    assert system.disk is not None
    system.disk.fill()
    try:
        yield
    finally:
        system.disk.empty()


@fault("the clock of PostgreSQL and gunicorn jumps two hours ahead, and back", kinds=("clock",))
def clock_jumps_ahead(system: System) -> Iterator[None]:
    system.clock.set("+2h")
    yield
    system.clock.set("+0")


@fault("the clock of PostgreSQL and gunicorn jumps two hours back, and ahead again", kinds=("clock",))
def clock_jumps_back(system: System) -> Iterator[None]:
    system.clock.set("-2h")
    yield
    system.clock.set("+0")


@fault("500 clients send a byte a second to nginx", seconds=12)
def slow_clients_of_nginx(system: System) -> Iterator[None]:
    with slow_clients(system.nginx.port, certificate=str(system.nginx.certificate)):
        yield


@fault("500 clients send a byte a second to gunicorn, past nginx", kinds=BOTH, seconds=12)
def slow_clients_of_gunicorn(system: System) -> Iterator[None]:
    with slow_clients(system.server.port):
        yield

"""The whole product under supervision: nginx in front of gunicorn, with PostgreSQL and Redis, or with SQLite alone."""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from pathlib import Path

import requests

from scripts.with_services import (
    as_postgres,
    free_port,
    make_cluster,
    postgresql_bin,
    postgresql_command,
    redis_command,
    wait_until_ready,
)
from tests.faults.caller import Caller
from tests.faults.records import Records
from tests.faults.service import Service, SmallDisk, children, may_mount
from tests.nginx import SETTINGS_BEHIND_NGINX, NginxInFront
from tests.running_server import Client, RunningServer, Site, register
from tests.worker.faked_clock import FakedClock

KINDS = {
    "postgresql": "PostgreSQL and Redis",
    "sqlite": "SQLite, without Redis",
    "clock": "PostgreSQL and Redis, with a clock that jumps (libfaketime)",
}
# time.sleep fails under libfaketime 0.9.10 (EINVAL) if the steady clock stays right; gunicorn's first process needs it.
SLEEP_WITHOUT_CLOCK = "import select, time; time.sleep = lambda seconds: select.select([], [], [], seconds) and None"
SITES = 12
WEB_WORKERS = 2  # as RunningServer starts gunicorn
DISK_MEGABYTES = {"postgresql": 4000, "sqlite": 200, "clock": 1000}
SETTINGS = {
    **SETTINGS_BEHIND_NGINX,
    "HEARTBEATS_PER_MINUTE": "10000",  # few sites call often
    "ACCESS_TOKEN_SECONDS": "40000",
    "LOG_LEVEL": "WARNING",
    "METRICS_TOKEN": secrets.token_urlsafe(50),  # so that requests are counted
}


class System:
    """`kind` is `postgresql`, `sqlite`, or `clock`: PostgreSQL and the product have a clock that jumps when it is told to.

    `prepare` fills an empty database, by default with a migration and the first sysadmin.
    """

    def __init__(self, kind: str, *, prepare: Callable[[str], None] | None = None) -> None:
        self.kind, self.prepare = kind, prepare
        self.environment: dict[str, str] = {}
        self.services: list[Service] = []
        self.stack = ExitStack()
        self.disk: SmallDisk | None = None

    def __enter__(self) -> "System":
        with ExitStack() as stack:
            self.stack = stack
            self.start()
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.close()

    def start(self) -> None:
        self.folder, data = self.new_folder(), self.new_folder()
        if self.kind == "clock":
            self.folder.chmod(0o755)  # PostgreSQL's user reads the time there
            self.clock = FakedClock(self.folder)
            (self.folder / "sitecustomize.py").write_text(SLEEP_WITHOUT_CLOCK)
            self.environment = {**self.clock.environment, "NO_FAKE_STAT": "1", "PYTHONPATH": str(self.folder)}
        if may_mount():
            self.disk = self.stack.enter_context(SmallDisk(data, DISK_MEGABYTES[self.kind]))
        if self.kind == "sqlite":
            database_url, redis_url = f"sqlite:///{data}/portcullis.sqlite3", ""
        else:
            database_url, redis_url = self.start_postgresql(data), self.start_redis()
        # On SQLite the log is on the small disk too.
        log_folder = data if self.kind == "sqlite" else self.folder
        self.server = RunningServer(database_url, log_folder, redis_url, {**SETTINGS, **self.environment})
        if self.prepare:
            self.prepare(database_url)
        else:
            self.server.set_up()
        self.web = self.supervise(Service("gunicorn", self.server.launch))
        self.worker = self.supervise(Service("worker", partial(self.server.launch, "manage.py", "worker")))
        self.start_nginx()
        self.wait_until(self.is_healthy)

    def new_folder(self) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="portcullis-"))
        self.stack.callback(shutil.rmtree, folder, ignore_errors=True)
        return folder

    def supervise(self, service: Service) -> Service:
        service.start()
        self.services.append(service)
        self.stack.callback(service.close)
        return service

    def start_postgresql(self, folder: Path) -> str:
        make_cluster(folder)
        port = free_port()
        log = (self.folder / "postgresql.log").open("ab")
        self.stack.callback(log.close)
        command = postgresql_command(folder, port, durable=True)
        popen = partial(
            subprocess.Popen,
            command,
            stdout=log,
            stderr=log,
            env=os.environ | self.environment,
            **as_postgres(folder),
        )
        self.postgresql = self.supervise(Service("PostgreSQL", popen, stop_signal=signal.SIGINT))
        wait_until_ready(postgresql_bin(), port)
        return f"postgres://portcullis@127.0.0.1:{port}/postgres"

    def start_redis(self) -> str:
        port = free_port()
        log = (self.folder / "redis.log").open("ab")
        self.stack.callback(log.close)
        command = redis_command(port, self.folder)
        self.redis = self.supervise(Service("Redis", partial(subprocess.Popen, command, stdout=log, stderr=log)))
        return f"redis://127.0.0.1:{port}/0"

    def start_nginx(self) -> None:
        folder = self.folder / "nginx"
        folder.mkdir()
        self.nginx = NginxInFront([self.server.port], folder)
        self.nginx.start()
        self.stack.callback(self.nginx.stop)

    def is_whole(self) -> bool:
        """Whether every process that was ended is there again, and the product says that it is well."""
        is_running = all(service.process.poll() is None for service in self.services)
        return is_running and len(children(self.web.pid)) >= WEB_WORKERS and self.is_healthy()

    def is_healthy(self) -> bool:
        try:
            return requests.get(f"{self.server.url}/health", timeout=3).ok
        except requests.RequestException:
            return False

    def wait_until(self, check: Callable[[], bool], seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not check():
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"not ready after {seconds} s; the log says:\n{self.server.log.read_text()[-3000:]}"
                )
            time.sleep(0.1)

    def connect(self, records: Records) -> Caller:
        return Caller(self.nginx.url, str(self.nginx.certificate), records)

    def register(self, count: int = SITES) -> tuple[list[Site], Site, datetime]:
        """Sites to change and call, and one to extend with the present end of its licence."""
        admin: Client = self.nginx.sign_in()
        sites = [register(admin, self.server) for _ in range(count)]
        ledger = register(admin, self.server)
        ends_at = admin.get(f"/api/sites/{ledger.site_id}").json()["license_expires_at"]
        return sites, ledger, datetime.fromisoformat(ends_at)

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.server.manage(*arguments)

"""SQLite keeps every acknowledged change when the machine stops at any moment.

A process that writes is frozen at random moments, and the files are copied as they are then: what a machine finds that
stops at that moment. A copy comes from the page cache, so it cannot show whether a change has reached the disk.
`synchronous` decides that, and is tested by its value.
"""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from config.tests.processes import COMPLETE, manage

FULL = 2
COPIES = 12
# Registers sites and prints the id of each after the commit. A small log is written back into the file often, so that some
# copies are made during a checkpoint.
WRITER = """
import django
django.setup()
from django.db import connection
from django.utils import timezone
from audit.actors import COMMAND
from sites.services import register_site
connection.cursor().execute("PRAGMA wal_autocheckpoint = 20")
while True:
    site = register_site(
        name="Roma", owner_name="Giulia", contact_email="g@roma.example", by=COMMAND, at=timezone.now()
    ).site
    print(site.pk.hex, flush=True)
"""


@pytest.mark.skipif(connection.vendor != "sqlite", reason="is about SQLite")
@pytest.mark.django_db
def test_each_commit_waits_until_the_log_is_on_the_disk() -> None:
    with connection.cursor() as cursor:
        assert cursor.execute("PRAGMA synchronous").fetchone() == (FULL,)
        assert cursor.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@contextmanager
def writer(file: Path) -> Iterator[subprocess.Popen[bytes]]:
    environment = {"DATABASE_URL": f"sqlite:///{file}", "DJANGO_SETTINGS_MODULE": "config.settings"}
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER],
        env={**COMPLETE, "ENV_FILE": os.devnull, "PATH": os.environ["PATH"], **environment},
        cwd=settings.BASE_DIR,
        stdout=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def acknowledged_by(process: subprocess.Popen[bytes], said: bytes = b"") -> bytes:
    """What the process has printed by now."""
    assert process.stdout is not None
    os.set_blocking(process.stdout.fileno(), False)
    return said + (process.stdout.read() or b"")


@pytest.mark.slow
def test_a_copy_of_the_files_at_any_moment_has_every_acknowledged_change(tmp_path: Path) -> None:
    file = tmp_path / "db.sqlite3"
    assert manage("migrate", DATABASE_URL=f"sqlite:///{file}").returncode == 0
    said, with_log = b"", 0
    with writer(file) as process:
        while not (said := acknowledged_by(process, said)):
            time.sleep(0.05)
            assert process.poll() is None
        for number in range(COPIES):
            time.sleep(random.uniform(0.01, 0.2))
            said = acknowledged_by(process, said)
            os.kill(process.pid, signal.SIGSTOP)
            os.waitid(os.P_PID, process.pid, os.WSTOPPED)
            copy = tmp_path / f"copy-{number}.sqlite3"
            for suffix in ("", "-wal"):
                shutil.copy(f"{file}{suffix}", f"{copy}{suffix}")
            os.kill(process.pid, signal.SIGCONT)
            with_log += Path(f"{copy}-wal").stat().st_size > 0
            acknowledged = set(said.decode().split("\n")[:-1])
            with closing(sqlite3.connect(copy)) as reopened:
                assert reopened.execute("PRAGMA integrity_check").fetchone() == ("ok",)
                sites = {row[0] for row in reopened.execute("SELECT site_id FROM sites_site")}
                events = {row[0].replace("-", "") for row in reopened.execute("SELECT subject_id FROM audit_event")}
            assert acknowledged <= sites
            assert sites == events
    assert len(said.split()) > COPIES
    assert with_log

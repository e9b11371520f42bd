"""The cheap faults of `python -m tests.faults`, each for a second, under a low load: nothing is lost, no verdict is wrong."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts.with_services import postgresql_bin
from tests.databases import prepared_postgresql
from tests.faults.catalogue import FAULTS
from tests.faults.load import Size
from tests.faults.observe import Experiment, failures_of
from tests.faults.system import System

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=40)]

SIZE = Size(heartbeats=2, writers=2, readers=1, period_seconds=0.1)
SECONDS = 1.0
# A key whose request was cut off is refused for two minutes; the check then allows both outcomes.
RESOLVE_SECONDS = 10
NAMES = {
    "postgresql": (
        "a PostgreSQL backend is killed",
        "PostgreSQL's connections are cut",
        "PostgreSQL's first process is killed",
        "PostgreSQL's disk is full",
        "Redis is full",
    ),
    "sqlite": ("a gunicorn worker is killed", "the disk of SQLite"),
}


@pytest.fixture
def prepare(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Callable[[str], None]]:
    """Fills an empty database with a copy of the template of the other tests, which is faster than a migration."""

    def postgresql(database_url: str) -> None:
        template = prepared_postgresql(request.getfixturevalue("postgres_url"), tmp_path)
        dump = subprocess.run([postgresql_bin() / "pg_dump", template], check=True, capture_output=True).stdout
        command = [postgresql_bin() / "psql", "--quiet", "--set=ON_ERROR_STOP=1", database_url]
        subprocess.run(command, input=dump, check=True, stdout=subprocess.DEVNULL)

    def sqlite(database_url: str) -> None:
        new = request.getfixturevalue("new_sqlite")(tmp_path)
        shutil.copy(new.removeprefix("sqlite:///"), database_url.removeprefix("sqlite:///"))

    return {"postgresql": postgresql, "sqlite": sqlite}


@pytest.mark.parametrize("kind", ["postgresql", pytest.param("sqlite", marks=pytest.mark.long)])
def test_no_fault_loses_a_change_or_gives_a_wrong_verdict(
    kind: str, prepare: dict[str, Callable[[str], None]], capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = [fault for fault in FAULTS if kind in fault.kinds and fault.name.startswith(NAMES[kind])]
    assert len(chosen) == len(NAMES[kind])
    with System(kind, prepare=prepare[kind]) as system:
        experiment = Experiment(system, SIZE)
        experiment.start()
        for fault in chosen:
            if fault.needs_disk and system.disk is None:
                with capsys.disabled():
                    print(f"\nnot executed: {fault.name}: user {os.getuid()} may not mount a tmpfs")
                continue
            experiment.suffer(fault, SECONDS)
        experiment.finish(RESOLVE_SECONDS)
        verified = system.manage("verify_audit")
    assert failures_of(experiment.observations) == []
    assert verified.returncode == 0, verified.stdout

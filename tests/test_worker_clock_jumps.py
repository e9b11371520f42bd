"""The time of day jumps by more than a year while workers run: of PostgreSQL's server, and of the machine on SQLite."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from scripts.with_services import postgresql
from tests.running_server import RunningServer
from tests.worker.faked_clock import FakedClock
from tests.worker.workers import Workers, overlaps

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@contextmanager
def environment(values: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture
def on_sqlite(new_sqlite: Callable[[Path], str], tmp_path: Path) -> tuple[Workers, FakedClock]:
    clock = FakedClock(tmp_path)
    return workers_at(new_sqlite(tmp_path), tmp_path, clock.environment), clock


@pytest.fixture
def on_postgresql(tmp_path: Path) -> Iterator[tuple[Workers, FakedClock]]:
    with tempfile.TemporaryDirectory(prefix="portcullis-") as name:
        Path(name).chmod(0o755)
        clock = FakedClock(Path(name))
        data = Path(name) / "postgresql"
        data.mkdir()
        with ExitStack() as stack:
            with environment(clock.environment):
                url, _ = stack.enter_context(postgresql(data))
            assert RunningServer(url, tmp_path).manage("migrate", "jobs", "--verbosity=0").returncode == 0
            yield workers_at(url, tmp_path, {}), clock


def workers_at(url: str, folder: Path, settings: dict[str, str]) -> Workers:
    return Workers(url, folder / "workers", jobs="long,short", settings={"LONG_SECONDS": "60", **settings})


@pytest.mark.parametrize("database", [pytest.param("sqlite", marks=pytest.mark.long), "postgresql"])
def test_a_clock_that_jumps_starts_no_run_twice_and_stops_none_for_long(
    database: str, request: pytest.FixtureRequest
) -> None:
    workers, clock = request.getfixturevalue(f"on_{database}")
    with workers.started(2) as processes:
        workers.wait_for_runs(2, "short")
        clock.set("+400d")
        time.sleep(1.5)  # a run may just have begun
        before = len(workers.runs("short"))
        time.sleep(3)
        assert len(workers.runs("short")) == before, "what is a year old for a moment is not deleted"
        clock.set("+0")
        before = len(workers.wait_for_runs(before + 2, "short"))
        clock.set("-400d")
        workers.wait_for_runs(before + 2, "short")
        assert len(workers.runs("long")) == 1, "its lease was renewed all the time"
        assert all(process.poll() is None for process in processes)
    assert overlaps(workers.runs()) == []
    assert "has jumped ahead by 400 days" in workers.log.read_text()

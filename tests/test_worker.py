"""`manage.py worker` as real processes, on each database: no job runs twice at a time, whatever happens to a worker."""

import signal
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from tests.databases import prepared_postgresql
from tests.worker.workers import Workers, kill, overlaps

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=30)]

LEASE_SECONDS = 6


@pytest.fixture(params=[pytest.param("sqlite", marks=pytest.mark.long), "postgresql"])
def url(request: pytest.FixtureRequest, new_sqlite: Callable[[Path], str], tmp_path: Path) -> str:
    if request.param == "sqlite":
        return new_sqlite(tmp_path)
    return prepared_postgresql(request.getfixturevalue("postgres_url"), tmp_path)


def test_three_workers_run_no_job_twice_at_a_time_whatever_one_job_does(url: str, tmp_path: Path) -> None:
    """One of the jobs always fails. Then a worker is killed in the middle of a run, and one is asked to stop in one."""
    workers = Workers(url, tmp_path / "workers", jobs="failing,short,long", settings={"LONG_SECONDS": "60"})
    with workers.started(3) as processes:
        workers.wait_for_runs(4, "short")
        (first,) = workers.wait_for_runs(1, "long")
        (holder,) = [process for process in processes if process.pid == first.pid]
        killed_at = kill(holder)
        assert len(workers.runs("long")) == 1, "killed in the middle of its first run"
        _, second = workers.wait_for_runs(2, "long", within=LEASE_SECONDS + 20)
        assert second.began - killed_at > LEASE_SECONDS - 2, "the lease was renewed at most two seconds before"
        (holder,) = [process for process in processes if process.pid == second.pid]
        holder.send_signal(signal.SIGTERM)
        assert holder.wait(10) == 0
        workers.wait_for_runs(3, "long")
        workers.wait_for_runs(2, "failing", within=60)  # tried again, on a busy machine later
    assert overlaps(workers.runs()) == []
    short = workers.runs("short")
    assert all(later.began - (earlier.ended or earlier.began) > 0.9 for earlier, later in pairwise(short))
    assert 2 <= len(workers.runs("failing")) < len(short)
    assert {run.pid for run in workers.runs()} <= {process.pid for process in processes}
    assert [process.returncode for process in processes].count(0) == 2

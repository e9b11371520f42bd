"""`manage.py worker` as real processes, on each database: no job runs twice at a time, whatever happens to a worker."""

import json
import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from tests.databases import prepared_postgresql
from tests.running_server import RunningServer
from tests.worker.workers import Workers, overlaps

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, new_sqlite: Callable[[Path], str], tmp_path: Path) -> str:
    if request.param == "sqlite":
        return new_sqlite(tmp_path)
    return prepared_postgresql(os.environ["TEST_POSTGRES_URL"], tmp_path)


def jobs_of(workers: Workers) -> dict[str, dict[str, object]]:
    """What `manage.py jobs --json` says."""
    server = RunningServer(workers.database_url, workers.folder)
    server.environment = workers.environment
    done = server.manage("jobs", "--json")
    assert done.returncode == 0, done.stderr
    return {job["name"]: job for job in json.loads(done.stdout)["results"]}


def test_three_workers_run_no_job_twice_at_a_time(url: str, tmp_path: Path) -> None:
    workers = Workers(url, tmp_path / "workers", jobs="short,failing")
    with workers.started(3) as processes:
        runs = workers.wait_for_runs(4, "short")
    assert overlaps(runs) == []
    assert all(later.began - earlier.began > 1 for earlier, later in pairwise(runs))
    assert [process.returncode for process in processes] == [0, 0, 0]

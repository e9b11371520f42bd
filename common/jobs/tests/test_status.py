"""How jobs are doing, as `manage.py jobs` and the metrics tell it."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from common.jobs.registry import registered_jobs
from common.jobs.services import add_missing_jobs, claim_job, database_now, fail_job, finish_job
from common.jobs.status import job_statuses, seconds_since_success

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def jobs_command(*options: str) -> str:
    output = StringIO()
    call_command("jobs", *options, stdout=output)
    return output.getvalue()


def as_json() -> dict[str, dict[str, Any]]:
    return {job["name"]: job for job in json.loads(jobs_command("--json"))["results"]}


def run_all(*, at: datetime, failing: str = "") -> None:
    """As a worker does, in no time."""
    add_missing_jobs(registered_jobs(), at=at)
    for status in job_statuses(at=at):
        assert status.row is not None
        job = status.job
        assert claim_job(job.name, seen_version=status.row.lease_version, holder="w:1", at=at)
        if job.name == failing:
            assert fail_job(job, holder="w:1", error="ValueError: no shelf", duration=SECOND, at=at)
        else:
            assert finish_job(job, holder="w:1", duration=SECOND, at=at)


@pytest.mark.django_db
def test_before_a_worker_has_run_every_job_was_never_run() -> None:
    assert {job["state"] for job in as_json().values()} == {"never_run"}
    assert "prune_heartbeats: never run" in jobs_command().splitlines()
    assert set(seconds_since_success(at=database_now()).values()) == {None}
    with pytest.raises(CommandError, match="prune_heartbeats: never_run"):
        jobs_command("--check")


@pytest.mark.django_db
def test_a_job_that_ran_is_waiting_for_its_next_run() -> None:
    at = database_now()
    run_all(at=at)
    told = as_json()["checkpoint_audit"]
    assert (told["state"], told["outcome"], told["duration_seconds"]) == ("waiting", "succeeded", 1.0)
    assert told["every_seconds"] == 86_400
    assert datetime.fromisoformat(told["next_run_at"]) - datetime.fromisoformat(told["ended_at"]) == timedelta(days=1)
    assert jobs_command("--check")
    assert seconds_since_success(at=at + MINUTE)["checkpoint_audit"] == 60


@pytest.mark.django_db
def test_a_job_that_failed_says_why_and_fails_the_check() -> None:
    run_all(at=database_now(), failing="prune_counters")
    told = as_json()["prune_counters"]
    assert (told["state"], told["failures"], told["error"]) == ("failing", 1, "ValueError: no shelf")
    assert told["succeeded_at"] is None
    with pytest.raises(CommandError, match=r"^prune_counters: failing$"):
        jobs_command("--check")


@pytest.mark.django_db
def test_jobs_that_no_worker_runs_are_overdue_five_minutes_after_their_time() -> None:
    long_ago = database_now() - timedelta(minutes=4)
    run_all(at=long_ago)  # the alerts were due three and a half minutes ago
    assert {job["state"] for job in as_json().values()} == {"waiting"}
    states = {status.job.name: status.state for status in job_statuses(at=long_ago + timedelta(minutes=16))}
    assert states["prune_counters"] == "overdue"
    assert states["prune_sign_ins"] == "waiting"


@pytest.mark.django_db
def test_a_job_whose_worker_vanished_is_overdue_too() -> None:
    at = database_now()
    run_all(at=at)
    (status,) = [each for each in job_statuses(at=at) if each.job.name == "prune_sign_ins"]
    assert status.row is not None
    assert claim_job("prune_sign_ins", seen_version=status.row.lease_version, holder="w:1", at=at)
    later = {each.job.name: each for each in job_statuses(at=at + 6 * MINUTE)}["prune_sign_ins"]
    assert (later.state, later.overdue_since) == ("overdue", later.row and later.row.lease_renewed_at)


@pytest.mark.django_db
def test_the_ages_for_the_metrics_cost_one_query() -> None:
    run_all(at=datetime(2030, 1, 1, tzinfo=UTC))
    with CaptureQueriesContext(connection) as queries:
        ages = seconds_since_success(at=datetime(2030, 1, 1, 0, 1, tzinfo=UTC))
    assert len(queries) == 1
    assert ages == {job.name: 60.0 for job in registered_jobs()}

"""The changes of a job's row: which worker gets it, when it runs next, and what the database refuses."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from common.jobs.models import Job
from common.jobs.registry import PeriodicJob
from common.jobs.services import (
    add_missing_jobs,
    claim_job,
    end_lease_of_another,
    fail_job,
    finish_job,
    interrupt_job,
    renew_lease,
)
from common.jobs.worker import is_due

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SWEEP = PeriodicJob("sweep", lambda at: None, DAY, "Sweep.")


@pytest.fixture
def sweep(db: None) -> Job:
    add_missing_jobs([SWEEP], at=NOON)
    return row()


def row() -> Job:
    return Job.objects.get(pk="sweep")


def claim(holder: str = "a", at: datetime = NOON) -> bool:
    return claim_job("sweep", seen_version=row().lease_version, holder=holder, at=at)


def test_a_new_job_is_due_at_once_and_is_added_once(sweep: Job) -> None:
    add_missing_jobs([SWEEP], at=NOON + HOUR)
    assert row().next_run_at == NOON
    assert is_due(sweep, SWEEP, NOON)


def test_of_two_workers_that_saw_the_job_free_one_gets_it(sweep: Job) -> None:
    seen = sweep.lease_version
    assert claim_job("sweep", seen_version=seen, holder="a", at=NOON)
    assert not claim_job("sweep", seen_version=seen, holder="b", at=NOON)
    assert row().lease_holder == "a"


def test_a_worker_that_saw_an_older_run_does_not_repeat_it(sweep: Job) -> None:
    seen = sweep.lease_version
    assert claim("a")
    assert finish_job(SWEEP, holder="a", duration=SECOND, at=NOON)
    assert not claim_job("sweep", seen_version=seen, holder="b", at=NOON)


def test_a_success_is_recorded_and_the_next_run_is_one_period_later(sweep: Job) -> None:
    claim()
    assert finish_job(SWEEP, holder="a", duration=90 * SECOND, at=NOON + MINUTE)
    done = row()
    assert (done.outcome, done.started_at, done.ended_at) == ("succeeded", NOON, NOON + MINUTE)
    assert (done.duration_ms, done.next_run_at, done.lease_holder) == (90_000, NOON + MINUTE + DAY, "")


def test_failures_are_retried_after_growing_delays_up_to_an_hour(sweep: Job) -> None:
    delays = []
    for _ in range(12):
        claim()
        assert fail_job(SWEEP, holder="a", error="ValueError: x", duration=SECOND, at=NOON)
        delays.append((row().next_run_at - NOON).total_seconds())
    assert delays[:4] == [10, 20, 40, 80]
    assert delays[-2:] == [3600, 3600]
    assert row().failures == 12
    claim()
    finish_job(SWEEP, holder="a", duration=SECOND, at=NOON)
    assert row().failures == 0
    assert row().error == "ValueError: x", "the last failure stays to be read"


def test_a_retry_is_never_later_than_the_next_usual_run(sweep: Job) -> None:
    often = PeriodicJob("sweep", SWEEP.run, 3 * SECOND, "Sweep.")
    claim()
    fail_job(often, holder="a", error="x", duration=SECOND, at=NOON)
    assert row().next_run_at == NOON + 3 * SECOND


def test_an_error_is_cut_and_shows_no_secret(sweep: Job) -> None:
    claim()
    error = "KeyError: psk_" + "a" * 49 + " \0" + "x" * 900
    assert fail_job(SWEEP, holder="a", error=error, duration=SECOND, at=NOON)
    assert row().error.startswith("KeyError: [secret] xxx")
    assert len(row().error) == 500


def test_a_lease_that_is_not_renewed_is_ended_once_and_counts_as_a_failure(sweep: Job) -> None:
    claim("a")
    seen = row()
    assert end_lease_of_another(SWEEP, seen=seen, at=NOON + HOUR)
    assert not end_lease_of_another(SWEEP, seen=seen, at=NOON + HOUR)
    ended = row()
    assert (ended.outcome, ended.failures, ended.lease_holder) == ("interrupted", 1, "")
    assert ended.error.startswith("The worker a ended")
    assert ended.next_run_at == NOON + HOUR + 10 * SECOND


def test_a_lease_that_was_renewed_since_is_not_ended(sweep: Job) -> None:
    claim("a")
    seen = row()
    assert renew_lease("sweep", holder="a", at=NOON + SECOND)
    assert not end_lease_of_another(SWEEP, seen=seen, at=NOON + HOUR)
    assert row().lease_holder == "a"


def test_a_worker_that_lost_its_lease_can_record_nothing(sweep: Job) -> None:
    claim("a")
    end_lease_of_another(SWEEP, seen=row(), at=NOON)
    claim("b")
    before = Job.objects.values().get()
    assert not renew_lease("sweep", holder="a", at=NOON)
    assert not finish_job(SWEEP, holder="a", duration=SECOND, at=NOON)
    assert not fail_job(SWEEP, holder="a", error="x", duration=SECOND, at=NOON)
    assert not interrupt_job(SWEEP, holder="a", duration=SECOND, at=NOON)
    assert Job.objects.values().get() == before


def test_a_run_that_was_given_up_is_no_failure_and_runs_again_soon(sweep: Job) -> None:
    claim("a")
    assert interrupt_job(SWEEP, holder="a", duration=SECOND, at=NOON)
    assert (row().failures, row().next_run_at) == (0, NOON + 10 * SECOND)


@pytest.mark.parametrize(
    ("next_run_at", "due"),
    [(NOON - SECOND, True), (NOON, True), (NOON + SECOND, False), (NOON + DAY, False), (NOON + DAY + SECOND, True)],
)
def test_a_run_that_is_further_away_than_one_period_is_due(next_run_at: datetime, due: bool) -> None:
    """Written while the clock was a year ahead, it would otherwise wait for a year."""
    assert is_due(Job(name="sweep", next_run_at=next_run_at), SWEEP, NOON) is due


@pytest.mark.django_db
@pytest.mark.parametrize(
    "wrong", [{"lease_holder": "a"}, {"lease_renewed_at": NOON}, {"name": ""}], ids=["held", "renewed", "nameless"]
)
def test_the_database_refuses_rows_that_make_no_sense(wrong: dict[str, object]) -> None:
    with pytest.raises(IntegrityError, match="job_"), transaction.atomic():
        Job.objects.create(**{"name": "sweep", "next_run_at": NOON, **wrong})

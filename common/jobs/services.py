"""The changes of a job's row: each is one conditional UPDATE, so that of several workers one succeeds."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import F
from django.utils import timezone

from common.jobs.models import Job
from common.jobs.registry import PeriodicJob
from common.logs import without_secrets

FIRST_RETRY_AFTER = timedelta(seconds=10)
LAST_RETRY_AFTER = timedelta(hours=1)
ERROR_CUT_AT = 500


def database_now() -> datetime:
    """PostgreSQL's clock, which all machines share. SQLite has none: the clock of this machine, where the file is."""
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (now,) = cursor.fetchone()
    assert isinstance(now, datetime)
    return now


def add_missing_jobs(jobs: Iterable[PeriodicJob], *, at: datetime) -> None:
    """A job that has never run is due at once."""
    Job.objects.bulk_create([Job(name=job.name, next_run_at=at) for job in jobs], ignore_conflicts=True)


def claim_job(name: str, *, seen_version: int, holder: str, at: datetime) -> bool:
    """Take the lease; False if another worker has taken it since the row was read."""
    free = Job.objects.filter(pk=name, lease_holder="", lease_version=seen_version)
    claimed = free.update(lease_holder=holder, lease_version=F("lease_version") + 1, lease_renewed_at=at, started_at=at)
    return claimed == 1


def renew_lease(name: str, *, holder: str, at: datetime) -> bool:
    """False if the lease is lost."""
    held = Job.objects.filter(pk=name, lease_holder=holder)
    return held.update(lease_version=F("lease_version") + 1, lease_renewed_at=at) == 1


def finish_job(job: PeriodicJob, *, holder: str, duration: timedelta, at: datetime) -> bool:
    """Record a success and give the lease back; False if it was lost."""
    held = Job.objects.filter(pk=job.name, lease_holder=holder)
    finished = held.update(
        **ended(Job.Outcome.SUCCEEDED, duration, at=at),
        succeeded_at=at,
        failures=0,
        next_run_at=at + job.every,
    )
    return finished == 1


def fail_job(job: PeriodicJob, *, holder: str, error: str, duration: timedelta, at: datetime) -> bool:
    """Record a failure and give the lease back; False if it was lost. The next try is after a growing delay."""
    held = Job.objects.filter(pk=job.name, lease_holder=holder)
    failures = 1 + (held.values_list("failures", flat=True).first() or 0)
    failed = held.update(
        **ended(Job.Outcome.FAILED, duration, at=at),
        **failure(error, at=at),
        failures=failures,
        next_run_at=at + retry_delay(job, failures),
    )
    return failed == 1


def interrupt_job(job: PeriodicJob, *, holder: str, duration: timedelta, at: datetime) -> bool:
    """Give the lease of a run back that was given up because its worker stops.

    Not at once, because the run may still be in the last statement that it has sent.
    """
    held = Job.objects.filter(pk=job.name, lease_holder=holder)
    interrupted = held.update(
        **ended(Job.Outcome.INTERRUPTED, duration, at=at), next_run_at=at + min(FIRST_RETRY_AFTER, job.every)
    )
    return interrupted == 1


def end_lease_of_another(job: PeriodicJob, *, seen: Job, at: datetime) -> bool:
    """End a lease that is not renewed any more. It counts as a failure: the job may be what ended its worker."""
    failures = seen.failures + 1
    same = Job.objects.filter(pk=job.name, lease_holder=seen.lease_holder, lease_version=seen.lease_version)
    changed = same.update(
        **ended(Job.Outcome.INTERRUPTED, None, at=at),
        **failure(f"The worker {seen.lease_holder} ended, or could not reach the database, during this run.", at=at),
        failures=failures,
        next_run_at=at + retry_delay(job, failures),
    )
    return changed == 1


def ended(outcome: Job.Outcome, duration: timedelta | None, *, at: datetime) -> dict[str, object]:
    return {
        "outcome": outcome,
        "ended_at": at,
        "duration_ms": None if duration is None else max(0, duration // timedelta(milliseconds=1)),
        "lease_holder": "",
        "lease_renewed_at": None,
    }


def failure(error: str, *, at: datetime) -> dict[str, object]:
    # PostgreSQL stores no NUL character.
    return {"failed_at": at, "error": without_secrets(error).replace("\0", "")[:ERROR_CUT_AT]}


def retry_delay(job: PeriodicJob, failures: int) -> timedelta:
    """10 s, 20 s, 40 s and so on, up to an hour; never longer than the time between two runs."""
    doublings = min(failures - 1, 16)
    return min(FIRST_RETRY_AFTER * (1 << doublings), LAST_RETRY_AFTER, job.every)

"""How each job is doing, for the panel, `manage.py jobs` and the metrics. One query for all of them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from common.instants import format_instant
from common.jobs.models import Job
from common.jobs.registry import PeriodicJob, registered_jobs

# A worker looks every second, and one that takes over from another needs a minute.
OVERDUE_AFTER = timedelta(minutes=5)


@dataclass(frozen=True)
class JobStatus:
    """A job of this release at the time `at`; `row` is None if no worker has seen it yet."""

    job: PeriodicJob
    row: Job | None
    at: datetime

    @property
    def title(self) -> str:
        return self.job.name.replace("_", " ").capitalize()

    @property
    def overdue_since(self) -> datetime | None:
        """When the job should have run, or when its worker was last heard of, if that is longer ago than OVERDUE_AFTER."""
        if self.row is None:
            return None
        since = self.row.lease_renewed_at or self.row.next_run_at
        return since if since < self.at - OVERDUE_AFTER else None

    @property
    def state(self) -> str:
        """`never_run`, `overdue`, `running`, `failing` or `waiting`."""
        if self.row is None:
            return "never_run"
        if self.overdue_since:
            return "overdue"
        if self.row.lease_holder:
            return "running"
        return "failing" if self.row.failures else "waiting"

    def as_json(self) -> dict[str, Any]:
        row = self.row or Job(name=self.job.name)
        times = ("started_at", "ended_at", "succeeded_at", "failed_at", "next_run_at")
        return {
            "name": self.job.name,
            "purpose": self.job.purpose,
            "every_seconds": self.job.every.total_seconds(),
            "state": self.state,
            **{name: format_instant(at) if (at := getattr(row, name)) else None for name in times},
            "duration_seconds": None if row.duration_ms is None else row.duration_ms / 1000,
            "outcome": row.outcome or None,
            "error": row.error or None,
            "failures": row.failures,
            "worker": row.lease_holder or None,
        }


def job_statuses(*, at: datetime) -> list[JobStatus]:
    """In the order in which the jobs are registered."""
    rows = Job.objects.in_bulk()
    return [JobStatus(job, rows.get(job.name), at) for job in registered_jobs()]


def seconds_since_success(*, at: datetime) -> dict[str, float | None]:
    """For the metrics: how long ago each job last succeeded; None if it never did. One query of a few rows."""
    succeeded = dict(Job.objects.values_list("name", "succeeded_at"))
    ages: dict[str, float | None] = {}
    for job in registered_jobs():
        last = succeeded.get(job.name)
        ages[job.name] = max(0.0, (at - last).total_seconds()) if last else None
    return ages

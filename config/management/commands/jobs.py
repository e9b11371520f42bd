from typing import Any

from django.core.management.base import CommandError, CommandParser

from common.commands import DomainCommand
from common.instants import format_instant
from common.jobs.services import database_now
from common.jobs.status import JobStatus, job_statuses


class Command(DomainCommand):
    help = "Show the last and the next run of each periodic job."

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="exit with 1 if a job is overdue or fails")

    def run(self, options: dict[str, Any]) -> tuple[Any, list[str]]:
        statuses = job_statuses(at=database_now())
        wrong = [status for status in statuses if status.state in ("never_run", "overdue", "failing")]
        if options["check"] and wrong:
            raise CommandError("; ".join(f"{status.job.name}: {status.state}" for status in wrong))
        results = [status.as_json() for status in statuses]
        return {"count": len(results), "results": results}, [line_of(status) for status in statuses]


def line_of(status: JobStatus) -> str:
    row = status.row
    if row is None:
        return f"{status.job.name}: never run"
    parts = [status.state]
    if row.succeeded_at:
        parts.append(f"last success {format_instant(row.succeeded_at)}")
    if row.failures:
        parts.append(f"{row.failures} failures in a row, the last: {row.error}")
    parts.append(f"worker {row.lease_holder}" if row.lease_holder else f"next run {format_instant(row.next_run_at)}")
    return f"{status.job.name}: {', '.join(parts)}"

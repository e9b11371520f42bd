"""How the worker's jobs are doing. Read from the database for each scrape, in one statement."""

from collections.abc import Iterator
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily, Metric

from common.jobs.status import job_statuses


def job_gauges(*, at: datetime) -> Iterator[Metric]:
    """The label is `name`, because Prometheus uses `job` itself. There is no age of a job that has never succeeded."""
    age = GaugeMetricFamily("portcullis_job_age_seconds", "Since the job last succeeded.", labels=["name"])
    duration = GaugeMetricFamily("portcullis_job_duration_seconds", "Of the job's last run.", labels=["name"])
    period = GaugeMetricFamily("portcullis_job_period_seconds", "Time between two runs of the job.", labels=["name"])
    failures = GaugeMetricFamily("portcullis_job_failures", "Failed runs since the last success.", labels=["name"])
    overdue = GaugeMetricFamily("portcullis_job_overdue", "Whether no worker has run the job in time.", labels=["name"])
    for status in job_statuses(at=at):
        name, row = [status.job.name], status.row
        period.add_metric(name, status.job.every.total_seconds())
        overdue.add_metric(name, float(status.state in ("overdue", "never_run")))
        failures.add_metric(name, row.failures if row else 0)
        if row and row.succeeded_at:
            age.add_metric(name, max(0.0, (at - row.succeeded_at).total_seconds()))
        if row and row.duration_ms is not None:
            duration.add_metric(name, row.duration_ms / 1000)
    yield from (age, duration, period, failures, overdue)

"""The worker: runs each periodic job when it is due, in a thread of its own, under a lease in the database.

Whether a lease is still renewed is measured with a clock that cannot be set, so that no jump of the time of day lets two
workers run one job at once. When a job is due is decided by the database's clock, which all workers share.
"""

import json
import logging
import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from django.db import Error as DatabaseFault
from django.db import close_old_connections, connections

from common.jobs.clock import ClockWatch, steady_seconds
from common.jobs.models import Job
from common.jobs.registry import PeriodicJob
from common.jobs.services import (
    add_missing_jobs,
    claim_job,
    database_now,
    end_lease_of_another,
    fail_job,
    finish_job,
    interrupt_job,
    renew_lease,
)
from common.web.request_ids import current_request_id

LOOK_EVERY_SECONDS = 1.0
# Less than the ten seconds that container engines wait before they kill.
STOP_WITHIN_SECONDS = 5.0
log = logging.getLogger("portcullis.jobs")


class LeaseLost(Exception):
    """A job of ours still runs although another worker may have started it."""


class Run:
    """One call of a job's function, in a thread."""

    def __init__(self, job: PeriodicJob, *, at: datetime, when_ended: Callable[[], None]) -> None:
        self.job, self.at, self.when_ended = job, at, when_ended
        self.started = self.renewed = steady_seconds()
        self.duration = timedelta()
        self.result: Any = None
        self.error = "The job ended without a result."
        # A daemon: it ends with the process, which does not wait for a run that it gives up.
        self.thread = threading.Thread(target=self.execute, name=job.name, daemon=True)

    @property
    def is_running(self) -> bool:
        return self.thread.is_alive()

    def execute(self) -> None:
        current_request_id.set(f"{self.job.name}-{secrets.token_hex(8)}")
        try:
            self.result, self.error = self.job.run(at=self.at), ""
        except Exception as error:  # whatever a job raises must not stop the others
            self.error = f"{type(error).__name__}: {error}"
            log.exception("job %s failed", self.job.name)
        finally:
            self.duration = timedelta(seconds=steady_seconds() - self.started)
            connections.close_all()
            self.when_ended()


class Worker:
    def __init__(
        self, jobs: Sequence[PeriodicJob], *, lease: timedelta, before_look: Callable[[], None] = lambda: None
    ) -> None:
        """`before_look` prepares the connection with which this thread looks for work."""
        self.jobs, self.before_look = jobs, before_look
        self.lease_seconds = lease.total_seconds()
        self.holder = f"{socket.gethostname()[:80]}:{os.getpid()}:{secrets.token_hex(4)}"
        self.runs: dict[str, Run] = {}
        self.watched: dict[str, tuple[int, float]] = {}  # leases of others: version, and since when it is the same
        self.clock = ClockWatch()
        self.stopping = False
        self.is_database_well = True
        self.wake = threading.Event()

    def work(self) -> int:
        """Until a signal to stop arrives. Returns the exit code of the process."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.ask_to_stop)
        log.info("worker %s started with %d jobs", self.holder, len(self.jobs))
        try:
            while not self.stopping:
                self.look()
                self.wake.wait(LOOK_EVERY_SECONDS)
                self.wake.clear()
        except LeaseLost as lost:
            log.error("worker %s ends: %s", self.holder, lost)
            return 1
        self.stop()
        log.info("worker %s stopped", self.holder)
        return 0

    def ask_to_stop(self, *_: object) -> None:
        # Only this: waking the main thread here could deadlock with its own wait. It looks within a second.
        self.stopping = True

    def look(self) -> None:
        """Record what has ended, renew the leases, start what is due. Raises LeaseLost."""
        try:
            close_old_connections()
            self.before_look()
            # Looked for before the time is read, so that the next run counts from a time after their end.
            ended = self.ended_runs()
            self.look_at(database_now(), ended)
            if not self.is_database_well:
                log.info("the database answers again")
            self.is_database_well = True
        except DatabaseFault as error:
            if self.is_database_well:
                log.warning("the database does not answer, or lacks tables: %s", error)
            self.is_database_well = False
        # Before others may end the lease, with time to spare.
        patience = self.lease_seconds * 2 / 3
        for run in self.runs.values():
            if run.is_running and steady_seconds() - run.renewed > patience:
                raise LeaseLost(f"the lease of {run.job.name} could not be renewed for {patience:.0f} s")

    def ended_runs(self) -> list[Run]:
        return [run for run in self.runs.values() if not run.is_running]

    def look_at(self, now: datetime, ended: Sequence[Run]) -> None:
        self.record(ended, now)
        self.renew_leases(now)
        rows = Job.objects.in_bulk()
        if missing := [job for job in self.jobs if job.name not in rows]:
            add_missing_jobs(missing, at=now)
            rows = Job.objects.in_bulk()
        is_steady = self.clock.is_steady(now)
        for job in self.jobs:
            if job.name in self.runs:
                continue
            row = rows[job.name]
            if row.lease_holder:
                self.watch(job, row, now)
            elif is_steady and is_due(row, job, now):
                self.start(job, row, now)

    def start(self, job: PeriodicJob, row: Job, now: datetime) -> None:
        run = Run(job, at=now, when_ended=self.wake.set)  # before the lease is taken: its time counts from here
        if claim_job(job.name, seen_version=row.lease_version, holder=self.holder, at=now):
            self.runs[job.name] = run
            run.thread.start()

    def renew_leases(self, now: datetime) -> None:
        for name, run in self.runs.items():
            began = steady_seconds()
            if not run.is_running or began - run.renewed < self.lease_seconds / 6:
                continue
            if not renew_lease(name, holder=self.holder, at=now) and run.is_running:
                raise LeaseLost(f"another worker has ended the lease of {name}")
            run.renewed = began

    def watch(self, job: PeriodicJob, row: Job, now: datetime) -> None:
        """End the lease of another worker when it has not renewed it for the length of a lease."""
        version, since = self.watched.get(job.name, (None, 0.0))
        if version != row.lease_version:
            self.watched[job.name] = row.lease_version, steady_seconds()
        elif steady_seconds() - since > self.lease_seconds and end_lease_of_another(job, seen=row, at=now):
            log.warning("job %s: the worker %s is gone; it runs again soon", job.name, row.lease_holder)

    def record(self, ended: Sequence[Run], now: datetime) -> None:
        for run in ended:
            name = run.job.name
            if run.error:
                held = fail_job(run.job, holder=self.holder, error=run.error, duration=run.duration, at=now)
            else:
                held = finish_job(run.job, holder=self.holder, duration=run.duration, at=now)
                level = logging.DEBUG if run.result is None else logging.INFO
                result = json.dumps(run.result, default=str)
                log.log(level, "job %s succeeded in %.2f s: %s", name, run.duration.total_seconds(), result)
            if not held:
                log.warning("job %s: its lease was lost, so that its end is not recorded", name)
            del self.runs[name]

    def stop(self) -> None:
        """Give running jobs a few seconds to end, then give them up."""
        deadline = time.monotonic() + STOP_WITHIN_SECONDS
        while time.monotonic() < deadline and any(run.is_running for run in self.runs.values()):
            self.wake.wait(0.1)
            self.wake.clear()
        # Without the database nothing can be recorded; the leases end by themselves.
        with suppress(DatabaseFault):
            close_old_connections()
            self.before_look()
            ended, now = self.ended_runs(), database_now()
            self.record(ended, now)
            for name, run in self.runs.items():
                log.warning("job %s is given up, because the worker stops", name)
                duration = timedelta(seconds=steady_seconds() - run.started)
                interrupt_job(run.job, holder=self.holder, duration=duration, at=now)


def is_due(row: Job, job: PeriodicJob, now: datetime) -> bool:
    """Also if the next run is further away than one period: then the clock was ahead, or the period was longer."""
    return row.next_run_at <= now or row.next_run_at > now + job.every

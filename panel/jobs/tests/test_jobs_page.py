"""The page of the periodic jobs."""

import re
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Admin
from backup.services import record_backup
from common.jobs.models import Job
from common.jobs.registry import registered_jobs
from common.jobs.services import add_missing_jobs, claim_job, database_now, fail_job, finish_job
from conftest import RegisteredSite
from fleet.heartbeats.tests.calls import a_device
from panel.dashboard.tests.test_dashboard import browser_of, text

pytestmark = pytest.mark.any_database

JOBS = {job.name: job for job in registered_jobs()}


def entries(admin: Admin) -> dict[str, str]:
    """What the page says about each job, by its title."""
    html = browser_of(admin).get("/admin/jobs/").content.decode().partition('<ul class="sign-ins')[2]
    html = html.partition("<h2>Backup</h2>")[0]
    found = re.findall(r"<strong>(.+?)</strong>(.+?)</li>", html, re.DOTALL)
    return {title: text(words).replace("\xa0", " ").replace(" ,", ",").replace(" .", ".") for title, words in found}


def claim(name: str, *, at: datetime) -> None:
    version = Job.objects.values_list("lease_version", flat=True).get(pk=name)
    assert claim_job(name, seen_version=version, holder="kitchen:7", at=at)


def newest_backup(admin: Admin) -> str:
    html = browser_of(admin).get("/admin/jobs/").content.decode().partition("<strong>Newest backup</strong>")[2]
    return text(html.partition("</li>")[0]).replace("\xa0", " ").replace(" .", ".").replace(" ,", ",")


def test_the_page_shows_the_newest_backup_and_whether_it_is_overdue(anna: Admin) -> None:
    name, at = "portcullis-20261128T120000Z.zip", database_now()
    assert newest_backup(anna).startswith("○ never made manage.py backup makes one")
    record_backup(name, size=2_000_000, seconds=34.4, at=at - timedelta(hours=25))
    assert newest_backup(anna).startswith(f"● made {name} was begun 1 day ago, took 34 seconds and has 1.9 MB.")
    record_backup(name, size=2_000_000, seconds=34.4, at=at - timedelta(hours=27))
    assert newest_backup(anna).startswith(f"■ overdue {name} was begun 1 day ago")


def test_before_a_worker_has_run_every_job_says_so(anna: Admin) -> None:
    told = entries(anna)
    assert len(told) == len(JOBS)
    assert told["Prune counters"].startswith("○ never run Delete expired counters of rate limits. Every 10 minutes.")
    assert b"No worker has run yet." in browser_of(anna).get("/admin/jobs/").content


def test_each_job_shows_its_last_run_its_duration_and_its_next_run(anna: Admin) -> None:
    at = database_now()
    add_missing_jobs(JOBS.values(), at=at)
    claim("prune_sign_ins", at=at)
    finish_job(JOBS["prune_sign_ins"], holder="kitchen:7", duration=timedelta(milliseconds=1250), at=at)
    told = entries(anna)["Prune sign ins"]
    assert told.startswith("● succeeded")
    assert "Last run ended just now (succeeded, took 1.25 s). Next run in 59 minutes" in told


def test_a_failure_shows_its_error_until_and_after_a_success(anna: Admin) -> None:
    at = database_now()
    add_missing_jobs(JOBS.values(), at=at)
    for _ in range(2):
        claim("prune_sign_ins", at=at)
        error = "ValueError: no shelf & <none>"
        fail_job(JOBS["prune_sign_ins"], holder="kitchen:7", error=error, duration=timedelta(seconds=1), at=at)
    told = entries(anna)["Prune sign ins"]
    assert told.startswith("▲ failing")
    assert "Last failure just now, 2 in a row: ValueError: no shelf & <none>" in told
    claim("prune_sign_ins", at=at)
    finish_job(JOBS["prune_sign_ins"], holder="kitchen:7", duration=timedelta(seconds=1), at=at)
    told = entries(anna)["Prune sign ins"]
    assert told.startswith("● succeeded")
    assert "Last failure just now : ValueError" in told


def test_a_run_of_this_moment_shows_its_worker(anna: Admin) -> None:
    at = database_now()
    add_missing_jobs(JOBS.values(), at=at)
    claim("prune_sign_ins", at=at)
    told = entries(anna)["Prune sign ins"]
    assert told.startswith("● running")
    assert "by the worker kitchen:7, which was last heard of just now." in told
    assert "Next run" not in told


def test_only_a_sysadmin_may_look_and_nobody_can_send_anything(anna: Admin, ben: Admin, vera: Admin) -> None:
    assert browser_of(anna).post("/admin/jobs/").status_code == 405
    for admin in (ben, vera):
        assert browser_of(admin).get("/admin/jobs/").status_code == 403
    assert Client().get("/admin/jobs/").status_code == 302


def test_the_page_costs_the_same_whatever_the_jobs_do(anna: Admin) -> None:
    browser = browser_of(anna)

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert browser.get("/admin/jobs/").status_code == 200
        return len(queries)

    before = cost()
    add_missing_jobs(JOBS.values(), at=database_now())
    assert cost() == before


def test_it_says_what_reports_of_devices_cost(anna: Admin, roma: RegisteredSite) -> None:
    def shown() -> str:
        return text(browser_of(anna).get("/admin/jobs/").content.decode())

    assert "Health and telemetry of devices" not in shown()
    a_device(roma)
    assert "A month of reports takes" in shown()
    assert ("Estimated" in shown()) == (connection.vendor == "sqlite")

"""How the control plane itself is, also when a part of it is not well."""

import os
import re
import socket
import time
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings as project
from django.db.models import F
from django.utils import timezone

from accounts.models import Admin
from common.jobs.models import Job
from common.jobs.registry import registered_jobs
from conftest import Register, RegisteredSite
from heartbeat.models import Heartbeat
from panel.dashboard.health import check_redis, start_redis_ping
from panel.dashboard.tests.test_dashboard import browser_of, page, text
from sites.models import Site, SitePulse


def link_of_clock(html: str) -> str:
    (link,) = re.findall(r"<dt>Clock</dt>.+?href=\"([^\"]+)\"", html, re.DOTALL)
    return str(link)


def health_checks(html: str) -> dict[str, str]:
    found = re.findall(r"<dt>(.+?)</dt>\s*<dd>(.+?)</dd>", html, re.DOTALL)
    return {text(name): text(words) for name, words in found}


def move_heartbeats(*, by: timedelta) -> None:
    for row in Heartbeat.objects.all():
        at = row.received_at - by
        Heartbeat.objects.filter(pk=row.pk).update(received_at=at, due_at=at + timedelta(hours=6))
    SitePulse.objects.update(last_seen_at=F("last_seen_at") - by, due_at=F("due_at") - by)


def test_before_the_first_heartbeat_there_is_nothing_to_judge(vera: Admin) -> None:
    said = health_checks(page(vera))
    assert re.fullmatch(r"● answers in \d+\.\d\d ms (SQLite|PostgreSQL) [\d.]+", said["Database"])
    assert said["Redis"].startswith("○ not configured")
    assert said["Last heartbeat received"] == "○ none yet"
    assert said["Oldest heartbeat kept"] == "○ none yet"
    assert said["Version"] == project.VERSION
    assert "UTC" in said["Server time"]


def test_heartbeats_that_come_in_are_good(vera: Admin, roma: RegisteredSite) -> None:
    roma.call_home()
    said = health_checks(page(vera))
    assert said["Last heartbeat received"] == "● received just now"
    assert said["Oldest heartbeat kept"] == "● within limits just now ; kept for 400 days"


def test_heartbeats_of_a_clock_that_was_ahead_are_told(vera: Admin, register: Register) -> None:
    roma, napoli, gone = (register(name=name) for name in ("Roma", "Napoli", "Gone"))
    for site in (roma, napoli, gone):
        site.call_home()
    year = timedelta(days=365)
    SitePulse.objects.exclude(pk=roma.site_id).update(last_seen_at=F("last_seen_at") + year, due_at=F("due_at") + year)
    Site.objects.filter(pk=gone.site_id).update(deregistered_at=timezone.now())
    said = health_checks(page(vera))
    assert said["Last heartbeat received"] == "● received just now"
    assert said["Clock"].startswith("▲ was ahead 1 site has a heartbeat in the future.")
    listed: Any = browser_of(vera).get(link_of_clock(page(vera)))
    assert [site.name for site in listed.context["cl"].result_list] == ["Napoli", "Roma"]
    napoli.call_home()
    assert "Clock" not in health_checks(page(vera))


def test_silence_of_everybody_is_bad(vera: Admin, roma: RegisteredSite) -> None:
    roma.call_home()
    move_heartbeats(by=project.HEARTBEAT_INTERVAL + project.HEARTBEAT_GRACE + timedelta(minutes=1))
    assert (
        health_checks(page(vera))["Last heartbeat received"] == "■ overdue 7 hours ago . No site reaches this server."
    )


def test_history_that_nobody_prunes_is_told(vera: Admin, roma: RegisteredSite) -> None:
    roma.call_home()
    move_heartbeats(by=project.HEARTBEAT_HISTORY + timedelta(days=2))
    assert health_checks(page(vera))["Oldest heartbeat kept"].startswith("● within limits")
    move_heartbeats(by=timedelta(days=2))
    said = health_checks(page(vera))["Oldest heartbeat kept"]
    assert said.startswith("▲ not pruned")
    assert "400 days are kept: start manage.py worker." in said


@pytest.mark.skipif("TEST_REDIS_URL" not in os.environ, reason="run it under scripts/with_services.py")
def test_a_redis_that_answers_is_good(settings: Any, vera: Admin) -> None:
    settings.REDIS_URL = os.environ["TEST_REDIS_URL"]
    assert health_checks(page(vera))["Redis"].startswith("● answers")


@pytest.mark.parametrize("fault", ["refuses", "hangs", "has no address"])
def test_a_redis_that_does_not_answer_is_told_and_hardly_waited_for(settings: Any, vera: Admin, fault: str) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        if fault == "hangs":
            silent.listen()
        address = "redis.invalid:6379" if fault == "has no address" else f"127.0.0.1:{silent.getsockname()[1]}"
        settings.REDIS_URL = f"redis://{address}/0"
        began = time.monotonic()
        assert check_redis(start_redis_ping()).label == "does not answer"
        assert time.monotonic() - began < 1, "0.2 s, and what a busy machine adds"
        assert health_checks(page(vera))["Redis"].startswith("■ does not answer")


def jobs_ran(*, at: datetime, failing: str = "") -> None:
    """As if a worker had run all jobs at that time."""
    times = {"next_run_at": at + timedelta(minutes=10), "started_at": at, "ended_at": at, "succeeded_at": at}
    Job.objects.bulk_create(
        Job(name=job.name, outcome="succeeded", failures=int(job.name == failing), **times) for job in registered_jobs()
    )


def test_without_a_worker_the_jobs_are_bad(vera: Admin) -> None:
    assert health_checks(page(vera))["Jobs"] == "■ never run No worker has run yet: start manage.py worker."


def test_jobs_that_ran_are_good(vera: Admin) -> None:
    jobs_ran(at=timezone.now())
    assert health_checks(page(vera))["Jobs"] == "● run The last one ended just now ."


def test_jobs_that_nobody_runs_any_more_are_told_with_the_minutes(vera: Admin) -> None:
    jobs_ran(at=timezone.now() - timedelta(minutes=22))
    words = "■ overdue No worker has run what was due for 12 minutes: start manage.py worker."
    assert health_checks(page(vera))["Jobs"].replace("\xa0", " ") == words


def test_a_job_that_fails_is_named_and_a_sysadmin_can_look(vera: Admin, anna: Admin) -> None:
    jobs_ran(at=timezone.now(), failing="checkpoint_audit")
    assert health_checks(page(vera))["Jobs"] == "▲ failing Checkpoint audit."
    assert health_checks(page(anna))["Jobs"] == "▲ failing Checkpoint audit. Show the jobs"
    assert 'href="/admin/jobs/"' in page(anna)

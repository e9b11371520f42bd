"""The dashboard's health checks: the database, Redis, heartbeats, pruning, jobs, the version and the clock."""

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta

import redis
from django.conf import settings
from django.db import connection
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from common.jobs.status import JobStatus, job_statuses
from licensing.models import SigningKey
from panel.widgets.badges import badge
from panel.widgets.times import duration, exact, larger_unit, moment_ago
from sites.peppers import keys_on_former_peppers

REDIS_TIMEOUT_SECONDS = 0.2
LAST_SEEN_FIRST = "o=-4"  # the order of the list of sites: its fourth column, reversed
PRUNE_TOLERANCE = timedelta(days=3)  # heartbeats may be this much older than the limit: a daily run can fail once
DATABASE_NAMES = {"postgresql": "PostgreSQL", "sqlite": "SQLite"}
# Redis is asked in another thread, so that neither a slow name lookup nor a silent server delays the page.
redis_executor = ThreadPoolExecutor(max_workers=2, thread_name_prefix="redis-health")


@dataclass(frozen=True)
class HealthCheck:
    """`state` is a badge: "good", "warn", "bad" or "none" (nothing to check yet); "" for a plain fact."""

    name: str
    state: str
    label: str
    detail: SafeString | str = ""

    @property
    def result(self) -> SafeString | str:
        return badge(self.state, self.label) if self.state else self.label


def health_checks(
    *,
    newest: datetime | None,
    oldest: datetime | None,
    sites_ahead: int,
    can_view_jobs: bool,
    can_view_keys: bool,
    at: datetime,
) -> list[HealthCheck]:
    """`newest` is when the last heartbeat was received, `oldest` when the first of those that are kept was.

    `sites_ahead` is the number of sites whose last heartbeat is in the future.
    """
    ping = start_redis_ping()
    return [
        check_database(),
        check_redis(ping),
        check_newest_heartbeat(newest, at=at),
        check_oldest_heartbeat(oldest, at=at),
        check_jobs(job_statuses(at=at), can_view=can_view_jobs, at=at),
        check_signing_key(can_view=can_view_keys),
        *([check_pepper(at=at)] if len(settings.SITE_KEY_PEPPERS) > 1 else []),
        HealthCheck("Version", "", settings.VERSION),
        HealthCheck("Server time", "", f"{at:%Y-%m-%d %H:%M:%S} UTC", f"Your time zone: {exact(at)}"),
        *([check_clock(sites_ahead)] if sites_ahead else []),
    ]


def check_database() -> HealthCheck:
    began = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    milliseconds = 1000 * (time.perf_counter() - began)
    version = ".".join(map(str, connection.get_database_version()))
    database = f"{DATABASE_NAMES[connection.vendor]} {version}"
    return HealthCheck("Database", "good", f"answers in {milliseconds:.2f} ms", database)


def start_redis_ping() -> "Future[bool] | None":
    """None if Redis is not configured."""
    return redis_executor.submit(ping_redis, settings.REDIS_URL) if settings.REDIS_URL else None


def ping_redis(url: str) -> bool:
    timeouts = {"socket_connect_timeout": REDIS_TIMEOUT_SECONDS, "socket_timeout": REDIS_TIMEOUT_SECONDS}
    with closing(redis.Redis.from_url(url, retry=None, **timeouts)) as client:
        return bool(client.ping())


def check_redis(ping: "Future[bool] | None") -> HealthCheck:
    if ping is None:
        return HealthCheck("Redis", "none", "not configured", "Rate limits are counted in the database.")
    try:
        ping.result(timeout=REDIS_TIMEOUT_SECONDS)
    except (redis.RedisError, OSError, FutureTimeoutError):
        ping.cancel()
        return HealthCheck(
            "Redis", "bad", "does not answer", "Heartbeats are not rate limited until it answers; everything else is."
        )
    return HealthCheck("Redis", "good", "answers", "Rate limits are counted in Redis.")


def check_newest_heartbeat(newest: datetime | None, *, at: datetime) -> HealthCheck:
    name = "Last heartbeat received"
    if newest is None:
        return HealthCheck(name, "none", "none yet")
    if newest < at - settings.HEARTBEAT_INTERVAL - settings.HEARTBEAT_GRACE:
        return HealthCheck(name, "bad", "overdue", format_html("{}. No site reaches this server.", moment_ago(newest)))
    return HealthCheck(name, "good", "received", moment_ago(newest))


def check_oldest_heartbeat(oldest: datetime | None, *, at: datetime) -> HealthCheck:
    name, kept = "Oldest heartbeat kept", settings.HEARTBEAT_HISTORY
    if oldest is None:
        return HealthCheck(name, "none", "none yet")
    if oldest < at - kept - PRUNE_TOLERANCE:
        advice = format_html(
            "{}, but {} days are kept: start manage.py worker.",
            moment_ago(oldest),
            kept.days,
        )
        return HealthCheck(name, "warn", "not pruned", advice)
    return HealthCheck(
        name, "good", "within limits", format_html("{}; kept for {} days", moment_ago(oldest), kept.days)
    )


def check_jobs(statuses: Sequence[JobStatus], *, can_view: bool, at: datetime) -> HealthCheck:
    state, label, detail = judge_jobs(statuses, at=at)
    if can_view:
        detail = format_html('{} <a href="{}">Show the jobs</a>', detail, reverse("admin:jobs"))
    return HealthCheck("Jobs", state, label, detail)


def judge_jobs(statuses: Sequence[JobStatus], *, at: datetime) -> tuple[str, str, SafeString | str]:
    if all(status.row is None for status in statuses):
        return "bad", "never run", "No worker has run yet: start manage.py worker."
    if overdue := [status.overdue_since for status in statuses if status.overdue_since]:
        silence = duration(int((at - min(overdue)).total_seconds()))
        return "bad", "overdue", f"No worker has run what was due for {larger_unit(silence)}: start manage.py worker."
    if failing := [status for status in statuses if status.state == "failing"]:
        return "warn", "failing", f"{', '.join(status.title for status in failing)}."
    newest = max((row.ended_at for status in statuses if (row := status.row) and row.ended_at), default=None)
    return "good", "run", format_html("The last one ended {}.", moment_ago(newest)) if newest else ""


def check_signing_key(*, can_view: bool) -> HealthCheck:
    detail: SafeString | str
    key = SigningKey.objects.signing().only("activated_at").first()
    if key is None or key.activated_at is None:
        state, label, detail = "bad", "missing", "Heartbeats are answered without a lease."
    else:
        state, label, detail = "good", "signs", format_html("Since {}.", moment_ago(key.activated_at))
    if can_view:
        detail = format_html('{} <a href="{}">Show the keys</a>', detail, reverse("admin:signing_keys"))
    return HealthCheck("Signing key", state, label, detail)


def check_clock(sites_ahead: int) -> HealthCheck:
    """Only if the clock was ahead, or is behind now."""
    newest_first = f"{reverse('admin:sites_site_changelist')}?{LAST_SEEN_FIRST}"
    sites = "1 site has" if sites_ahead == 1 else f"{sites_ahead:,} sites have"
    return HealthCheck(
        "Clock",
        "warn",
        "was ahead",
        format_html(
            '<a href="{}">{}</a> a heartbeat in the future. Each counts as online until its next heartbeat, which'
            " corrects it. If the server time above is not right, set it first.",
            newest_first,
            sites,
        ),
    )


def check_pepper(*, at: datetime) -> HealthCheck:
    """Only while SITE_KEY_PEPPER has more than one value; it takes a query of its own."""
    name, left = "Pepper of site keys", keys_on_former_peppers(at=at)
    if not left:
        return HealthCheck(name, "good", "was changed", "No key is left on a former pepper, so it can be removed.")
    keys = "1 key is" if left == 1 else f"{left:,} keys are"
    return HealthCheck(
        name, "warn", "is being changed", f"{keys} left on a former pepper, until the next heartbeat of the site."
    )

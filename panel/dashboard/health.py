"""How the control plane itself is: what it stands on, and whether its daily work is done."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta

import redis
from django.conf import settings
from django.db import connection
from django.utils.html import format_html
from django.utils.safestring import SafeString

from panel.widgets.badges import badge
from panel.widgets.times import exact, moment_ago

REDIS_PATIENCE_SECONDS = 0.2
PRUNED_DAILY = timedelta(days=3)  # so much longer than it is kept may history stay, when a day's run was missed
ENGINES = {"postgresql": "PostgreSQL", "sqlite": "SQLite"}
# Beside the request's own thread: neither a name that nobody resolves nor a server that is silent holds up the page.
asking = ThreadPoolExecutor(max_workers=2, thread_name_prefix="redis-health")


@dataclass(frozen=True)
class Finding:
    """`state` is good, warn, bad, none (nothing to judge yet), or empty for a mere fact."""

    name: str
    state: str
    words: str
    detail: SafeString | str = ""

    @property
    def shown(self) -> SafeString | str:
        return badge(self.state, self.words) if self.state else self.words


def findings(*, newest: datetime | None, oldest: datetime | None, at: datetime) -> list[Finding]:
    """`newest` and `oldest` are when the last heartbeat came and the first of those that are kept."""
    answer = ask_redis()
    return [
        database_finding(),
        redis_finding(answer),
        newest_finding(newest, at=at),
        oldest_finding(oldest, at=at),
        Finding("Version", "", settings.VERSION),
        Finding("Server's clock", "", f"{at:%Y-%m-%d %H:%M:%S} UTC", f"Your zone: {exact(at)}"),
    ]


def database_finding() -> Finding:
    began = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    took = 1000 * (time.perf_counter() - began)
    version = ".".join(map(str, connection.get_database_version()))
    return Finding("Database", "good", f"answers in {took:.2f} ms", f"{ENGINES[connection.vendor]} {version}")


def ask_redis() -> "Future[bool] | None":
    return asking.submit(redis_answers, settings.REDIS_URL) if settings.REDIS_URL else None


def redis_answers(url: str) -> bool:
    patience = {"socket_connect_timeout": REDIS_PATIENCE_SECONDS, "socket_timeout": REDIS_PATIENCE_SECONDS}
    with closing(redis.Redis.from_url(url, retry=None, **patience)) as client:
        return bool(client.ping())


def redis_finding(answer: "Future[bool] | None") -> Finding:
    if answer is None:
        return Finding("Redis", "none", "not configured", "Limits are counted in the database.")
    try:
        answer.result(timeout=REDIS_PATIENCE_SECONDS)
    except (redis.RedisError, OSError, FutureTimeoutError):
        answer.cancel()
        return Finding("Redis", "bad", "does not answer", "Limits on heartbeats are open meanwhile; nothing else is.")
    return Finding("Redis", "good", "answers", "Limits are counted there.")


def newest_finding(newest: datetime | None, *, at: datetime) -> Finding:
    name = "Last heartbeat received"
    if newest is None:
        return Finding(name, "none", "none yet")
    if newest < at - settings.HEARTBEAT_INTERVAL - settings.HEARTBEAT_GRACE:
        return Finding(name, "bad", "silence", format_html("{}: no site reaches this server.", moment_ago(newest)))
    return Finding(name, "good", "received", moment_ago(newest))


def oldest_finding(oldest: datetime | None, *, at: datetime) -> Finding:
    name, kept = "Oldest heartbeat kept", settings.HEARTBEAT_HISTORY
    if oldest is None:
        return Finding(name, "none", "none yet")
    if oldest < at - kept - PRUNED_DAILY:
        advice = format_html("{}, but {} days are kept: run manage.py prune once a day.", moment_ago(oldest), kept.days)
        return Finding(name, "warn", "not pruned", advice)
    return Finding(name, "good", "within limits", format_html("{}; kept for {} days", moment_ago(oldest), kept.days))

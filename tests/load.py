"""Heartbeats, locks and lists at the same time, each write with a number of its own, so that none can be lost unnoticed."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
import requests

from tests.running_server import Client, Site, register

CALLING, LOCKED, READERS = 4, 2, 1  # sites that call home, sites that are locked again and again, readers of the list
BROKEN = 0
PAUSE_AFTER_REFUSAL_SECONDS = 0.05


@dataclass
class Load:
    """Until it is stopped. `acknowledged` has what was answered 200, in the form of `stored`."""

    new_client: Callable[[], Client]
    authorization: str
    sites: list[Site]
    acknowledged: set[tuple[str, str]] = field(default_factory=set)
    refusals: Counter[int] = field(default_factory=Counter)  # of writes, by status
    failed_reads: Counter[int] = field(default_factory=Counter)
    reads: int = 0
    slowest_seconds: float = 0.0
    last_refusal_at: float = 0.0  # by time.monotonic
    errors: list[BaseException] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def threads(self) -> list[threading.Thread]:
        targets: list[Callable[[], None]] = [
            *(lambda site=site: self.call_home(site) for site in self.sites[:CALLING]),  # type: ignore[misc]
            *(lambda site=site: self.keep_locking(site) for site in self.sites[CALLING:]),  # type: ignore[misc]
            *([self.keep_reading] * READERS),
        ]
        return [threading.Thread(target=self.noting_errors, args=[target]) for target in targets]

    def noting_errors(self, target: Callable[[], None]) -> None:
        try:
            target()
        except BaseException as error:
            self.errors.append(error)
            raise

    def call_home(self, site: Site) -> None:
        client, number = self.new_client(), 0
        client.headers |= {"X-Site-ID": site.site_id, "X-Site-Key": site.key}
        while not self.stopping.is_set():
            number += 1
            self.write(
                client, "/api/heartbeat", {"version": "1.0.0", "uptime_seconds": number}, (site.site_id, str(number))
            )

    def keep_locking(self, site: Site) -> None:
        client, number = self.new_client(), 0
        client.headers["Authorization"] = self.authorization
        while not self.stopping.is_set():
            number += 1
            reason = f"reason {number}"
            self.write(client, f"/api/sites/{site.site_id}/lock", {"reason": reason}, (site.site_id, reason))

    def write(self, client: Client, path: str, body: dict[str, Any], stored: tuple[str, str]) -> None:
        began = time.monotonic()
        status = status_of(lambda: client.post(path, body))
        self.slowest_seconds = max(self.slowest_seconds, time.monotonic() - began)
        if status == 200:
            self.acknowledged.add(stored)
        else:
            self.refusals[status] += 1
            self.last_refusal_at = time.monotonic()
            time.sleep(PAUSE_AFTER_REFUSAL_SECONDS)

    def keep_reading(self) -> None:
        client = self.new_client()
        client.headers["Authorization"] = self.authorization
        while not self.stopping.is_set():
            status = status_of(lambda: client.get("/api/sites"))
            self.reads += 1
            if status != 200:
                self.failed_reads[status] += 1
            time.sleep(PAUSE_AFTER_REFUSAL_SECONDS)

    def until_acknowledged(self, more: int) -> None:
        wanted = len(self.acknowledged) + more
        self.until(lambda: len(self.acknowledged) >= wanted, f"{more} more acknowledged")

    def until_refused(self, number: int) -> None:
        self.until(lambda: self.refusals.total() >= number, f"{number} refused")

    def until(self, reached: Callable[[], bool], what: str, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while not reached():
            assert not self.errors, self.errors
            assert time.monotonic() < deadline, f"not {what}: {len(self.acknowledged)}, {self.refusals}"
            time.sleep(0.02)


def status_of(send: Callable[[], requests.Response]) -> int:
    """The response's status; BROKEN if its body did not arrive whole, which acknowledges nothing."""
    try:
        return send().status_code
    except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
        return BROKEN


@contextmanager
def running_load(
    api: Client, server: Any, new_client: Callable[[], Client], kind: Callable[..., Load] = Load
) -> Iterator[Load]:
    """`api` is signed in; `server` is where the sites are registered; `kind` makes a load that does more."""
    sites = [register(api, server, name=f"Site {number}") for number in range(CALLING + LOCKED)]
    load = kind(new_client, api.headers["Authorization"], sites)
    threads = load.threads()
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        load.stopping.set()
        for thread in threads:
            thread.join()
    assert not load.errors, load.errors


def stored(database_url: str, load: Load) -> Counter[tuple[str, str]]:
    """How often the database has each write of the load."""
    sites = [site.site_id for site in load.sites]
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT site_id::text, uptime_seconds::text FROM heartbeat_heartbeat WHERE site_id = ANY(%s::uuid[])"
            " UNION ALL SELECT subject_id::text, reason FROM audit_event"
            " WHERE subject_id::text = ANY(%s) AND reason IS NOT NULL",
            [sites, sites],
        ).fetchall()
    return Counter((str(site_id), str(what)) for site_id, what in rows)


def lost(database_url: str, load: Load) -> list[tuple[str, str]]:
    """What was acknowledged and is not in the database."""
    return sorted(load.acknowledged - set(stored(database_url, load)))

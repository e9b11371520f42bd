"""The load: threads that change sites, send heartbeats as those sites, and read them, and write down every answer."""

import itertools
import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.faults.caller import Caller
from tests.faults.records import Change, Heartbeat, Records, Request, Verdict
from tests.running_server import ADMIN, PASSWORD, Site

RETRY_SECONDS = 0.25
CONFLICT_SECONDS = 2.0
NUMBERS = itertools.count(1)
# An Idempotency-Key whose request was cut off in the middle is refused for two minutes.
RESOLVE_SECONDS = 150


@dataclass(frozen=True)
class Size:
    """Numbers of threads, and the time from one request of each to the next; 0 for as fast as possible."""

    heartbeats: int
    writers: int
    readers: int
    period_seconds: float

    @property
    def threads(self) -> int:
        return self.heartbeats + self.writers + self.readers


LOW = Size(heartbeats=4, writers=3, readers=1, period_seconds=0.1)


class Session:
    """An admin's access token, shared by all threads; a new one is fetched if it is refused."""

    def __init__(self, connect: Callable[[], Caller]) -> None:
        self.connect, self.token, self.lock = connect, "", threading.Lock()

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def sign_in(self, refused: str = "") -> None:
        with self.lock:
            if self.token != refused:
                return  # another thread was faster
            with closing(self.connect()) as caller:
                body = {"username": ADMIN, "password": PASSWORD}
                _, answer = caller.send("sign-in", "POST", "/api/auth/login", body, {})
            if answer and "access" in answer:
                self.token = answer["access"]


class Load:
    """`sites` are changed and called; `ledger` is extended only, and says by how many days."""

    def __init__(self, connect: Callable[[], Caller], records: Records, size: Size) -> None:
        self.connect, self.records, self.size = connect, records, size
        self.session = Session(connect)
        self.sites: list[Site] = []
        self.ledger: Site | None = None
        self.first_ends: dict[str, datetime] = {}
        self.stopping = threading.Event()
        self.resolve_until = float("inf")
        self.threads: list[threading.Thread] = []

    def start(self, sites: list[Site], ledger: Site, first_end: datetime) -> None:
        self.sites, self.ledger = sites, ledger
        self.first_ends[ledger.site_id] = first_end
        self.session.sign_in()
        for number in range(self.size.writers):
            self.run(self.write, sites[number :: self.size.writers])
        for _ in range(self.size.heartbeats):
            self.run(self.call_home)
        for _ in range(self.size.readers):
            self.run(self.read)
        self.run(self.extend_and_register)

    def run(self, function: Callable[..., None], *arguments: Any) -> None:
        def run_and_close() -> None:
            with closing(self.connect()) as caller:
                function(caller, *arguments)

        self.threads.append(threading.Thread(target=run_and_close, daemon=True))
        self.threads[-1].start()

    def stop(self, resolve_seconds: float = RESOLVE_SECONDS) -> None:
        """Begin nothing new, and wait until what has begun is acknowledged."""
        self.resolve_until = time.monotonic() + resolve_seconds
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    # --- Threads ---

    def write(self, caller: Caller, sites: list[Site]) -> None:
        """The only one that changes these sites, one change after the other."""
        state: dict[str, dict[str, Any]] = {site.site_id: {"lock_reason": None, "is_active": True} for site in sites}
        for _ in self.turns():
            site_id = random.choice(sites).site_id
            of_site = state[site_id]
            if random.random() < 0.6:
                reason = None if of_site["lock_reason"] and random.random() < 0.8 else f"unpaid {next(NUMBERS)}"
                verb, body = ("lock", {"reason": reason}) if reason else ("unlock", {})
                self.change(caller, "lock_reason", reason, "POST", f"/api/sites/{site_id}/{verb}", body, site_id)
                of_site["lock_reason"] = reason
            else:
                active = not of_site["is_active"]
                self.change(
                    caller, "is_active", active, "PATCH", f"/api/sites/{site_id}", {"is_active": active}, site_id
                )
                of_site["is_active"] = active

    def call_home(self, caller: Caller) -> None:
        for _ in self.turns():
            site, number = random.choice(self.sites), next(NUMBERS)
            headers = {"X-Site-ID": site.site_id, "X-Site-Key": site.key}
            body = {"version": "1.0.0", "uptime_seconds": number}
            request, answer = caller.send("heartbeat", "POST", "/api/heartbeat", body, headers)
            if request.status == 200:
                self.records.heartbeats.append(Heartbeat(site.site_id, number, request.ended_at))
                reason = answer["lock_reason"] if answer["locked"] else None
                self.note(site.site_id, request, reason, answer["licensed"])

    def read(self, caller: Caller) -> None:
        for _ in self.turns():
            site_id = random.choice(self.sites).site_id
            request, answer = self.as_admin(caller, "read", "GET", f"/api/sites/{site_id}", None)
            if request.status == 200:
                self.note(site_id, request, answer["lock_reason"], answer["licensed"])

    def extend_and_register(self, caller: Caller) -> None:
        """With an Idempotency-Key: each happens once, however often it is sent."""
        assert self.ledger is not None
        for _ in self.turns(4):
            key, site_id = {"Idempotency-Key": str(uuid.uuid4())}, self.ledger.site_id
            if random.random() < 0.8:
                path, body = f"/api/sites/{site_id}/extend", {"days": 1}
                self.change(caller, "days", 1, "POST", path, body, site_id, key)
            else:
                name = f"Trattoria {key['Idempotency-Key']}"
                body = {"name": name, "owner_name": "Giulia", "contact_email": "giulia@roma.example"}
                self.change(caller, "name", name, "POST", "/api/sites", body, "", key)

    # --- Parts of them ---

    def turns(self, periods: int = 1) -> Iterator[None]:
        """One in each period; those that a slow response has used up are left out."""
        period = periods * self.size.period_seconds
        next_at = time.monotonic() + random.random() * period
        while not self.stopping.wait(max(0.0, next_at - time.monotonic())):
            yield
            next_at = max(next_at + period, time.monotonic())

    def change(
        self,
        caller: Caller,
        field: str,
        value: Any,
        method: str,
        path: str,
        body: Any,
        site_id: str,
        headers: dict[str, str] | None = None,
    ) -> None:
        """Send it until it is acknowledged."""
        change = Change(site_id, field, value, first_sent_at=time.monotonic())
        self.records.changes.append(change)
        while time.monotonic() < self.resolve_until:
            request, answer = self.as_admin(caller, "change", method, path, body, headers or {})
            if request.is_success:
                change.acknowledged_at = request.ended_at
                if field in ("lock_reason", "is_active"):
                    self.note(site_id, request, answer["lock_reason"], answer["licensed"])
                return
            time.sleep(CONFLICT_SECONDS if request.status == 409 else RETRY_SECONDS)

    def as_admin(
        self, caller: Caller, kind: str, method: str, path: str, body: Any, headers: dict[str, str] | None = None
    ) -> tuple[Request, Any]:
        token = self.session.token
        also = (401, 409) if headers else (401,)
        request, answer = caller.send(kind, method, path, body, self.session.headers | (headers or {}), also)
        if request.status == 401:
            self.session.sign_in(refused=token)
        return request, answer

    def note(self, site_id: str, request: Request, reason: str | None, licensed: bool) -> None:
        times = (request.sent_at, request.ended_at)
        self.records.verdicts.append(Verdict(site_id, "lock_reason", reason, *times))
        self.records.verdicts.append(Verdict(site_id, "is_active", licensed, *times))

"""One cell: a site, its server and 400 days. Raises AssertionError at the first rule that does not hold."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from portcullis_agent import Agent
from portcullis_agent.client import describe_error, read_answer

from ..control_plane import SITE_KEY, ControlPlane
from ..signing import LEASE_SECONDS, SITE_ID, START, rfc3339
from ..simulated_clock import SimulatedClock
from .faults import FAULTS, Fault

DAY, HOUR = 86400, 3600
DAYS = 400
CLOCKS = ("1970", "a day slow", "a day fast", "2099", "frozen", "jumping")
RESTARTS = ("none", "daily", "random")
REFUSED = next(fault for fault in FAULTS if fault.name == "connection refused")
GRACE_DAYS = 7
LICENSE_ENDS, EXTENDED = 330, 340


class FaultyServer:
    """The control plane with a fault before it, as the production client reads it."""

    def __init__(self, plane: ControlPlane) -> None:
        self.plane = plane
        self.fault: Fault | None = None
        self.requests = 0

    def heartbeat(self, site_id: str, site_key: str, body: dict[str, Any]) -> dict[str, Any]:
        self.requests += 1
        if self.fault is None:
            return self.plane.heartbeat(site_id, site_key, body)
        try:
            return read_answer(self.fault.answer(self.plane, body))
        except httpx.HTTPError as error:
            raise describe_error(error) from error

    def key_set(self) -> dict[str, Any]:
        self.requests += 1
        if self.fault is not None and self.fault.key_set is not None:
            return read_answer(self.fault.key_set(self.plane))
        return self.plane.key_set()

    def changed_key_set(self) -> dict[str, Any]:
        return self.key_set()


@dataclass
class Expected:
    """What must follow from the newest good answer. `lost`: seconds that no clock of the machine can have counted."""

    issued_at: float | None = None
    locked: bool = False
    license_ends: float = 0.0
    lost: float = 0.0


@dataclass
class Cell:
    fault: Fault
    clock_kind: str
    restarts: str
    folder: Path
    step_hours: int = 6
    expected: Expected = field(default_factory=Expected)

    def __post_init__(self) -> None:
        self.random = random.Random(f"{self.fault.name} {self.clock_kind} {self.restarts}")
        self.clock = SimulatedClock()
        self.plane = ControlPlane(lambda: self.clock.now)
        self.plane.site["license_expires_at"] = rfc3339(START + LICENSE_ENDS * DAY)
        self.server = FaultyServer(self.plane)
        self.agent = self.new_agent()
        self.next_restart = self.time_to_restart()
        self.last_write = -float(HOUR)
        self.written = self.agent._keeper.folder.fingerprint()

    def new_agent(self) -> Agent:
        return Agent(
            url="https://licenses.example.com",
            site_id=SITE_ID,
            site_key=SITE_KEY,
            state_dir=self.folder,
            pin=self.plane.chain[0].kid,
            grace_days=GRACE_DAYS,
            clock=self.clock,
            server=self.server,
            random_source=self.random,
        )

    @property
    def day(self) -> float:
        return (self.clock.now - START) / DAY

    def run(self) -> None:
        while self.day < DAYS:
            self.set_wall_clock()
            self.change_site()
            fault = self.server.fault = self.fault_of_today()
            self.step(fault)
            self.check_verdict()
            self.restart_if_due()
            self.clock.advance(self.step_hours * HOUR)
        self.agent.close()

    def fault_of_today(self) -> Fault | None:
        """Days 0–3 and 60–120: the fault. 200–214: an outage. 214–300: the fault, but every third time. Else none."""
        if self.day < 3 or 60 <= self.day < 120:
            return REFUSED if self.fault.needs_lease and self.expected.issued_at is None else self.fault
        if 200 <= self.day < 214:
            return REFUSED
        if 214 <= self.day < 300:
            return None if self.random.random() < 1 / 3 else self.fault
        return None

    def change_site(self) -> None:
        """Locks and releases, also while the site cannot hear of them; the licence ends and is extended later."""
        locked = any(begin <= self.day < end for begin, end in ((20, 25), (70, 130), (150, 151), (250, 260)))
        if locked != self.plane.site["locked"]:
            self.plane.change(locked=locked, lock_reason="Invoice" if locked else None)
        ends = rfc3339(START + (LICENSE_ENDS if self.day < EXTENDED else 2 * DAYS) * DAY)
        if ends != self.plane.site["license_expires_at"]:
            self.plane.change(license_expires_at=ends)
        self.plane.site["licensed"] = self.day < LICENSE_ENDS or self.day >= EXTENDED

    def set_wall_clock(self) -> None:
        self.clock.wall_error = {
            "1970": -START,
            "a day slow": -DAY,
            "a day fast": DAY,
            "2099": 4_083_000_000 - START,
            "frozen": START - self.clock.now,
            "jumping": self.random.uniform(-60 * 365 * DAY, 60 * 365 * DAY),
        }[self.clock_kind]

    def step(self, fault: Fault | None) -> None:
        held = self.agent._keeper.snapshot.lease
        requests = self.server.requests
        self.agent.step()
        asked = self.server.requests > requests
        now_held = self.agent._keeper.snapshot.lease
        if asked and fault is None:
            assert now_held is not None, "a good lease was not taken"
            assert now_held.issued_at == int(self.clock.now), "an older lease than the newest good one is held"
            site = self.plane.site
            ends = LICENSE_ENDS if self.day < EXTENDED else 2 * DAYS
            self.expected = Expected(int(self.clock.now), site["locked"], START + ends * DAY)
        else:
            assert now_held == held, "a fault changed the lease"
        self.check_writes(changed=now_held is None or held is None or not now_held.decides_like(held))

    def check_writes(self, *, changed: bool) -> None:
        written = self.agent._keeper.folder.fingerprint()
        if written != self.written:
            assert changed or self.clock.now - self.last_write >= HOUR, "written twice within an hour"
            self.written, self.last_write = written, self.clock.now

    def check_verdict(self) -> None:
        requests = self.server.requests
        verdict = self.agent.verdict()
        assert self.server.requests == requests, "verdict() used the network"
        expected, now = self.expected, self.clock.now
        known = now - expected.lost  # what the agent must know the time to be, at least
        if expected.issued_at is None:
            assert (verdict.state, verdict.may_operate) == ("notice", True), verdict
            return
        ends = expected.issued_at + LEASE_SECONDS
        states = {verdict.state} if not verdict.may_operate else set()
        if expected.locked:
            assert states == {"locked"}, verdict
        elif known >= expected.license_ends:
            assert states == {"expired"}, verdict
        elif now < min(expected.license_ends, ends):
            assert not states, verdict
            assert verdict.state in {"ok", "notice"}, verdict
        elif known >= ends:
            assert states == {"lapsed"}, verdict
        if now - expected.issued_at - expected.lost > 2 * DAY + self.step_hours * HOUR and not states:
            assert verdict.state == "notice", verdict

    def time_to_restart(self) -> float:
        if self.restarts == "none":
            return float("inf")
        return self.clock.now + (DAY if self.restarts == "daily" else self.random.uniform(0, 10 * DAY))

    def restart_if_due(self) -> None:
        if self.clock.now < self.next_restart:
            return
        if self.random.random() < 0.5:
            self.agent.close()
        else:  # as `kill -9` or a power cut leaves it
            self.agent._keeper.folder.unlock()
        if self.restarts == "daily" or self.random.random() < 0.7:
            off = 60 if self.restarts == "daily" else self.random.uniform(60, DAY)
            self.clock.restart_machine(off)
            self.expected.lost += off + HOUR
        self.damage_newest_state()
        self.agent = self.new_agent()
        self.written, self.last_write = self.agent._keeper.folder.fingerprint(), -float(HOUR)
        self.next_restart = self.time_to_restart()

    def damage_newest_state(self) -> None:
        """Sometimes, at random restarts, a disk that lost the end of the newest file, the writer's temporary file."""
        if self.restarts == "random" and self.random.random() < 0.2:
            (self.folder / "state.new.json").write_text(json.dumps({"format": 1})[:-3])

"""Run faults under load, and say what was observed during each."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from tests.faults.catalogue import Fault
from tests.faults.check import Finding, Stored, all_lost, wrong_verdicts
from tests.faults.load import RESOLVE_SECONDS, Load, Size
from tests.faults.records import Records, Request
from tests.faults.stored import read_stored
from tests.faults.system import System

QUIET_SECONDS = 2.0
RECOVER_WITHIN_SECONDS = 60
KINDS = {"heartbeat", "change", "read"}


@dataclass
class Observation:
    """`began_at` to `over_at` are the fault and the time until requests succeeded again."""

    name: str
    is_a_kill: bool
    began_at: float
    ended_at: float = 0.0
    over_at: float = 0.0
    recovered: bool = False
    requests: list[Request] = field(default_factory=list)
    lost: list[Finding] = field(default_factory=list)
    wrong: list[Finding] = field(default_factory=list)

    def covers(self, at: float) -> bool:
        return self.began_at <= at < self.over_at

    @property
    def failures(self) -> Counter[str]:
        return Counter(str(each.status or "none") for each in self.requests if not each.is_success)

    @property
    def defects(self) -> Counter[str]:
        return Counter(each.defect for each in self.requests if each.defect)

    @property
    def longest_without_success(self) -> float:
        times = sorted([self.began_at, *(each.ended_at for each in self.requests if each.is_success)])
        return max((later - earlier for earlier, later in pairwise(times)), default=0.0)

    @property
    def slowest(self) -> float:
        return max((each.ended_at - each.sent_at for each in self.requests), default=0.0)

    @property
    def seconds_to_recover(self) -> float:
        """From the end of the fault to the last failure; a kill ends when it begins."""
        failed = [each.ended_at for each in self.requests if not is_settled(each)]
        return max(0.0, max(failed, default=0.0) - self.ended_at)


class Experiment:
    """One system under one load. Lost changes and wrong verdicts are only known when the load has stopped."""

    def __init__(self, system: System, size: Size) -> None:
        self.system, self.records = system, Records()
        self.load = Load(lambda: system.connect(self.records), self.records, size)
        self.observations: list[Observation] = []
        self.unattributed: list[Finding] = []

    def start(self) -> None:
        self.load.start(*self.system.register())
        self.wait_for_quiet(time.monotonic())

    def suffer(self, fault: Fault, seconds: float | None = None) -> Observation:
        observation = Observation(fault.name, fault.is_a_kill, time.monotonic())
        with fault.run(self.system):
            if fault.is_a_kill:
                observation.ended_at = time.monotonic()
            time.sleep(fault.seconds if seconds is None else seconds)
        observation.ended_at = observation.ended_at or time.monotonic()
        observation.recovered = self.wait_for_quiet(time.monotonic())
        observation.over_at = time.monotonic()
        self.observations.append(observation)
        return observation

    def wait_for_quiet(self, since: float) -> bool:
        """Until every kind of request has succeeded, and none failed, for QUIET_SECONDS."""
        while time.monotonic() < since + RECOVER_WITHIN_SECONDS:
            time.sleep(0.1)
            from_time = time.monotonic() - QUIET_SECONDS
            recent = [each for each in self.records.requests[-5000:] if each.ended_at > from_time]
            is_quiet = from_time > since and all(map(is_settled, recent)) and {each.kind for each in recent} >= KINDS
            if is_quiet and self.system.is_whole():
                return True
        return False

    def finish(self, resolve_seconds: float = RESOLVE_SECONDS) -> Stored:
        self.load.stop(resolve_seconds)
        stored = read_stored(self.system.server.database_url)
        self.attribute(stored, self.load.first_ends)
        return stored

    def attribute(self, stored: Stored, first_ends: Mapping[str, datetime]) -> None:
        for observation in self.observations:
            observation.requests = [each for each in self.records.requests if observation.covers(each.ended_at)]
        for finding in all_lost(self.records, first_ends, stored):
            self.of_time(finding).lost.append(finding)
        for finding in wrong_verdicts(self.records.changes, self.records.verdicts):
            self.of_time(finding).wrong.append(finding)

    def of_time(self, finding: Finding) -> Observation:
        """The fault of that time; between two, the one before."""
        earlier = [each for each in self.observations if each.began_at <= finding.at]
        return (earlier or self.observations)[-1 if earlier else 0]


def is_settled(request: Request) -> bool:
    """A key whose request was cut off is refused for two minutes, by design: that is no lasting failure."""
    return request.is_success or request.status == 409


def failures_of(observations: Iterable[Observation]) -> list[str]:
    """What must not be, in sentences."""
    sentences = []
    for each in observations:
        sentences += [f"{each.name}: lost: {finding.text}" for finding in each.lost]
        sentences += [f"{each.name}: wrong: {finding.text}" for finding in each.wrong]
        sentences += [f"{each.name}: {count} × {defect}" for defect, count in each.defects.items()]
        if not each.recovered:
            sentences.append(f"{each.name}: did not recover within {RECOVER_WITHIN_SECONDS} s")
    return sentences

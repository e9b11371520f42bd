"""Runs with clones: two or three installations use one key, and their heartbeats arrive in a random order."""

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import transaction

from heartbeat.runs import Boot
from tests.simulations.clone_rule import decided_by, second_heartbeat_of_each
from tests.simulations.restaurants import (
    REQUEST_SECONDS,
    Restaurant,
    new_installation,
    next_heartbeat,
    started,
)

MOST_CALLS = 60
CALLS_AFTERWARDS = 3


@dataclass
class CloneReport:
    counts: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)
    without_evidence: list[str] = field(default_factory=list)


class CloneRun:
    """`branches` has the present boot of each installation."""

    def __init__(self, randomness: random.Random, counts: Counter[str]) -> None:
        self.randomness, self.counts = randomness, counts
        self.site = Restaurant(randomness, counts)
        self.branches = [new_installation()]
        self.bodies: list[tuple[int, Boot]] = []  # the last that were sent, which may arrive again
        self.diverged: dict[int, int] = {}

    def beat(self, branch: int) -> None:
        self.branches[branch] = next_heartbeat(self.branches[branch])
        self.bodies = [*self.bodies[-4:], (branch, self.branches[branch])]
        self.site.hear(self.branches[branch], branch=branch)

    def restart(self, branch: int) -> None:
        self.branches[branch] = started(self.branches[branch].instance_id)
        self.counts["restarts"] += 1
        self.beat(branch)

    def lose_answer(self, branch: int) -> None:
        """The agent has no answer, and sends the same again until it has one."""
        self.beat(branch)
        self.counts["lost answers"] += 1
        for _ in range(self.randomness.randint(1, 3)):
            self.site.hear(self.branches[branch], branch=branch, after=timedelta(seconds=REQUEST_SECONDS))

    def lose_heartbeat(self, branch: int) -> None:
        """It never arrives, and the next one has the next number."""
        self.branches[branch] = next_heartbeat(self.branches[branch])
        self.counts["lost heartbeats"] += 1
        self.beat(branch)

    def repeat(self, branch: int) -> None:
        """One of the last heartbeats arrives once more."""
        if self.bodies:
            sender, body = self.randomness.choice(self.bodies)
            self.counts["repetitions"] += 1
            self.site.hear(body, branch=sender, after=timedelta(seconds=REQUEST_SECONDS))

    def do_something(self, branch: int) -> None:
        actions = (self.beat, self.restart, self.lose_answer, self.lose_heartbeat, self.repeat)
        self.randomness.choices(actions, weights=(70, 6, 10, 6, 8))[0](branch)

    def add_branch(self) -> None:
        """A copied disk, whose agent starts anew, or a second installation with the same key."""
        is_copy = self.randomness.random() < 0.5
        self.counts["copied disks" if is_copy else "second installations"] += 1
        instance = self.randomness.choice(self.branches).instance_id
        self.branches.append(started(instance) if is_copy else new_installation())
        self.diverged[len(self.branches) - 1] = len(self.site.calls)

    def simulate(self) -> None:
        for _ in range(self.randomness.randint(0, 6)):
            self.do_something(0)
        for _ in range(self.randomness.randint(1, 2)):
            self.add_branch()
        self.counts[f"runs with {len(self.branches)} branches"] += 1
        end = MOST_CALLS
        while len(self.site.calls) < end:
            self.do_something(self.randomness.randrange(len(self.branches)))
            if end == MOST_CALLS and decided_by(self.site.calls) is not None:
                end = len(self.site.calls) + CALLS_AFTERWARDS


def simulate_clones(number: int, randomness: random.Random) -> CloneReport:
    report = CloneReport()
    for _ in range(number):
        run = CloneRun(randomness, report.counts)
        with transaction.atomic():  # one commit
            run.simulate()
        judge(run, report)
    return report


def judge(run: CloneRun, report: CloneReport) -> None:
    calls, counts = run.site.calls, report.counts
    decided, suspected = decided_by(calls), run.site.suspected_since()
    second = second_heartbeat_of_each(calls, run.diverged)
    counts["runs"] += 1
    counts["suspected"] += suspected is not None
    text = f"suspected at {suspected}, must be at {decided}: {run.site.described()}"
    if decided is None:
        counts["their order never shows it"] += 1
    elif second is not None and decided <= second:
        counts["shown by the second heartbeat of each"] += 1
    else:
        counts["shown later: until then a restart or a late arrival looks the same"] += 1
    if decided is not None and (suspected is None or suspected > decided):
        report.missed.append(text)
    if suspected is not None and (decided is None or suspected < decided):
        report.without_evidence.append(text)

"""Runs with clones: two or three installations use one key, and their heartbeats arrive in a random order."""

import random
from collections import Counter
from datetime import timedelta

from django.db import transaction

from heartbeat.runs import Boot
from tests.simulations.clone_rule import evidence, second_heartbeat_of_each
from tests.simulations.report import CLONES, MISSED, WITHOUT_EVIDENCE, Report
from tests.simulations.restaurants import (
    REQUEST_SECONDS,
    Restaurant,
    new_installation,
    next_heartbeat,
    started,
)

MOST_CALLS = 60
CALLS_AFTERWARDS = 3


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
            if end == MOST_CALLS and evidence(self.site.calls).decided is not None:
                end = len(self.site.calls) + CALLS_AFTERWARDS


def simulate(number: int, randomness: random.Random) -> Report:
    report = Report()
    for _ in range(number):
        run = CloneRun(randomness, report.counts[CLONES])
        with transaction.atomic():  # one commit
            run.simulate()
        judge(run, report)
    return report


def judge(run: CloneRun, report: Report) -> None:
    calls, counts = run.site.calls, report.counts[CLONES]
    shown, suspected = evidence(calls), run.site.suspected_since()
    decided, second = shown.decided, second_heartbeat_of_each(calls, run.diverged)
    counts["runs"] += 1
    counts["runs that were suspected"] += suspected is not None
    if decided is None:
        counts["runs whose heartbeats never show it"] += 1
    elif second is not None and decided <= second:
        counts["runs shown by the second heartbeat of each branch"] += 1
    else:
        counts["runs shown later, as they looked like a restart until then"] += 1
    text = f"suspected at {suspected}, must be at {decided}: {run.site.described()}"
    if decided is not None and (suspected is None or suspected > decided):
        report.findings[MISSED].append(text)
    if suspected is not None and (shown.turns_taken is None or suspected < shown.turns_taken):
        report.findings[WITHOUT_EVIDENCE].append(text)

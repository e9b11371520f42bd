"""Restaurants with one installation each, to which everything happens that may be taken for a clone."""

import random
from collections import Counter
from datetime import timedelta

from django.db import transaction

from heartbeat.runs import Boot
from tests.simulations.clone_rule import evidence
from tests.simulations.report import FALSE_ALARM, LIKE_CLONES, ORDINARY, Report
from tests.simulations.restaurants import REQUEST_SECONDS, Restaurant, new_installation, next_heartbeat, started

SHORTEST_LIFE, LONGEST_LIFE = 20, 300
WITHIN_A_REQUEST = timedelta(seconds=REQUEST_SECONDS)


class OrdinaryLife:
    """`snapshot` is the agent in the memory of a virtual machine when it was last saved.

    A snapshot is not put back if a late heartbeat of its boot had arrived since: `snapshot_is_usable`. Both together look
    exactly like a clone.
    """

    def __init__(self, randomness: random.Random, counts: Counter[str]) -> None:
        self.randomness, self.counts = randomness, counts
        self.site = Restaurant(randomness, counts)
        self.agent = new_installation()
        self.former_instances = [self.agent.instance_id]
        self.bodies: list[Boot] = []
        self.snapshot: Boot | None = None
        self.crossed: set[object] = set()

    def beat(self) -> None:
        self.agent = next_heartbeat(self.agent)
        self.bodies = [*self.bodies[-4:], self.agent]
        self.site.hear(self.agent)

    def restart(self) -> None:
        self.agent = started(self.agent.instance_id)
        if self.randomness.random() < 0.8:  # else it ends before its first heartbeat
            self.beat()

    def lose_answer(self) -> None:
        """The agent has no answer, and sends the same again until it has one."""
        self.beat()
        for _ in range(self.randomness.randint(1, 3)):
            self.site.hear(self.agent, after=WITHIN_A_REQUEST)

    def lose_heartbeat(self) -> None:
        """It never arrives, and the next one has the next number."""
        self.agent = next_heartbeat(self.agent)
        self.beat()

    def repeat(self) -> None:
        """One of the last heartbeats arrives once more; its boot may have ended."""
        if self.bodies:
            self.site.hear(self.randomness.choice(self.bodies), after=WITHIN_A_REQUEST)

    def arrive_late(self) -> None:
        """The agent is restarted, once or twice, while a heartbeat is on its way, which then arrives after a new one."""
        late = next_heartbeat(self.agent)
        self.crossed.add(late.boot_id)
        for _ in range(self.randomness.randint(1, 2)):
            self.agent = next_heartbeat(started(self.agent.instance_id))
            self.site.hear(self.agent, after=WITHIN_A_REQUEST)
        self.site.hear(late, after=WITHIN_A_REQUEST)
        self.bodies = [late, self.agent]

    def reinstall(self) -> None:
        self.agent = new_installation()
        self.former_instances.append(self.agent.instance_id)
        self.beat()

    def restore_state_folder(self) -> None:
        """An older backup of the files: an installation of before, and a new boot."""
        self.agent = started(self.randomness.choice(self.former_instances))
        self.beat()

    def save_memory(self) -> None:
        self.snapshot = self.agent

    def restore_memory(self) -> None:
        """The virtual machine goes on where it was: the same boot, and numbers that it has sent already."""
        if self.snapshot is None:
            return
        if self.snapshot.boot_id in self.crossed:
            self.counts["snapshots not put back: a late heartbeat had come back to them"] += 1
            return
        self.agent = self.snapshot
        self.beat()

    def simulate(self, events: int) -> None:
        actions = {
            self.beat: 40,
            self.restart: 12,
            self.lose_answer: 10,
            self.lose_heartbeat: 5,
            self.repeat: 8,
            self.arrive_late: 8,
            self.reinstall: 4,
            self.restore_state_folder: 4,
            self.save_memory: 4,
            self.restore_memory: 5,
        }
        self.counts["events"] += events
        for action in self.randomness.choices(list(actions), weights=list(actions.values()), k=events):
            self.counts[f"event: {action.__name__.replace('_', ' ')}"] += 1
            action()


def simulate(events: int, randomness: random.Random) -> Report:
    report = Report()
    left = events
    while left > 0:
        life = OrdinaryLife(randomness, report.counts[ORDINARY])
        length = min(left, randomness.randint(SHORTEST_LIFE, LONGEST_LIFE))
        left -= length
        with transaction.atomic():  # one commit
            life.simulate(length)
        judge(life, report)
    return report


def judge(life: OrdinaryLife, report: Report) -> None:
    suspected, decided = life.site.suspected_since(), evidence(life.site.calls).decided
    report.counts[ORDINARY]["restaurants"] += 1
    if suspected is not None:
        report.findings[FALSE_ALARM].append(f"suspected at {suspected}: {life.site.described()}")
    if decided is not None:
        report.findings[LIKE_CLONES].append(f"like a clone at {decided}: {life.site.described()}")

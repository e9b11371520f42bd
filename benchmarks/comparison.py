"""Candidates under the same load, turn by turn, and what each needed for it."""

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import load, usage
from benchmarks.postgres import Cluster, Database
from benchmarks.servers import Server


@dataclass(frozen=True)
class Candidate:
    """A server, the load for it, and where it must leave one row of history for each request (None: nowhere)."""

    label: str
    server: Server
    target: load.Target
    database: Database | None = None
    history: str = ""
    tables: tuple[str, ...] = ()

    def start_afresh(self) -> None:
        if self.database:
            self.database.start_afresh(emptied=(self.history,), tidied=self.tables)

    def miscounted(self, answered: int, connections: int) -> int:
        """Answers without a row, or rows without an answer: when wrk stops, each connection may have a request under way."""
        if not self.database:
            return 0
        surplus = settled_count(self.database, self.history) - answered
        return -surplus if surplus < 0 else max(0, surplus - connections)


@dataclass(frozen=True)
class Sample:
    """One run of one candidate; processor time in seconds per 1,000 requests."""

    load: load.Load
    server_cpu: float
    postgres_cpu: float
    miscounted: int

    @property
    def cpu(self) -> float:
        return self.server_cpu + self.postgres_cpu

    @property
    def errors(self) -> int:
        return self.load.errors + self.miscounted


Figure = Callable[[Sample], float]


def per_second(sample: Sample) -> float:
    return sample.load.per_second


def cpu(sample: Sample) -> float:
    return sample.cpu


def p50(sample: Sample) -> float:
    return sample.load.p50


def p99(sample: Sample) -> float:
    return sample.load.p99


def settled_count(database: Database, table: str) -> int:
    """What was under way when the client went away may still be written."""
    before, now = -1, database.count(table)
    while now != before:
        time.sleep(0.1)
        before, now = now, database.count(table)
    return now


def measure(candidate: Candidate, cluster: Cluster, *, seconds: float) -> Sample:
    candidate.start_afresh()
    server_before, postgres_before = (usage.cpu_seconds(pid) for pid in (candidate.server.pid, cluster.pid))
    seen = load.run(candidate.target, seconds=seconds)
    server_after, postgres_after = (usage.cpu_seconds(pid) for pid in (candidate.server.pid, cluster.pid))
    if not seen.requests:
        sys.exit(f"{candidate.label} answered nothing:\n{candidate.server.log.read_text(errors='replace')[-2000:]}")
    thousands = seen.requests / 1000
    return Sample(
        seen,
        (server_after - server_before) / thousands,
        (postgres_after - postgres_before) / thousands,
        candidate.miscounted(seen.requests, load.CONNECTIONS),
    )


def compare(
    candidates: dict[str, Candidate], cluster: Cluster, *, rounds: int, seconds: float
) -> dict[str, list[Sample]]:
    """A, B, C; A, B, C; …: what disturbs the machine for a while disturbs all of them."""
    samples: dict[str, list[Sample]] = {name: [] for name in candidates}
    for number in range(1, rounds + 1):
        for name, candidate in candidates.items():
            samples[name].append(measure(candidate, cluster, seconds=seconds))
        seen = ", ".join(f"{name} {of_one[-1].load.per_second:.0f}" for name, of_one in samples.items())
        print(f"round {number} of {rounds}, requests per second: {seen}", file=sys.stderr)
    return samples


def median(samples: list[Sample], figure: Figure) -> float:
    return statistics.median(figure(sample) for sample in samples)


def ratio(ours: list[Sample], theirs: list[Sample], figure: Figure, other: Figure | None = None) -> float:
    """The median over the rounds of a figure of ours by theirs in the same round."""
    pairs = zip(ours, theirs, strict=True)
    return statistics.median(figure(one) / (other or figure)(another) for one, another in pairs)

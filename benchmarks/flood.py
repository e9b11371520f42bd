"""Valid heartbeats from one address while another posts wrong keys as fast as it can."""

import statistics
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from benchmarks import load
from benchmarks.comparison import Candidate
from benchmarks.load import Load, Target
from benchmarks.report import Goal, at_least, below, none, spread, table

FLOOD_CONNECTIONS = 64
VALID_ADDRESS, FLOOD_ADDRESS = "198.51.100.7", "203.0.113.9"  # reserved for documentation
# What the valid ones would get if every connection were served alike.
SHARE = load.CONNECTIONS / (load.CONNECTIONS + FLOOD_CONNECTIONS)
LEAST_PART_OF_SHARE = 0.5
MOST_SLOWDOWN = 10
HEAD_START_SECONDS = 1


@dataclass(frozen=True)
class Turn:
    """Valid heartbeats alone, the same under the flood, and the flood."""

    quiet: Load
    flooded: Load
    flood: Load
    miscounted: int

    @property
    def part_of_share(self) -> float:
        return self.flooded.per_second / (self.quiet.per_second * SHARE)

    @property
    def slowdown(self) -> float:
        return self.flooded.p99 / self.quiet.p99

    @property
    def errors(self) -> int:
        """Of the valid ones. The flood's own are none of ours, save if it was let in."""
        return self.quiet.errors + self.flooded.errors + self.miscounted + self.flood.statuses.get("200", 0)


def measure(candidate: Candidate, wrong_credentials: Path, *, turns: int, seconds: float) -> list[Turn]:
    url, path = candidate.target.url, candidate.target.path
    valid = Target(url, path, candidate.target.credentials, VALID_ADDRESS)
    flood = Target(url, path, wrong_credentials, FLOOD_ADDRESS)
    taken = []
    for number in range(1, turns + 1):
        taken.append(one_turn(candidate, valid, flood, seconds=seconds))
        seen = f"{taken[-1].quiet.per_second:.0f} quiet, {taken[-1].flooded.per_second:.0f} under the flood"
        print(f"flood {number} of {turns}, valid requests per second: {seen}", file=sys.stderr)
    return taken


def one_turn(candidate: Candidate, valid: Target, flood: Target, *, seconds: float) -> Turn:
    candidate.start_afresh()
    quiet = load.run(valid, seconds=seconds)
    miscounted = candidate.miscounted(quiet.requests, load.CONNECTIONS)
    candidate.start_afresh()
    flooding = load.running(
        flood, seconds=seconds + 2 * HEAD_START_SECONDS, connections=FLOOD_CONNECTIONS, count_statuses=True
    )
    with flooding as under_way:
        time.sleep(HEAD_START_SECONDS)
        flooded = load.run(valid, seconds=seconds)
        flood_seen = under_way.result()
    miscounted += candidate.miscounted(flooded.requests, load.CONNECTIONS)
    return Turn(quiet, flooded, flood_seen, miscounted)


def flood_table(turns: list[Turn]) -> str:
    def row(name: str, loads: list[Load]) -> list[str]:
        figures = [statistics.median(getattr(one, name) for one in loads) for name in ("per_second", "p50", "p99")]
        return [
            name,
            f"{figures[0]:,.0f}",
            spread([one.per_second for one in loads]),
            *(f"{ms:.1f}" for ms in figures[1:]),
        ]

    return table(
        ["", "req/s", "noise", "p50 ms", "p99 ms"],
        [
            row(f"valid, {load.CONNECTIONS} connections, quiet", [turn.quiet for turn in turns]),
            row(f"valid, {load.CONNECTIONS} connections, under the flood", [turn.flooded for turn in turns]),
            row(f"the flood, {FLOOD_CONNECTIONS} connections", [turn.flood for turn in turns]),
        ],
    )


def what_the_flood_got(turns: list[Turn]) -> str:
    statuses: Counter[str] = Counter()
    for turn in turns:
        statuses.update(turn.flood.statuses)
    answers = ", ".join(f"{count:,} × {status}" for status, count in sorted(statuses.items()))
    return (
        f"The flood was answered {answers}; {sum(turn.flood.broken for turn in turns):,} of its requests got no answer."
    )


def goals(turns: list[Turn]) -> list[Goal]:
    part = statistics.median(turn.part_of_share for turn in turns)
    slowdown = statistics.median(turn.slowdown for turn in turns)
    return [
        at_least(
            f"under the flood, part of their share ({SHARE:.2f} of the quiet rate) that valid ones keep",
            part,
            LEAST_PART_OF_SHARE,
        ),
        below("p99 of valid ones under the flood, by the quiet one", slowdown, MOST_SLOWDOWN),
        none("no error among valid ones, no wrong key let in", sum(turn.errors for turn in turns)),
    ]

"""Does the server's memory stay where it was over a million requests?"""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks import load, report, servers, usage
from benchmarks.estates import Estate
from benchmarks.report import Goal

MEGABYTE = 10**6
LIMIT_MB = 250
MOST_GROWTH = 1.02
MEASURED_EVERY = 100_000
LONGEST_RUN_SECONDS = 15  # how long is enough is a guess from the run before


@dataclass(frozen=True)
class Reading:
    answered: int
    memory: usage.Memory


@dataclass(frozen=True)
class Soak:
    readings: Sequence[Reading]
    errors: int


def read(one: Estate, answered: int) -> Reading:
    return Reading(answered, usage.resident_memory(one.server.pid))


def measure(one: Estate, before: Reading, *, answered: int, wanted: int) -> Soak:
    """On from `answered` requests: heartbeats until the server has answered as many as wanted."""
    readings = [before, read(one, answered)]
    errors, seconds = 0, 2
    while answered < wanted:
        seen = load.run(one.target, seconds=seconds)
        answered, errors = answered + seen.requests, errors + seen.errors
        due = min(wanted, (answered // MEASURED_EVERY + 1) * MEASURED_EVERY) - answered
        seconds = min(LONGEST_RUN_SECONDS, max(1, math.ceil(due / seen.per_second)))  # wrk takes whole seconds
        if answered // MEASURED_EVERY > readings[-1].answered // MEASURED_EVERY or answered >= wanted:
            readings.append(read(one, answered))
            print(f"memory after {answered:,} requests: {megabytes(readings[-1]):.1f} MB", file=sys.stderr)
    return Soak(readings, errors)


def megabytes(reading: Reading) -> float:
    return reading.memory.rss / MEGABYTE


def growth(soak: Soak) -> float:
    """From the second reading on: by then every thread has worked and every connection is open."""
    return megabytes(soak.readings[-1]) / megabytes(soak.readings[1])


def memory_table(soak: Soak) -> str:
    return report.table(
        ["requests answered", "resident MB", "shared pages once, MB"],
        [[f"{one.answered:,}", f"{megabytes(one):.1f}", f"{one.memory.pss / MEGABYTE:.1f}"] for one in soak.readings],
    )


def goals(soak: Soak) -> list[Goal]:
    last = soak.readings[-1]
    return [
        report.below(
            f"resident memory after {last.answered:,} requests of {servers.WORKERS} workers with {servers.THREADS} threads "
            "and their master together",
            megabytes(last),
            LIMIT_MB,
            " MB",
        ),
        report.at_most("the same, by what it was once every thread had worked", growth(soak), MOST_GROWTH),
        report.none("no error", soak.errors),
    ]

"""Heartbeats alone, and while `manage.py prune` deletes half of the history."""

import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import psycopg

from benchmarks import estates, history, load, report, servers
from benchmarks.estates import Estate
from benchmarks.load import Load
from benchmarks.report import Goal

# In the middle of what `history` makes, so that half of it is due.
KEPT = (history.NEWEST + history.OLDEST) / 2
BEGINS_WITHIN_SECONDS = 30
LOOK_EVERY_SECONDS = 0.1
OLDEST = f"SELECT received_at FROM {history.TABLE} ORDER BY id LIMIT 1"
DELETED = f"SELECT n_tup_del FROM pg_stat_user_tables WHERE relname = '{history.TABLE}'"


@dataclass(frozen=True)
class Turn:
    """`was_finished`: nothing was left to delete when the load ended."""

    alone: Load
    beside: Load
    pruned_per_second: float
    was_finished: bool


@dataclass
class Progress:
    """How many rows were deleted, at each moment at which PostgreSQL's statistics changed, from the beginning on."""

    seen: list[tuple[float, int]] = field(default_factory=list)

    def watch(self, one: Estate, stop: threading.Event) -> None:
        with psycopg.connect(one.database.url, autocommit=True) as connection:
            while True:
                row = connection.execute(DELETED).fetchone()
                assert row is not None
                if not self.seen or row[0] != self.seen[-1][1]:
                    self.seen.append((time.monotonic(), row[0]))
                if stop.wait(LOOK_EVERY_SECONDS):
                    return

    @property
    def has_begun(self) -> bool:
        return len(self.seen) > 1

    @property
    def per_second(self) -> float:
        """From the first that was deleted to the last; if all went at once, since the command was started."""
        (begin, first), (end, last) = self.seen[1 if len(self.seen) > 2 else 0], self.seen[-1]
        return (last - first) / (end - begin)


@contextmanager
def pruning(one: Estate, batch_size: int | None) -> Iterator[tuple[subprocess.Popen[bytes], Progress]]:
    """The command as an operator starts it, from its first deletion on; it is ended with the block."""
    command = [sys.executable, "manage.py", "prune", "--heartbeat-days", str(KEPT.days)]
    command += [] if batch_size is None else ["--batch-size", str(batch_size)]
    stop, progress = threading.Event(), Progress()
    watcher = threading.Thread(target=progress.watch, args=(one, stop))
    watcher.start()
    process = subprocess.Popen(command, cwd=servers.ROOT, env=one.settings, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + BEGINS_WITHIN_SECONDS
        while not progress.has_begun:
            if time.monotonic() > deadline or process.poll():
                sys.exit("manage.py prune deletes nothing.")
            time.sleep(LOOK_EVERY_SECONDS)
        yield process, progress
    finally:
        process.terminate()
        process.wait()
        stop.set()
        watcher.join()


def one_turn(one: Estate, *, seconds: float, batch_size: int | None) -> Turn:
    estates.start_afresh(one)
    alone = load.run(one.target, seconds=seconds)
    estates.start_afresh(one)
    with pruning(one, batch_size) as (process, progress):
        beside = load.run(one.target, seconds=seconds)
        was_finished = process.poll() is not None
    return Turn(alone, beside, progress.per_second, was_finished)


@dataclass(frozen=True)
class Pruning:
    turns: Sequence[Turn]
    rows: int
    vacuum_seconds: float

    @property
    def errors(self) -> int:
        return sum(turn.alone.errors + turn.beside.errors for turn in self.turns)


def measure(one: Estate, *, turns: int, seconds: float, batch_size: int | None = None) -> Pruning:
    rows, taken = one.database.count(history.TABLE), []
    for number in range(1, turns + 1):
        if one.database.value(OLDEST) > datetime.now(UTC) - KEPT:
            break  # a short history is pruned before the turns are over
        taken.append(one_turn(one, seconds=seconds, batch_size=batch_size))
        last = taken[-1]
        print(
            f"pruning {number} of {turns}: {last.alone.per_second:.0f} heartbeats per second alone, "
            f"{last.beside.per_second:.0f} beside {last.pruned_per_second:.0f} rows pruned",
            file=sys.stderr,
        )
    began = time.monotonic()
    one.database.execute(f"VACUUM {history.TABLE}")
    return Pruning(taken, rows, time.monotonic() - began)


def median(turns: Sequence[Turn], run: str, figure: str) -> float:
    return statistics.median(getattr(getattr(turn, run), figure) for turn in turns)


def pruning_table(pruned: Pruning) -> str:
    def row(label: str, run: str, rate: str) -> list[str]:
        rates = [getattr(turn, run).per_second for turn in pruned.turns]
        latencies = [f"{median(pruned.turns, run, figure):.1f}" for figure in ("p50", "p99")]
        return [label, f"{statistics.median(rates):,.0f}", report.spread(rates), *latencies, rate]

    rate = f"{statistics.median(turn.pruned_per_second for turn in pruned.turns):,.0f}"
    return report.table(
        ["", "heartbeats/s", "noise", "p50 ms", "p99 ms", "rows pruned/s"],
        [row("alone", "alone", "–"), row("while pruning", "beside", rate)],
    )


def what_happened(pruned: Pruning) -> str:
    early = sum(turn.was_finished for turn in pruned.turns)
    done = f"In {early} of {len(pruned.turns)} turns everything was pruned before the load ended. " if early else ""
    return f"{done}A VACUUM of the history afterwards took {pruned.vacuum_seconds:.1f} s."


def goals(pruned: Pruning) -> list[Goal]:
    keeps_up = statistics.median(turn.pruned_per_second / turn.beside.per_second for turn in pruned.turns)
    kept = statistics.median(turn.beside.per_second / turn.alone.per_second for turn in pruned.turns)
    return [
        report.at_least(
            "pruning keeps up: rows pruned by rows that come in at the same time, at full load", keeps_up, 1
        ),
        report.at_least("pruning does not hurt: heartbeats a second, by the same alone", kept, 0.8),
        report.none("no error", pruned.errors),
    ]

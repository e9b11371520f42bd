"""Half of the measured maximum for half an hour, with faults at random times; writes the soak of docs/reliability.md.

    python -m tests.faults.soak [--minutes 30] [--seed NUMBER]

gunicorn's own processes are killed in the first half only, so that in the second half the same workers are observed.

Exit code 1 if anything was lost or wrong, a response was not problem+json, something did not come back, or memory grew.
"""

import argparse
import random
import signal
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tests.faults import report
from tests.faults.catalogue import FAULTS
from tests.faults.load import Size
from tests.faults.observe import Experiment, failures_of
from tests.faults.service import children, resident_megabytes
from tests.faults.system import System

SIZE = Size(heartbeats=12, writers=4, readers=2, period_seconds=0)
MEASURE_SECONDS = 20
FAULT_SECONDS = (2.0, 8.0)
PAUSE_SECONDS = (5.0, 20.0)
SAMPLE_SECONDS = 5
# By then every thread has worked, has its connection, and has met most kinds of failure.
WARM_UP_SECONDS = 300
MOST_GROWTH = 0.02  # as in benchmarks/soak.py


@dataclass
class Memory:
    """Resident megabytes of gunicorn's workers by their age; a worker that is killed is followed by a new one."""

    by_worker: dict[int, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    first_seen: dict[int, float] = field(default_factory=dict)

    def sample(self, workers: Sequence[int], now: float) -> None:
        for pid in workers:
            megabytes = resident_megabytes(pid)
            age = now - self.first_seen.setdefault(pid, now)
            if megabytes is not None and age >= WARM_UP_SECONDS:
                self.by_worker[pid].append((age, megabytes))

    @property
    def samples(self) -> list[float]:
        return [megabytes for samples in self.by_worker.values() for _, megabytes in samples]

    @property
    def longest_seconds(self) -> float:
        """How long one worker was observed, without its warm-up."""
        return max((samples[-1][0] - samples[0][0] for samples in self.by_worker.values()), default=0.0)

    def growth(self) -> float:
        """Over the longest time for which a worker was observed, as a part of the mean.

        By least squares, with one slope for all workers and a level for each.
        """
        products, squares = 0.0, 0.0
        for samples in self.by_worker.values():
            mean_age = sum(age for age, _ in samples) / len(samples)
            mean = sum(megabytes for _, megabytes in samples) / len(samples)
            products += sum((age - mean_age) * (megabytes - mean) for age, megabytes in samples)
            squares += sum((age - mean_age) ** 2 for age, _ in samples)
        if not squares:
            raise ValueError("no worker lived for longer than its warm-up: let the soak run for longer")
        return products / squares * self.longest_seconds / (sum(self.samples) / len(self.samples))


def measured_maximum(system: System) -> float:
    """Successful requests a second of the same mixture, from as many threads, as fast as they can."""
    experiment = Experiment(system, SIZE)
    experiment.load.start(*system.register())
    time.sleep(MEASURE_SECONDS / 4)
    before = len(experiment.records.requests)
    time.sleep(MEASURE_SECONDS)
    count = sum(each.is_success for each in experiment.records.requests[before:])
    experiment.load.stop()
    return count / MEASURE_SECONDS


def keep_sampling(system: System, memory: Memory, stopped: threading.Event) -> None:
    while not stopped.wait(SAMPLE_SECONDS):
        memory.sample(children(system.web.pid), time.monotonic())


def suffer_at_random(experiment: Experiment, chance: random.Random, until: float) -> None:
    faults = [
        fault
        for fault in FAULTS
        if "postgresql" in fault.kinds and (experiment.system.disk is not None or not fault.needs_disk)
    ]
    half = (time.monotonic() + until) / 2
    while (now := time.monotonic()) < until:
        time.sleep(chance.uniform(*PAUSE_SECONDS))
        fault = chance.choice([fault for fault in faults if now < half or not fault.ends_web_workers])
        observation = experiment.suffer(fault, chance.uniform(*FAULT_SECONDS))
        print(f"{fault.name}: {'recovered' if observation.recovered else 'did not recover'}", flush=True)


def summary(experiment: Experiment, memory: Memory, figures: dict[str, str]) -> str:
    requests = experiment.records.requests
    failures = Counter(str(each.status or "none") for each in requests if not each.is_success)
    faults = Counter(each.name for each in experiment.observations)
    rows = [
        *figures.items(),
        ("requests", f"{len(requests):,}"),
        ("of these failed, by status", report.by_status(failures)),
        ("verdicts compared", f"{len(experiment.records.verdicts):,}"),
        ("changes", f"{len(experiment.records.changes):,}"),
        ("faults", str(len(experiment.observations))),
        ("which", "; ".join(f"{count} × {name}" for name, count in sorted(faults.items()))),
        (
            "longest time to recover, s",
            f"{max((each.seconds_to_recover for each in experiment.observations), default=0):.1f}",
        ),
        ("lost", str(sum(len(each.lost) for each in experiment.observations))),
        ("wrong", str(sum(len(each.wrong) for each in experiment.observations))),
        ("memory of a worker, MB", f"{min(memory.samples):.0f} to {max(memory.samples):.0f}"),
        (
            f"its growth in {memory.longest_seconds / 60:.1f} minutes, after {WARM_UP_SECONDS / 60:.1f} to warm up",
            f"{memory.growth():+.1%} (at most {MOST_GROWTH:.0%})",
        ),
    ]
    return report.table(["figure", "value"], rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    circumstances = report.circumstances(f"python -m tests.faults.soak --minutes {options.minutes:g} --seed {seed}")
    print(circumstances, flush=True)
    memory, stopped = Memory(), threading.Event()
    with System("postgresql") as system:
        maximum = measured_maximum(system)
        print(f"{maximum:.0f} requests a second at most", flush=True)
        experiment = Experiment(system, replace(SIZE, period_seconds=SIZE.threads / (maximum / 2)))
        experiment.start()
        sampler = threading.Thread(target=keep_sampling, args=(system, memory, stopped))
        sampler.start()
        began_at = time.monotonic()
        suffer_at_random(experiment, random.Random(seed), began_at + options.minutes * 60)
        lasted = time.monotonic() - began_at
        stopped.set()
        sampler.join()
        experiment.finish()
    figures = {
        "lasted, minutes": f"{lasted / 60:.1f}",
        "measured maximum, requests a second": f"{maximum:.0f}",
        "meant to be sent, requests a second": f"{maximum / 2:.0f}",
    }
    text = f"{circumstances}\n\n{summary(experiment, memory, figures)}"
    print(text)
    report.replace_section("soak", text)
    problems = failures_of(experiment.observations)
    if memory.growth() > MOST_GROWTH:
        problems.append(f"memory grows by {memory.growth():.1%}")
    print(*problems, sep="\n")
    return 1 if problems else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that all that was started is ended
    sys.exit(main())

"""Every site comes back at once after an outage: is each of them answered, and do they drift apart afterwards?

python -m benchmarks.wave           # writes its section of benchmarks/results.md
python -m benchmarks.wave --quick   # one small wave; writes nothing
"""

import argparse
import random
import statistics
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks import callers, intervals, machine, postgres, report, seeding, servers, usage
from benchmarks.comparison import settled_count
from benchmarks.report import Goal

OUTAGE_HOURS = 12
INTERVALS = 4
BUSIEST_INTERVAL, MOST_BUSIEST = 2, 2.0
MOST_LATENESS_SECONDS = 0.05
# What the pulses were when the outage began, one usual pace before they were due.
BEFORE_THE_OUTAGE = f"""
UPDATE sites_sitepulse
   SET last_seen_at = now() - interval '{OUTAGE_HOURS} hours', due_at = now() - interval '{OUTAGE_HOURS - 6} hours',
       window_started_at = now() - interval '{OUTAGE_HOURS} hours', window_calls = 1"""


@dataclass(frozen=True)
class Plan:
    waves: int
    sites: int
    seconds: float


FULL = Plan(waves=3, sites=10_000, seconds=10)
QUICK = Plan(waves=1, sites=2_000, seconds=2)

NOTES = """\
Each site calls at a moment of its own, at random within that time, whether or not earlier calls were answered, on a connection
of its own, from its own address, and waits ten seconds for the answer. Latencies count from the moment at which the site meant
to call. Each wave finds servers that were just started and have no connection to the database yet. CPU is in seconds; the
client runs on the same machine, and `lateness` says how far behind its own plan it was."""

INTERVALS_NOTE = """\
Computed, not waited for: the first interval ends when each site calls after the interval of its reply, counted from its
own call; those after that follow the product's rule for each site. Minutes count from the beginning of the wave. The last
column cannot come near 1 soon: a pace that differs by at most 5 % either way spreads the first interval over a tenth of the
pace, the second over two tenths, so that against an even spread the busiest minute carries at least 10, 5, 3.3, 2.5 times as
much."""


@dataclass(frozen=True)
class Wave:
    calls: callers.Calls
    server_cpu: float
    postgres_cpu: float
    miscounted: int
    misinformed: int
    next_intervals: list[intervals.Interval]

    @property
    def errors(self) -> int:
        return self.calls.failures.total() + self.miscounted + self.misinformed


@dataclass(frozen=True)
class Measured:
    plan: Plan
    waves: list[Wave]
    surroundings: str


def plan_calls(plan: Plan, port: int) -> list[callers.Call]:
    moments = sorted(random.uniform(0, plan.seconds) for _ in range(plan.sites))
    numbers = random.sample(range(1, plan.sites + 1), plan.sites)
    return [
        callers.Call(seeding.site_id(number), at, callers.request_of(number, port=port))
        for number, at in zip(numbers, moments, strict=True)
    ]


def one_wave(
    plan: Plan, cluster: postgres.Cluster, database: postgres.Database, settings: dict[str, str], folder: Path
) -> Wave:
    database.execute(f"TRUNCATE {servers.HISTORY}", BEFORE_THE_OUTAGE, "VACUUM FULL sites_sitepulse")
    database.start_afresh(emptied=(), tidied=seeding.TABLES)
    with servers.shipped(settings, folder) as server:
        calls = plan_calls(plan, server.port)
        pids = (server.pid, cluster.pid)
        before = [usage.cpu_seconds(pid) for pid in pids]
        seen = callers.run(calls, server.port)
        server_cpu, postgres_cpu = (usage.cpu_seconds(pid) - used for pid, used in zip(pids, before, strict=True))
        miscounted = abs(settled_count(database, servers.HISTORY) - len(seen.answered))
    pace = intervals.usual_seconds(settings, (call.site_id for call in seen.calls))
    return Wave(
        seen,
        server_cpu,
        postgres_cpu,
        miscounted,
        sum(not is_informed(call, pace[call.site_id]) for call in seen.answered),
        next_intervals(seen, [pace[call.site_id] for call in seen.answered]),
    )


def is_informed(call: callers.Call, usual_seconds: int) -> bool:
    """All seeded sites are licensed for days and open, so that each reply says so and gives the usual interval."""
    answer = call.answer
    return (answer["licensed"], answer["locked"], answer["next_heartbeat_seconds"]) == (True, False, usual_seconds)


def next_intervals(seen: callers.Calls, usual: list[int]) -> list[intervals.Interval]:
    replied = [call.answer["next_heartbeat_seconds"] for call in seen.answered]
    return intervals.simulate([call.at for call in seen.answered], replied, usual, count=INTERVALS) if replied else []


def measure(plan: Plan, command: str) -> Measured:
    surroundings = machine.describe(command)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="portcullis-bench-")))
        cluster = stack.enter_context(postgres.cluster())
        database = cluster.create_database("portcullis_wave")
        settings = servers.production_settings(database)
        servers.prepare(settings)
        seeding.seed_sites(settings, last=plan.sites)
        waves = []
        for number in range(1, plan.waves + 1):
            waves.append(one_wave(plan, cluster, database, settings, folder))
            seen = waves[-1].calls
            print(
                f"wave {number} of {plan.waves}: {len(seen.answered)} answered, {dict(seen.failures)}", file=sys.stderr
            )
        return Measured(plan, waves, f"{surroundings}\n{machine.describe_database(cluster.admin)}")


def wave_row(number: int, wave: Wave) -> list[str]:
    seen = wave.calls
    times = [call.latency for call in seen.answered] or [0.0, 0.0]
    ends = [call.answered for call in seen.answered if call.answered is not None] or [0.0]
    milliseconds = [statistics.median(times), callers.percentile(times, 99), max(times), seen.lateness_p99]
    return [
        str(number),
        f"{len(seen.calls):,}",
        f"{seen.failures.total():,}",
        *(f"{1000 * seconds:.1f}" for seconds in milliseconds),
        *(f"{seconds:.2f}" for seconds in (min(ends), max(ends), wave.server_cpu, wave.postgres_cpu, seen.client_cpu)),
    ]


def waves_table(measured: Measured) -> str:
    header = ["wave", "requests", "failures", "p50 ms", "p99 ms", "longest ms", "lateness p99 ms", "first answer s"]
    header += ["last answer s", "CPU server", "CPU PostgreSQL", "CPU client"]
    return report.table(header, [wave_row(number, wave) for number, wave in enumerate(measured.waves, 1)])


def what_failed(waves: list[Wave]) -> str:
    kinds = sum((wave.calls.failures for wave in waves), start=type(waves[0].calls.failures)())
    if not kinds:
        return "No call failed."
    return "Failures: " + ", ".join(f"{count:,} × {kind}" for kind, count in kinds.most_common()) + "."


def goals(measured: Measured) -> list[Goal]:
    waves = measured.waves
    busiest = max(wave.next_intervals[BUSIEST_INTERVAL - 1].busiest_by_mean for wave in waves)
    lateness = max(wave.calls.lateness_p99 for wave in waves)
    return [
        report.none("no failure, no answer without a row, no wrong answer", sum(wave.errors for wave in waves)),
        report.at_most(
            "busiest minute of the second interval, by the mean of its minutes, in the worst wave",
            busiest,
            MOST_BUSIEST,
        ),
        report.below("the client kept to its plan: lateness p99, in seconds", lateness, MOST_LATENESS_SECONDS),
    ]


def results(measured: Measured) -> str:
    plan, waves = measured.plan, measured.waves
    reached = [] if any(not wave.next_intervals for wave in waves) else goals(measured)
    return "\n\n".join(
        [
            "## Wave",
            measured.surroundings,
            f"{plan.sites:,} sites come back within {plan.seconds:g} seconds after an outage of {OUTAGE_HOURS} hours, to the "
            f"server as shipped: {servers.WORKERS} workers with {servers.THREADS} threads.",
            waves_table(measured),
            what_failed(waves),
            NOTES,
            "### The intervals after the first wave",
            intervals.intervals_table(waves[0].next_intervals),
            INTERVALS_NOTE,
            "### Goals",
            "\n".join(str(goal) for goal in reached),
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    is_quick = parser.parse_args().quick
    servers.clean_up_when_stopped()
    measured = measure(QUICK if is_quick else FULL, f"make bench-wave{' (quick)' if is_quick else ''}")
    text = results(measured)
    print(text)
    for number, wave in enumerate(measured.waves, 1):
        if wave.errors:
            print(
                f"wave {number}: {wave.calls.failures.total()} failed, {wave.miscounted} without a row of history or rows "
                f"without an answer, {wave.misinformed} got a wrong reply.",
                file=sys.stderr,
            )
    if any(wave.errors for wave in measured.waves):
        sys.exit("These figures are worth nothing.")
    if not is_quick:
        report.write_section("wave", text)


if __name__ == "__main__":
    main()

"""Heartbeats a second: the product as shipped, on granian, the rival both ways, and a bare Django view as the ceiling.

python -m benchmarks.heartbeat           # writes its section of benchmarks/results.md
python -m benchmarks.heartbeat --quick   # fewer and shorter rounds; writes nothing
"""

import argparse
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks import flood, load, machine, postgres, report, seeding, servers, usage
from benchmarks.comparison import Candidate, Sample, compare, cpu, median, p50, p99, per_second, ratio
from benchmarks.report import Goal

SITES = 10_000  # each may call 60 times a minute
MEMORY_LIMIT_MB = 250
MEGABYTE = 10**6


@dataclass(frozen=True)
class Plan:
    rounds: int
    seconds: float
    warm_up_seconds: float
    floods: int
    flood_seconds: float


FULL = Plan(rounds=5, seconds=5, warm_up_seconds=3, floods=3, flood_seconds=5)
QUICK = Plan(rounds=2, seconds=2, warm_up_seconds=1, floods=1, flood_seconds=3)

# Of whom, against whom, requests per second at least that much, processor time per request at most that much.
LIMITS = (
    ("gunicorn", "ordinary", 2.0, 0.45),
    ("gunicorn", "tuned", 0.9, 1.0),
    ("granian", "ordinary", 2.8, 0.32),
    ("granian", "tuned", 1.25, 0.7),
)

NOTES = """\
Medians of the rounds, in which the candidates took turns; noise is the lowest and the highest round by the median. Ratios are
medians of each round's ratio. CPU is seconds of processor time per 1,000 requests, user and system, of the server's processes
and of PostgreSQL's. Errors are answers other than 2xx, requests without an answer, and answers without a row of history.
The client runs on the same machine. Most of what separates the ordinary rival from the rest is the SQL: one statement
instead of several, in the tuned rival too."""


@dataclass(frozen=True)
class Measured:
    candidates: dict[str, Candidate]
    samples: dict[str, list[Sample]]
    memory: usage.Memory
    turns: list[flood.Turn]
    surroundings: str

    @property
    def errors(self) -> int:
        return sum(sample.errors for of_one in self.samples.values() for sample in of_one) + sum(
            turn.errors for turn in self.turns
        )


def start_candidates(cluster: postgres.Cluster, folder: Path, stack: ExitStack) -> dict[str, Candidate]:
    numbers = range(1, SITES + 1)
    ours, theirs = cluster.create_database("portcullis_bench"), cluster.create_database("rival_bench")
    settings = servers.production_settings(ours)
    servers.prepare(settings)
    seeding.seed_sites(settings, last=SITES)
    servers.prepare_rival(theirs, sites=SITES)
    own_keys = seeding.write_credentials(folder / "sites.csv", numbers)
    rival_keys = seeding.write_rival_credentials(folder / "rival.csv", numbers)

    shipped = stack.enter_context(servers.shipped(settings, folder))
    granian = stack.enter_context(servers.granian(settings, folder))
    rival = stack.enter_context(servers.rival(theirs, folder))
    bare = stack.enter_context(servers.bare_django(folder))

    def our_own(label: str, server: servers.Server) -> Candidate:
        target = load.Target(server.url, "/api/heartbeat", own_keys)
        return Candidate(label, server, target, ours, servers.HISTORY, seeding.TABLES)

    def rivals(label: str, path: str) -> Candidate:
        return Candidate(label, rival, load.Target(rival.url, path, rival_keys), theirs, "heartbeat", ("site",))

    return {
        "gunicorn": our_own("Portcullis as shipped (gunicorn)", shipped),
        "granian": our_own("Portcullis on granian", granian),
        "ordinary": rivals("FastAPI rival, ordinary", "/hist/api/heartbeat/"),
        "tuned": rivals("FastAPI rival, tuned", "/corehist/api/heartbeat/"),
        "ceiling": Candidate("bare Django view (gunicorn)", bare, load.Target(bare.url, "/api/heartbeat", own_keys)),
    }


def measure(plan: Plan, command: str) -> Measured:
    surroundings = machine.describe(command)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="portcullis-bench-")))
        cluster = stack.enter_context(postgres.cluster())
        candidates = start_candidates(cluster, folder, stack)
        for candidate in candidates.values():
            load.run(candidate.target, seconds=plan.warm_up_seconds)
        samples = compare(candidates, cluster, rounds=plan.rounds, seconds=plan.seconds)
        memory = usage.resident_memory(candidates["gunicorn"].server.pid)
        wrong_keys = seeding.write_wrong_credentials(folder / "wrong.csv", range(1, SITES + 1))
        turns = flood.measure(candidates["gunicorn"], wrong_keys, turns=plan.floods, seconds=plan.flood_seconds)
        return Measured(
            candidates, samples, memory, turns, f"{surroundings}\n{machine.describe_database(cluster.admin)}"
        )


def comparison_table(measured: Measured) -> str:
    ordinary, tuned = measured.samples["ordinary"], measured.samples["tuned"]
    header = ["", "req/s", "noise", "p50 ms", "p99 ms", "CPU server", "CPU PostgreSQL", "CPU sum", "noise", "errors"]
    header += ["req/s : ordinary", "req/s : tuned", "CPU : ordinary", "CPU : tuned"]
    rows = []
    for name, of_one in measured.samples.items():
        rows.append(
            [
                measured.candidates[name].label,
                f"{median(of_one, per_second):,.0f}",
                report.spread([per_second(sample) for sample in of_one]),
                f"{median(of_one, p50):.1f}",
                f"{median(of_one, p99):.1f}",
                f"{median(of_one, lambda sample: sample.server_cpu):.3f}",
                f"{median(of_one, lambda sample: sample.postgres_cpu):.3f}",
                f"{median(of_one, cpu):.3f}",
                report.spread([cpu(sample) for sample in of_one]),
                str(sum(sample.errors for sample in of_one)),
                *(f"{ratio(of_one, rival, figure):.2f}" for figure in (per_second, cpu) for rival in (ordinary, tuned)),
            ]
        )
    return report.table(header, rows)


def goals(measured: Measured) -> list[Goal]:
    samples, found = measured.samples, []
    for ours, theirs, least_rate, most_cpu in LIMITS:
        pair = samples[ours], samples[theirs]
        found.append(report.at_least(f"{ours}, req/s by the {theirs} rival's", ratio(*pair, per_second), least_rate))
        found.append(report.at_most(f"{ours}, CPU by the {theirs} rival's", ratio(*pair, cpu), most_cpu))
    slowest = ratio(samples["gunicorn"], samples["ordinary"], p99, p50)
    found.append(report.below("gunicorn, p99 by the ordinary rival's p50", slowest, 1))
    found.append(
        report.none("no errors", sum(sample.errors for name in ("gunicorn", "granian") for sample in samples[name]))
    )
    found += flood.goals(measured.turns)
    resident = measured.memory.rss / MEGABYTE
    found.append(report.below("memory of the shipped server's processes together", resident, MEMORY_LIMIT_MB, " MB"))
    return found


def results(measured: Measured) -> str:
    memory = measured.memory
    return "\n\n".join(
        [
            "## Heartbeat",
            measured.surroundings,
            f"{load.CONNECTIONS} connections, {SITES:,} sites that have called before, a random one for each request.",
            comparison_table(measured),
            NOTES,
            "### Under a flood of wrong keys",
            flood.flood_table(measured.turns),
            flood.what_the_flood_got(measured.turns),
            "### Memory",
            f"The shipped server after the rounds, {servers.WORKERS} workers with {servers.THREADS} threads and their master: "
            f"{memory.rss / MEGABYTE:.0f} MB resident, shared pages counted for each process, "
            f"{memory.pss / MEGABYTE:.0f} MB counted once.",
            "### Goals",
            "\n".join(str(goal) for goal in goals(measured)),
        ]
    )


def complain(measured: Measured) -> None:
    for name, of_one in measured.samples.items():
        for number, sample in enumerate(of_one, 1):
            if sample.errors:
                print(
                    f"{name}, round {number}: {sample.load.refused} refused, {sample.load.broken} without an answer, "
                    f"{sample.miscounted} without a row of history or too many rows.",
                    file=sys.stderr,
                )
    for number, turn in enumerate(measured.turns, 1):
        if turn.errors:
            print(
                f"flood {number}: {turn.quiet.errors} valid ones failed when it was quiet, {turn.flooded.errors} under the "
                f"flood, {turn.miscounted} without a row of history or too many rows; the flood got {turn.flood.statuses}.",
                file=sys.stderr,
            )
    sys.exit(f"{measured.errors} errors: these figures are worth nothing.")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    is_quick = parser.parse_args().quick
    servers.clean_up_when_stopped()
    measured = measure(QUICK if is_quick else FULL, "make bench-quick" if is_quick else "make bench")
    text = results(measured)
    print(text)
    if measured.errors:
        complain(measured)
    if not is_quick:
        report.write_section("heartbeat", text)


if __name__ == "__main__":
    main()

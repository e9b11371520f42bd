"""Does anything get dearer with the number of sites and the length of their history?

python -m benchmarks.growth                     # writes its sections of benchmarks/results.md
python -m benchmarks.growth --quick             # small estates, short runs; writes nothing
python -m benchmarks.growth --sizes 1000 10000  # other sizes
python -m benchmarks.growth --parts list memory # some of: list, heartbeats, memory, pruning
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import (
    estates,
    ingest,
    load,
    machine,
    postgres,
    pruning,
    report,
    servers,
    site_list,
    soak,
)
from benchmarks.estates import Estate

PARTS = ("list", "heartbeats", "memory", "pruning")
LIST_AT_MOST = 100_000  # the goal for the list compares up to here; beyond it is only shown
# On disk, with indexes; of the log there is a gigabyte or two more.
BYTES_PER_ROW, BYTES_PER_SITE, LOG_BYTES = 200, 1_500, 2 * 10**9


@dataclass(frozen=True)
class Plan:
    sizes: tuple[int, ...]
    rows_per_site: int
    rounds: int
    seconds: float
    list_rounds: int
    list_seconds: float
    soak_requests: int
    prune_turns: int
    prune_seconds: float
    batch_size: int | None = None


FULL = Plan(
    sizes=(1_000, 10_000, 100_000, 1_000_000),
    rows_per_site=20,
    rounds=5,
    seconds=8,
    list_rounds=3,
    list_seconds=0.5,
    soak_requests=1_000_000,
    prune_turns=3,
    prune_seconds=15,
)
QUICK = replace(
    FULL,
    sizes=(1_000, 5_000),
    rounds=2,
    seconds=2,
    list_rounds=1,
    list_seconds=0.1,
    soak_requests=20_000,
    prune_turns=1,
    prune_seconds=2,
)

LIST_NOTES = """\
A whole GET with an access token on a connection that stays open, one at a time, after seeding and before any load. Medians;
CPU is of the server and of PostgreSQL together. Ratios are medians of each round's ratio, in which the sizes took turns. Of the
sites 91 % are online, 1.5 % late, 1.5 % offline, 2 % never seen, 1 % each locked, inactive, expired, deregistered: of what few
have, the page is not full at the smallest size, and costs less for it."""

HEARTBEAT_NOTES = """\
Medians of rounds in which the sizes took turns; each run begins right after a checkpoint, on a history that is kept. CPU is
seconds of processor time per 1,000 requests. A random site for each request, of those that have called before. So that a
thousand sites may answer for the whole load, HEARTBEATS_PER_MINUTE is 10,000 at every size, instead of 60."""

WAL_NOTES = """\
Bytes for each heartbeat. Records are the changes themselves. After each checkpoint the first change of a page writes the whole
page as well: here each run begins right after one, and every heartbeat of a large estate touches two pages that no other call
touched since, its pulse's and one of the history's index. No schema can avoid that; `wal_compression` makes it smaller."""

ROOM_NOTES = "Before the runs. The indexes of the history were made at once, after its rows."


@dataclass(frozen=True)
class Section:
    """Of results.md."""

    name: str
    title: str
    parts: Sequence[str]
    goals: Sequence[report.Goal]
    errors: int

    def text(self, surroundings: str) -> str:
        reached = "\n".join(str(goal) for goal in self.goals)
        return "\n\n".join([f"## {self.title}", surroundings, *self.parts, "### Goals", reached])


def measure_list(plan: Plan, all_estates: Sequence[Estate], cluster: postgres.Cluster) -> Section:
    found = site_list.measure(all_estates, cluster, rounds=plan.list_rounds, seconds=plan.list_seconds)
    smaller, larger = plan.sizes[0], max(size for size in plan.sizes if size <= max(LIST_AT_MOST, plan.sizes[0]))
    return Section(
        "list",
        "List of sites",
        [f"A page of {site_list.PAGE_SIZE}.", site_list.list_table(found, smaller, larger), LIST_NOTES],
        site_list.goals(found, smaller, larger),
        errors=0,  # a page that is too slow to be answered is a finding
    )


def measure_heartbeats(
    plan: Plan, all_estates: Sequence[Estate], cluster: postgres.Cluster
) -> tuple[Section, list[ingest.Findings]]:
    found = ingest.measure(all_estates, cluster, rounds=plan.rounds, seconds=plan.seconds)
    parts = [f"{load.CONNECTIONS} connections.", ingest.rate_table(found), HEARTBEAT_NOTES]
    parts += ["### Write-ahead log", ingest.wal_table(found), WAL_NOTES]
    parts += ["### Room", ingest.room_table(found), ingest.index_sizes(found[-1]), ROOM_NOTES]
    return Section("growth", "Growth", parts, ingest.goals(found), sum(of_one.errors for of_one in found)), found


def measure_memory(plan: Plan, one: Estate, before: soak.Reading, answered: int) -> Section:
    found = soak.measure(one, before, answered=answered, wanted=plan.soak_requests)
    what = f"The processes of the shipped server of {one.name} sites, which answered everything above before."
    return Section("memory", "Memory", [what, soak.memory_table(found)], soak.goals(found), found.errors)


def measure_pruning(plan: Plan, one: Estate) -> Section:
    found = pruning.measure(one, turns=plan.prune_turns, seconds=plan.prune_seconds, batch_size=plan.batch_size)
    size = "its default batches" if plan.batch_size is None else f"batches of {plan.batch_size:,}"
    what = (
        f"{found.rows:,} rows of history of {one.name} sites, half of them due; `manage.py prune` with {size}, "
        f"{load.CONNECTIONS} connections."
    )
    parts = [what, pruning.pruning_table(found), pruning.what_happened(found)]
    return Section("pruning", "Pruning", parts, pruning.goals(found), found.errors)


def measure(plan: Plan, parts: Sequence[str], command: str) -> tuple[str, list[Section]]:
    surroundings, sections, answered = machine.describe(command), [], 0
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="portcullis-bench-")))
        cluster = stack.enter_context(postgres.cluster())
        all_estates = [
            stack.enter_context(estates.estate(cluster, folder, sites=sites, rows_per_site=plan.rows_per_site))
            for sites in plan.sizes
        ]
        before = soak.read(all_estates[0], 0)
        if "list" in parts:
            sections.append(measure_list(plan, all_estates, cluster))
        if "heartbeats" in parts:
            section, found = measure_heartbeats(plan, all_estates, cluster)
            sections.append(section)
            answered = found[0].answered
        if "memory" in parts:
            sections.append(measure_memory(plan, all_estates[0], before, answered))
        if "pruning" in parts:
            sections.append(measure_pruning(plan, all_estates[-1]))
        return f"{surroundings}\n{machine.describe_database(cluster.admin)}", sections


def refuse_full_disk(plan: Plan) -> None:
    needed = sum(plan.sizes) * (plan.rows_per_site * BYTES_PER_ROW + BYTES_PER_SITE) + LOG_BYTES
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if needed > free:
        sys.exit(
            f"{tempfile.gettempdir()} has room for {free / 10**9:.1f} GB, and this needs {needed / 10**9:.1f} GB: "
            "set TMPDIR to a folder with more, or choose smaller --sizes."
        )


def chosen_plan() -> tuple[Plan, argparse.Namespace]:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="small estates, short runs; writes nothing")
    parser.add_argument("--sizes", type=int, nargs="+", help="numbers of sites, ascending")
    parser.add_argument("--rows-per-site", type=int, help="of history")
    parser.add_argument("--batch-size", type=int, help="of prune")
    parser.add_argument("--soak-requests", type=int, help="answered by a server when its memory is last measured")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    chosen = parser.parse_args()
    given = {name: getattr(chosen, name) for name in ("sizes", "rows_per_site", "batch_size", "soak_requests")}
    given["sizes"] = tuple(sorted(chosen.sizes)) if chosen.sizes else None
    plan = replace(QUICK if chosen.quick else FULL, **{name: value for name, value in given.items() if value})
    return plan, chosen


def main() -> None:
    plan, chosen = chosen_plan()
    servers.clean_up_when_stopped()
    refuse_full_disk(plan)
    surroundings, sections = measure(plan, chosen.parts, f"make bench-growth{' (quick)' if chosen.quick else ''}")
    for section in sections:
        print(section.text(surroundings), end="\n\n")
    if any(section.errors for section in sections):
        sys.exit("There were errors: these figures are worth nothing.")
    if not chosen.quick:
        for section in sections:
            report.write_section(section.name, section.text(surroundings))


if __name__ == "__main__":
    main()

"""What signing leases costs a heartbeat, and what the bodies of agents cost besides.

    python -m benchmarks.leases [--rounds 8] [--seconds 5]

Two servers as shipped on one PostgreSQL, each with a database of its own; one database has a signing key. They answer in
turns: without a key, with one, and with one the bodies of agents (nonce, installation, boot, rising sequence, revision). It
prints the figures, says whether the goals are met, and writes nothing.
"""

import argparse
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks import load, machine, seeding, servers, usage
from benchmarks.estates import CALLS_PER_MINUTE
from benchmarks.postgres import Cluster, Database
from benchmarks.servers import Server
from scripts.with_services import postgresql

SITES = 1_000
CONNECTIONS = 16
WARM_UP_SECONDS = 3
WITHOUT, SIGNED, AGENTS = "without a signing key", "with a signing key", "with one, bodies of agents"
# More processor time than without a signing key, per cent.
GOALS = {SIGNED: 15, AGENTS: 25}


@dataclass(frozen=True)
class Candidate:
    server: Server
    target: load.Target


def microseconds(candidate: Candidate, seconds: float) -> float:
    """Processor time of all of the server's processes for each heartbeat."""
    before = usage.cpu_seconds(candidate.server.pid)
    seen = load.run(candidate.target, seconds=seconds, connections=CONNECTIONS)
    if seen.errors:
        raise SystemExit(f"{seen.errors} of {seen.requests:,} heartbeats failed")
    return (usage.cpu_seconds(candidate.server.pid) - before) / seen.requests * 1e6


def warm_up(candidates: dict[str, Candidate], signing: Database) -> None:
    """Until each site has called: the first heartbeat of an agent takes longer than those that follow."""
    for candidate in candidates.values():
        load.run(candidate.target, seconds=WARM_UP_SECONDS, connections=CONNECTIONS)
    seconds = WARM_UP_SECONDS
    while signing.value("SELECT count(*) FROM sites_sitepulse WHERE lease_expires_at IS NOT NULL") < SITES:
        seconds *= 2  # wrk begins with the first site again
        load.run(candidates[AGENTS].target, seconds=seconds, connections=CONNECTIONS)


def compare(candidates: dict[str, Candidate], *, rounds: int, seconds: float) -> dict[str, list[float]]:
    """Microseconds of each round. Each candidate is first, second and last equally often."""
    results: dict[str, list[float]] = {name: [] for name in candidates}
    names = list(candidates)
    for number in range(rounds):
        start = number % len(names)
        for name in names[start:] + names[:start]:
            results[name].append(microseconds(candidates[name], seconds))
    return results


def print_results(results: dict[str, list[float]]) -> None:
    for name, measured in results.items():
        print(f"{name}: {statistics.median(measured):.0f} µs of processor time for a heartbeat")
    for name, goal in GOALS.items():
        more = sorted(100 * (b / a - 1) for a, b in zip(results[WITHOUT], results[name], strict=True))
        median = statistics.median(more)
        verdict = "met" if median < goal else "MISSED"
        print(f"{name}: {median:+.1f} % ({more[0]:+.1f} to {more[-1]:+.1f}), goal below {goal} %: {verdict}")


def prepared(database: Database, *, key: bool) -> dict[str, str]:
    """The settings of a server whose database has the sites and, if wanted, a signing key."""
    settings = servers.production_settings(database, HEARTBEATS_PER_MINUTE=CALLS_PER_MINUTE)
    servers.prepare(settings)
    seeding.seed_sites(settings, last=SITES)
    if key:
        servers.manage(settings, "create_signing_key")
    return settings


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=5)
    chosen = parser.parse_args()
    servers.clean_up_when_stopped()
    print(machine.describe(f"python -m benchmarks.leases --rounds {chosen.rounds} --seconds {chosen.seconds:g}"))
    with (
        tempfile.TemporaryDirectory() as name,
        tempfile.TemporaryDirectory() as data,
        postgresql(Path(data)) as (url, pid),  # it does not wait for the disk: what leases cost stands out the more
    ):
        folder = Path(name)
        callers = seeding.write_credentials(folder / "callers.csv", range(1, SITES + 1))
        one = Cluster(Database(url), pid)
        databases = {part: one.create_database(part) for part in ("plain", "signing")}
        for part in databases:
            (folder / part).mkdir()
        with (
            servers.shipped(prepared(databases["plain"], key=False), folder / "plain") as plain,
            servers.shipped(prepared(databases["signing"], key=True), folder / "signing") as signing,
        ):
            candidates = {
                WITHOUT: Candidate(plain, load.Target(plain.url, "/api/heartbeat", callers)),
                SIGNED: Candidate(signing, load.Target(signing.url, "/api/heartbeat", callers)),
                AGENTS: Candidate(signing, load.Target(signing.url, "/api/heartbeat", callers, script=load.AGENTS)),
            }
            warm_up(candidates, databases["signing"])
            print(f"{chosen.rounds} rounds of {chosen.seconds:g} s each, medians:")
            print_results(compare(candidates, rounds=chosen.rounds, seconds=chosen.seconds))


if __name__ == "__main__":
    main()

"""What the pages of the control panel cost, however many sites there are.

python -m benchmarks.panel                     # writes its section of benchmarks/results.md
python -m benchmarks.panel --quick             # small estates, one round; writes nothing
python -m benchmarks.panel --sizes 100 10000   # other sizes
"""

import argparse
import http.client
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlencode

from benchmarks import estates, machine, postgres, report, seeding, servers, usage, variety
from benchmarks.estates import Estate
from benchmarks.postgres import Cluster
from benchmarks.report import Goal

SIZES, QUICK_SIZES = (100, 10_000, 100_000), (100, 2_000)
ROWS_PER_SITE = 30
ROUNDS, PAGES_IN_A_ROUND = 9, 3
WARM_UP_ROUNDS = 2
MOST_DEARER = 3.0
LARGEST_PAGE_KILOBYTES = 300
LIST = "/admin/sites/site/"
ROW = b'class="action-select"'

NOTES = f"""\
A whole page for a signed-in sysadmin, on a connection that stays open, one at a time; the sizes take turns, page by page and
round by round. Medians; CPU is of the server and of PostgreSQL together. Ratios are medians of each round's ratio.
{ROWS_PER_SITE} heartbeats a site, six hours apart, three events. Of the sites 91 % are online, 1.5 % late, 1.5 % offline,
2 % never seen, 1 % each locked, inactive, expired, deregistered; a filtered page at the smallest size has fewer rows than at
the others, and costs less for it."""


def pages(estate: Estate) -> dict[str, str]:
    """Their names and addresses; the site is one that calls home."""
    known = next(number for number in range(1, estate.sites + 1) if variety.state_of(number) == "online")

    def one(**query: str) -> str:
        return f"{LIST}?{urlencode(query)}"

    return {
        "dashboard": "/admin/",
        "list, triage order": LIST,
        "list, second page": one(p="2"),
        "list, far down": one(p=str(max(2, int(estate.sites * 0.9 / 50)))),
        "list by last seen": one(o="-4"),
        "list by version": one(o="5"),
        "needs attention": one(view="attention"),
        "ending soon": one(view="ending"),
        "locked": one(view="locked"),
        "offline": one(status="offline"),
        "online": one(status="online"),
        "not licensed": one(licensed="no"),
        "one version": one(version=variety.VERSIONS[1][0]),
        "one zone": one(zone=seeding.ZONES[1]),
        "search: one e-mail address": one(q=f"site{known}@"),
        "search: a word that one in 10 has": one(q=seeding.KINDS[0]),
        "search: a word that all have": one(q="restaurants"),
        "site": f"{LIST}{seeding.site_id(known)}/change/",
        "confirmation of a lock": f"{LIST}operate/lock/?site={seeding.site_id(known)}",
        "registration form": f"{LIST}add/",
        "events": "/admin/audit/event/",
        "heartbeats": "/admin/heartbeat/heartbeat/",
    }


@dataclass(frozen=True)
class Shown:
    """One page several times; `latency` and `cpu` in seconds for one, `status` the first that was not 200."""

    latency: float
    cpu: float
    size: int
    rows: int
    status: int


@dataclass
class Sysadmin:
    """A browser without a screen: one connection, one session."""

    estate: Estate
    cookies: dict[str, str] = field(default_factory=dict)
    connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", self.estate.server.port, timeout=60)

    def ask(self, method: str, path: str, body: str | None = None) -> tuple[int, bytes]:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if body is not None:
            headers |= {"Content-Type": "application/x-www-form-urlencoded", "Referer": self.estate.server.url}
        self.connection.request(method, path, body, headers)
        response = self.connection.getresponse()
        for line in response.headers.get_all("Set-Cookie", []):
            self.cookies |= {name: morsel.value for name, morsel in SimpleCookie(line).items()}
        return response.status, response.read()

    def sign_in(self) -> None:
        _, page = self.ask("GET", "/admin/login/")
        token = re.search(rb'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token, "the login page has no form"
        facts = {"username": estates.ADMIN, "password": self.estate.admin_password, "next": "/admin/"}
        status, _ = self.ask("POST", "/admin/login/", urlencode(facts | {"csrfmiddlewaretoken": token[1].decode()}))
        if status != 302:
            sys.exit(f"The sysadmin cannot sign in: status {status}.")

    def look(self, path: str, cluster: Cluster, *, times: int) -> Shown:
        pids = (self.estate.server.pid, cluster.pid)
        before, latencies, statuses, body = sum(map(usage.cpu_seconds, pids)), [], [], b""
        for _ in range(times):
            began = time.perf_counter()
            status, body = self.ask("GET", path)
            latencies.append(time.perf_counter() - began)
            statuses.append(status)
        cpu = sum(map(usage.cpu_seconds, pids)) - before
        status = next((each for each in statuses if each != 200), 200)
        return Shown(statistics.median(latencies), cpu / times, len(body), body.count(ROW), status)


# By name of the page and number of sites.
Found = dict[str, dict[int, list[Shown]]]


def measure(all_estates: Sequence[Estate], cluster: Cluster, *, rounds: int) -> Found:
    admins = [Sysadmin(estate) for estate in all_estates]
    for admin in admins:
        admin.sign_in()
    names = list(pages(all_estates[0]))
    found: Found = {name: {estate.sites: [] for estate in all_estates} for name in names}
    for turn in range(WARM_UP_ROUNDS + rounds):
        for name in names:
            for admin in admins:
                shown = admin.look(pages(admin.estate)[name], cluster, times=PAGES_IN_A_ROUND)
                if turn >= WARM_UP_ROUNDS:
                    found[name][admin.estate.sites].append(shown)
    return found


def median(shown: Sequence[Shown], figure: str) -> float:
    return float(statistics.median(getattr(one, figure) for one in shown))


def ratio(by_size: dict[int, list[Shown]], figure: str) -> float:
    """Of the largest to the smallest size: the median of the rounds' ratios."""
    smallest, *_, largest = by_size.values()
    return statistics.median(
        getattr(large, figure) / max(getattr(small, figure), 1e-6)
        for large, small in zip(largest, smallest, strict=True)
    )


def page_table(found: Found) -> str:
    sizes = list(next(iter(found.values())))
    header = ["", *(f"{size:,} sites: ms" for size in sizes), "growth", "CPU growth", "kB", f"rows at {sizes[0]:,}"]
    return report.table(header, list(rows(found)))


def rows(found: Found) -> Iterator[list[str]]:
    for name, by_size in found.items():
        cells = [name]
        for shown in by_size.values():
            bad = [one.status for one in shown if one.status != 200]
            cells.append(f"status {bad[0]}" if bad else f"{1000 * median(shown, 'latency'):.0f}")
        size = max(one.size for shown in by_size.values() for one in shown) / 1000
        fewest = next(iter(by_size.values()))[0].rows
        growth = [f"{ratio(by_size, figure):.2f}" for figure in ("latency", "cpu")]
        yield [*cells, *growth, f"{size:.0f}", str(fewest or "–")]


def is_equally_full(by_size: dict[int, list[Shown]]) -> bool:
    """Otherwise the larger costs more for its rows alone."""
    return len({shown[0].rows for shown in by_size.values()}) == 1


def growth_goal(found: Found, which: str) -> Goal:
    growth = {name: ratio(by_size, "latency") for name, by_size in found.items()}
    worst = max(growth, key=lambda name: growth[name])
    sizes = list(next(iter(found.values())))
    text = f"time of a page at {sizes[-1]:,} sites by that at {sizes[0]:,}, the worst of {len(growth)}{which} ({worst})"
    return report.at_most(text, growth[worst], MOST_DEARER)


def goals(found: Found) -> list[Goal]:
    full = {name: by_size for name, by_size in found.items() if is_equally_full(by_size)}
    every = [one for by_size in found.values() for shown in by_size.values() for one in shown]
    return [
        growth_goal(found, ""),
        growth_goal(full, " with as many rows on each"),
        report.below(
            "the largest page, without its static files",
            max(one.size for one in every) / 1000,
            LARGEST_PAGE_KILOBYTES,
            " kB",
        ),
        report.none("pages that were not answered with 200", sum(one.status != 200 for one in every)),
    ]


def section(sizes: Sequence[int], rounds: int, command: str) -> tuple[str, int]:
    surroundings = machine.describe(command)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="portcullis-bench-")))
        cluster = stack.enter_context(postgres.cluster())
        all_estates = [
            stack.enter_context(
                estates.estate(cluster, folder, sites=size, rows_per_site=ROWS_PER_SITE, is_recent=True)
            )
            for size in sizes
        ]
        found = measure(all_estates, cluster, rounds=rounds)
        surroundings += f"\n{machine.describe_database(cluster.admin)}"
    failures = sum(one.status != 200 for by_size in found.values() for shown in by_size.values() for one in shown)
    reached = "\n".join(str(goal) for goal in goals(found))
    parts = ["## Control panel", surroundings, page_table(found), NOTES, "### Goals", reached]
    return "\n\n".join(parts), failures


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="small estates, few rounds; writes nothing")
    parser.add_argument("--sizes", type=int, nargs="+", help="numbers of sites, ascending")
    chosen = parser.parse_args()
    sizes = tuple(sorted(chosen.sizes or (QUICK_SIZES if chosen.quick else SIZES)))
    if len(sizes) < 2:
        parser.error("growth needs two sizes")
    servers.clean_up_when_stopped()
    rounds = 3 if chosen.quick else ROUNDS
    text, failures = section(sizes, rounds, f"make bench-panel{' (quick)' if chosen.quick else ''}")
    print(text)
    if failures:
        sys.exit("There were errors: these figures are worth nothing.")
    if not chosen.quick:
        report.write_section("panel", text)


if __name__ == "__main__":
    main()

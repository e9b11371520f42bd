"""`GET /api/sites`: what a page of fifty costs, for each filter and each ordering, however many sites there are."""

import http.client
import json
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode

from benchmarks import estates, report, seeding, usage, variety
from benchmarks.estates import Estate
from benchmarks.postgres import Cluster
from benchmarks.report import Goal

PAGE_SIZE = 50
ORDERINGS = ("name", "created_at", "license_expires_at", "last_seen_at")
DEEP = 0.9  # of the way to the last page
TOKEN_LASTS_SECONDS = 300
WARM_UP_REQUESTS = 32  # each thread of each worker gets its connection to the database
MOST_DEARER = 2.0


@dataclass(frozen=True)
class Question:
    """One way to ask for the list."""

    label: str
    query: dict[str, str]
    deep: bool = False

    def path(self, sites: int) -> str:
        page = {"page": str(max(1, int(sites * DEEP / PAGE_SIZE)))} if self.deep else {}
        query = urlencode(self.query | page)
        return f"/api/sites?{query}" if query else "/api/sites"


@dataclass(frozen=True)
class Batch:
    """The same page several times; seconds. `count` is what the answer says, `rows` how many the page has, `status` the
    first that was not 200."""

    latency: float
    cpu: float
    count: int
    rows: int
    status: int


# By label and number of sites.
Batches = dict[str, dict[int, list[Batch]]]


def questions(at: datetime) -> Iterator[Question]:
    def one(**query: str) -> Question:
        return Question(" ".join(f"{name}={value}" for name, value in query.items()), query)

    def instant(name: str, label: str, moment: datetime) -> Question:
        return Question(f"{name}={label}", {name: moment.isoformat().replace("+00:00", "Z")})

    yield Question("the first page", {})
    yield Question("a page far down", {}, deep=True)
    yield from (one(status=status) for status in ("never_seen", "online", "late", "offline"))
    yield from (one(**{name: v}) for name in ("is_locked", "is_active", "licensed") for v in ("true", "false"))
    yield instant("license_expires_before", "in 30 days", at + timedelta(days=30))
    yield instant("license_expires_after", "in 30 days", at + timedelta(days=30))
    yield instant("last_seen_before", "an hour ago", at - timedelta(hours=1))
    yield instant("last_seen_before", "a day ago", at - timedelta(days=1))
    yield from (one(version=version) for version, _ in (variety.VERSIONS[0], variety.VERSIONS[-1]))
    yield Question("search: one restaurant's e-mail address", {"search": "site77@"})
    yield Question("search: a name that one in 1,000 has", {"search": variety.RARE_OWNER})
    yield Question("search: a word that one in 10 has", {"search": seeding.KINDS[0]})
    yield Question("search: a word that all have", {"search": "restaurants"})
    yield Question("search: an id's beginning", {"search": str(seeding.site_id(77))[:8]})
    yield Question("search: two letters", {"search": "ra"})
    yield Question("search: no match", {"search": "zzyzx"})
    yield from (one(ordering=sign + column) for column in ORDERINGS for sign in ("", "-"))


@dataclass
class Admin:
    """Asks an estate's server, on one connection that stays open."""

    estate: Estate
    connection: http.client.HTTPConnection = field(init=False)
    token: str = ""
    signed_in_at: float = -TOKEN_LASTS_SECONDS

    def __post_init__(self) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", self.estate.server.port, timeout=30)

    def stay_signed_in(self) -> None:
        if time.monotonic() - self.signed_in_at < TOKEN_LASTS_SECONDS:
            return
        body = json.dumps({"username": estates.ADMIN, "password": self.estate.admin_password})
        self.connection.request("POST", "/api/auth/login", body, {"Content-Type": "application/json"})
        answer = json.loads(self.connection.getresponse().read())
        if "access" not in answer:
            sys.exit(f"The admin cannot sign in: {answer}")
        self.token, self.signed_in_at = answer["access"], time.monotonic()

    def ask(self, path: str) -> tuple[int, bytes]:
        self.connection.request("GET", path, headers={"Authorization": f"Bearer {self.token}"})
        response = self.connection.getresponse()
        return response.status, response.read()


def timed(admin: Admin, path: str) -> tuple[float, int, bytes]:
    began = time.perf_counter()
    status, body = admin.ask(path)
    return time.perf_counter() - began, status, body


def batch(admin: Admin, question: Question, cluster: Cluster, *, seconds: float) -> Batch:
    """One request to learn how long it takes, then as many as fit."""
    admin.stay_signed_in()
    path = question.path(admin.estate.sites)
    once, status, body = timed(admin, path)
    pids = (admin.estate.server.pid, cluster.pid)
    before = sum(map(usage.cpu_seconds, pids))
    taken = [timed(admin, path) for _ in range(max(1, int(seconds / once)))]
    cpu = sum(map(usage.cpu_seconds, pids)) - before
    answer: dict[str, Any] = json.loads(body)
    bad = [other for _, other, _ in taken if other != 200]
    return Batch(
        statistics.median(latency for latency, _, _ in taken),
        cpu / len(taken),
        answer.get("count", 0),
        len(answer.get("results", [])),
        status if status != 200 or not bad else bad[0],
    )


def measure(all_estates: Sequence[Estate], cluster: Cluster, *, rounds: int, seconds: float) -> Batches:
    """Each question to each estate in turn, round by round."""
    admins = [Admin(estate) for estate in all_estates]
    for admin in admins:
        admin.stay_signed_in()
        for _ in range(WARM_UP_REQUESTS):
            admin.ask("/api/sites")
    found: Batches = {}
    for question in questions(datetime.now(UTC)):
        ask = partial(batch, question=question, cluster=cluster, seconds=seconds)
        found[question.label] = {admin.estate.sites: [] for admin in admins}
        for _ in range(rounds):
            for admin in admins:
                found[question.label][admin.estate.sites].append(ask(admin))
    return found


def median(batches: Sequence[Batch], figure: str) -> float:
    return statistics.median(getattr(one, figure) for one in batches)


def ratio(batches: dict[int, list[Batch]], figure: str, smaller: int, larger: int) -> float:
    """The median of the rounds' ratios."""
    pairs = zip(batches[larger], batches[smaller], strict=True)
    return statistics.median(getattr(one, figure) / max(getattr(other, figure), 1e-6) for one, other in pairs)


def failures(batches: Sequence[Batch]) -> list[int]:
    return [one.status for one in batches if one.status != 200]


def list_table(found: Batches, smaller: int, larger: int) -> str:
    sizes = list(next(iter(found.values())))
    header = ["", f"found of {larger:,}", f"rows on the page at {smaller:,}"]
    header += [
        f"{sizes[0]:,} sites: ms",
        "CPU ms",
        *(text for size in sizes[1:] for text in (f"{size:,}: ms", "CPU ms")),
    ]
    header += [f"CPU {larger:,} : {smaller:,}", "ms"]
    rows = []
    for label, by_size in found.items():
        cells = [f"`{label}`" if "=" in label else label, f"{by_size[larger][0].count:,}"]
        cells.append(str(by_size[smaller][0].rows))
        for batches in by_size.values():
            bad = failures(batches)
            times = [f"{1000 * median(batches, figure):.1f}" for figure in ("latency", "cpu")]
            cells += [f"status {bad[0]}", "–"] if bad else times
        cells += [f"{ratio(by_size, figure, smaller, larger):.2f}" for figure in ("cpu", "latency")]
        rows.append(cells)
    return report.table(header, rows)


def is_equally_full(by_size: dict[int, list[Batch]], smaller: int, larger: int) -> bool:
    """Otherwise the larger costs more for its rows alone."""
    return by_size[smaller][0].rows == by_size[larger][0].rows


def goals(found: Batches, smaller: int, larger: int) -> list[Goal]:
    full = {label: by_size for label, by_size in found.items() if is_equally_full(by_size, smaller, larger)}
    reached = []
    for which, some in (("", found), (", those with as many rows on both pages", full or found)):
        for figure, name in (("cpu", "CPU"), ("latency", "latency")):
            by_label = {label: ratio(by_size, figure, smaller, larger) for label, by_size in some.items()}
            worst = max(by_label, key=lambda label: by_label[label])
            over = sum(value > MOST_DEARER for value in by_label.values())
            text = (
                f"a page at {larger:,} sites, {name} by that at {smaller:,}, the dearest of {len(some)} ways to ask{which} "
                f"({worst}; {over} are over it)"
            )
            reached.append(report.at_most(text, by_label[worst], MOST_DEARER))
    unanswered = sum(bool(failures(batches)) for by_size in found.values() for batches in by_size.values())
    return [*reached, report.none("ways to ask that were not answered with 200, at any size", unanswered)]

# ruff: noqa: S608 - SQL made of SQL is the purpose; all that comes from outside was quoted by the driver
"""The sites list, counted and paged at a price that hardly grows with the number of sites.

What heartbeats change has no index, so that they stay cheap: a question about it reads the whole pulse table, and must do
so once, not once for the count, once for the page and once for each join. Nor may a page depend on the planner's guess of
how many sites match, which runs behind. So on PostgreSQL one statement takes the first few matches, sees whether there
are more, and goes on accordingly; the rows of the page, with all that belongs to them, are then fetched by id.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet

from sites.models import Site, SitePulse
from sites.querysets import ORDERINGS, SiteQuerySet

# The bounds were measured at 100,000 sites.
LOOKED_UP = 500  # So few matches are cheapest looked up each and sorted;
REMEMBERED = 3_000  # of so few, one asks each entry of the order's index whether it is among them.
SORTED = 20_000  # Texts are sorted up to here: they often go together with the order, which would be walked in vain.
WALKED = 2_000  # A page that begins further on is cut from a join, which costs the same for every page.
SAMPLE = 5_000
PAST_ANY_END = 2**31  # PostgreSQL's OFFSET has 64 bits


@dataclass
class SiteList:
    """The live sites under conditions on Site, on its search text and on SitePulse, in one of ORDERINGS.

    For a paginator: `expect` tells it which rows will be asked for, and `count` then finds their ids on the way.
    """

    of_site: Q
    of_text: Q
    of_pulse: Q
    by: str
    at: datetime
    expected: slice = field(default_factory=lambda: slice(0, 0), init=False)
    ids: Iterable[Any] = field(default=(), init=False)

    def expect(self, rows: slice) -> None:
        self.expected = slice(min(rows.start, PAST_ANY_END), min(rows.stop, PAST_ANY_END))

    def count(self) -> int:
        if connection.vendor == "postgresql":
            number, self.ids = chosen(self)
        else:
            matching = self.sites().filter(pk__in=SitePulse.objects.filter(self.of_pulse))
            number, self.ids = matching.count(), matching.sorted_by(self.by).values("pk")[self.expected]
        return number

    def __getitem__(self, rows: slice) -> list[Site]:
        assert rows.start == self.expected.start
        return list(Site.objects.live().with_state(at=self.at).filter(pk__in=self.ids).sorted_by(self.by))

    def sites(self) -> SiteQuerySet:
        """Under the conditions on themselves."""
        return Site.objects.live().filter(self.of_site, self.of_text)


def chosen(sites: SiteList) -> tuple[int, list[Any]]:
    """How many there are, and the ids of the expected rows."""
    with connection.cursor() as cursor:
        cursor.execute(Choice(sites).statement())
        number, ids = cursor.fetchone()
    return number, ids


class Choice:
    """The statement of `chosen`, put together from SQL of Django's in which the values are quoted already."""

    def __init__(self, sites: SiteList) -> None:
        self.list = sites
        self.column = ORDERINGS[sites.by.removeprefix("-")].removeprefix("pulse__")
        self.direction = "DESC" if sites.by.startswith("-") else "ASC"
        self.by_pulse = self.column == "last_seen_at"
        self.of_pulse, self.of_text = bool(sites.of_pulse), bool(sites.of_text)
        self.of_site = bool(sites.of_site or sites.of_text)
        # Whether the pulses have to be read, and whether what is found so can be sorted without a further look.
        self.reads_pulses = self.of_pulse or self.by_pulse
        self.sortable = self.by_pulse or not self.of_pulse

    @cached_property
    def pulses(self) -> str:
        return quoted(SitePulse.objects.filter(self.list.of_pulse).values("pk", "last_seen_at"))

    @cached_property
    def sites(self) -> str:
        return quoted(self.list.sites().values("pk", *(() if self.by_pulse else (self.column,))))

    def statement(self) -> str:
        if not (self.of_pulse or self.of_text or (self.by_pulse and self.of_site)):
            return f"SELECT ({self.total()}), ARRAY({self.searched()})"
        most = SORTED if self.of_text else REMEMBERED
        if self.sortable:
            few = f"ARRAY({self.page('SELECT pk FROM found')})"
        else:
            few = f"CASE WHEN n <= {LOOKED_UP} THEN ARRAY({self.looked_up()}) ELSE ARRAY({self.remembered()}) END"
        # Of a CASE only the arm that it takes is computed.
        return f"""
            WITH found AS MATERIALIZED ({self.matching()} LIMIT {most + 1}), size AS (SELECT count(*) AS n FROM found)
            SELECT CASE WHEN n <= {most} THEN n ELSE ({self.total()}) END,
                   CASE WHEN n <= {most} THEN {few} ELSE ARRAY({self.searched()}) END
            FROM size"""

    def matching(self) -> str:
        if not self.reads_pulses:
            return self.sites
        if self.of_site:
            return f"SELECT pk, last_seen_at FROM ({self.pulses}) AS pulse JOIN ({self.sites}) AS site USING (pk)"
        return f"""SELECT pk, last_seen_at FROM ({self.pulses}) AS pulse WHERE NOT EXISTS (
                       SELECT FROM sites_site WHERE site_id = pk AND deregistered_at IS NOT NULL)"""

    def total(self) -> str:
        if not self.of_pulse:
            return f"SELECT count(*) FROM ({self.sites}) AS matching"
        if self.of_site:
            return f"SELECT count(*) FROM ({self.matching()}) AS matching"
        # Cheaper than to ask of every pulse whether its site is live.
        return f"""(SELECT count(*) FROM ({self.pulses}) AS every)
                 - (SELECT count(*) FROM ({self.pulses}) AS gone
                    WHERE pk = ANY (ARRAY(SELECT site_id FROM sites_site WHERE deregistered_at IS NOT NULL)))"""

    # --- The ids of the page ---

    def looked_up(self) -> str:
        return self.page(f"{LIVE.format(self.column)} WHERE pk = ANY (ARRAY(SELECT pk FROM found))")

    def remembered(self) -> str:
        # IS TRUE keeps it a question to each entry; alone it would become a join, in an order of its own.
        return self.page(f"{LIVE.format(self.column)} WHERE (pk IN (SELECT pk FROM found)) IS TRUE")

    def searched(self) -> str:
        if self.by_pulse:
            return self.page(f"SELECT pk FROM ({self.matching()}) AS matching WHERE {self.not_past_a_sample()}")
        if self.of_pulse and self.list.expected.start > WALKED:
            return self.page(f"SELECT pk FROM ({self.pulses}) AS pulse JOIN ({self.sites}) AS site USING (pk)")
        if self.of_pulse:
            its_pulse = f"SELECT true FROM ({self.pulses}) AS pulse WHERE pulse.pk = site.pk"
            return self.page(f"SELECT pk FROM ({self.sites}) AS site WHERE ({its_pulse})")
        return self.page(f"SELECT pk FROM ({self.sites}) AS site")

    def not_past_a_sample(self) -> str:
        """Spares most rows the sorting: the page's last row comes no later than the row of that number in any sample."""
        compared, beyond = ("<=", "infinity") if self.direction == "ASC" else (">=", "-infinity")
        last = f"""SELECT last_seen_at FROM ({self.matching()} LIMIT {SAMPLE}) AS sample
                   ORDER BY last_seen_at {self.direction} NULLS LAST OFFSET {self.list.expected.stop - 1} LIMIT 1"""
        return f"(last_seen_at {compared} coalesce(({last}), '{beyond}') OR last_seen_at IS NULL)"

    def page(self, ids: str) -> str:
        nulls = "NULLS LAST" if self.by_pulse else ""
        rows = self.list.expected
        return f"""{ids} ORDER BY {self.column} {self.direction} {nulls}, pk {self.direction}
                   LIMIT {rows.stop - rows.start} OFFSET {rows.start}"""


LIVE = "SELECT pk FROM (SELECT site_id AS pk, {} FROM sites_site WHERE deregistered_at IS NULL) AS site"


def quoted(rows: QuerySet[Any]) -> str:
    with connection.cursor() as cursor:
        return str(cursor.mogrify(*rows.query.sql_with_params()))

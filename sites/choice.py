# ruff: noqa: S608 - SQL made of SQL is the purpose; all that comes from outside was quoted by the driver
"""The statement that counts the sites of a list and finds the ids of one page, on PostgreSQL.

What heartbeats change has no index, so that they stay cheap: a question about it reads the whole pulse table, and must do
so once, not once for the count, once for the page and once for each join. Nor may a page depend on the planner's guess of
how many sites match, which runs behind. So one statement takes the first few matches, sees whether there are more, and
goes on accordingly; the rows of the page, with all that belongs to them, are then fetched by id.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import QuerySet

from sites.models import SitePulse
from sites.querysets import PANEL_ORDERINGS

if TYPE_CHECKING:
    from sites.listing import SiteList

# The bounds were measured at 100,000 sites.
LOOKED_UP = 500  # So few matches are cheapest looked up each and sorted;
REMEMBERED = 3_000  # of so few, one asks each entry of the order's index whether it is among them.
SORTED = 20_000  # Texts are sorted up to here: they often go together with the order, which would be walked in vain.
WALKED = 2_000  # A page that begins further on is cut from a join, which costs the same for every page.
SAMPLE = 5_000


class Choice:
    """The statement, put together from SQL of Django's in which the values are quoted already."""

    def __init__(self, sites: SiteList) -> None:
        self.list, self.of_pulse, self.of_text = sites, bool(sites.of_pulse), bool(sites.of_text)
        self.of_site = bool(sites.of_site or sites.of_text)
        self.direction = "DESC" if sites.by.startswith("-") else "ASC"
        self.choose_columns()

    def choose_columns(self) -> None:
        column = PANEL_ORDERINGS[self.list.by.removeprefix("-")]
        self.column = column.removeprefix("pulse__")
        self.by_pulse = self.column != column
        self.pulse_column = self.column if self.by_pulse else "last_seen_at"
        # Whether the pulses have to be read, and whether what is found so can be sorted without a further look.
        self.reads_pulses = self.of_pulse or self.by_pulse
        self.sortable = self.by_pulse or not self.of_pulse

    @cached_property
    def pulses(self) -> str:
        return quoted(SitePulse.objects.filter(self.list.of_pulse).values("pk", self.pulse_column))

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
            return (
                f"SELECT pk, {self.pulse_column} FROM ({self.pulses}) AS pulse JOIN ({self.sites}) AS site USING (pk)"
            )
        return f"""SELECT pk, {self.pulse_column} FROM ({self.pulses}) AS pulse WHERE NOT EXISTS (
                       SELECT FROM sites_site WHERE site_id = pk AND deregistered_at IS NOT NULL)"""

    def total(self) -> str:
        if not self.of_pulse:
            return f"SELECT count(*) FROM ({self.sites}) AS matching"
        if self.of_site:
            return f"SELECT count(*) FROM ({self.matching()}) AS matching"
        return f"(SELECT count(*) FROM ({self.pulses}) AS every) - ({self.deregistered()})"

    def deregistered(self) -> str:
        """How many of the pulses; to take them off is cheaper than to ask of every pulse whether its site is live."""
        return f"""SELECT count(*) FROM ({self.pulses}) AS gone
                   WHERE pk = ANY (ARRAY(SELECT site_id FROM sites_site WHERE deregistered_at IS NOT NULL))"""

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
        compared = "<=" if self.direction == "ASC" else ">="
        last = f"""SELECT {self.column} FROM ({self.matching()} LIMIT {SAMPLE}) AS sample
                   ORDER BY {self.column} {self.direction} NULLS LAST OFFSET {self.list.expected.stop - 1} LIMIT 1"""
        return f"({self.column} {compared} ({last})) IS NOT FALSE"

    def page(self, ids: str) -> str:
        nulls = "NULLS LAST" if self.by_pulse else ""
        rows = self.list.expected
        return f"""{ids} ORDER BY {self.column} {self.direction} {nulls}, pk {self.direction}
                   LIMIT {rows.stop - rows.start} OFFSET {rows.start}"""


LIVE = "SELECT pk FROM (SELECT site_id AS pk, {} FROM sites_site WHERE deregistered_at IS NULL) AS site"


def literal(value: object) -> str:
    with connection.cursor() as cursor:
        return str(cursor.mogrify("%s", [value]))


def quoted(rows: QuerySet[Any]) -> str:
    with connection.cursor() as cursor:
        return str(cursor.mogrify(*rows.query.sql_with_params()))

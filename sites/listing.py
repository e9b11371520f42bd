"""The sites list, counted and paged at a price that hardly grows with the number of sites."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from django.db import connection
from django.db.models import Q

from sites.choice import Choice
from sites.models import Site, SitePulse
from sites.querysets import SiteQuerySet
from sites.triage import TriageChoice

PAST_ANY_END = 2**31 - 2  # PostgreSQL counts the places of an array in 32 bits


@dataclass
class SiteList:
    """The sites under conditions on Site, on its search text and on SitePulse.

    `by` is one of PANEL_ORDERINGS or "triage"; `-` before it reverses. `among`: the live ones, the deregistered or all.

    For a paginator: `expect` tells it which rows will be asked for, and `count` then finds their ids on the way.
    """

    of_site: Q
    of_text: Q
    of_pulse: Q
    by: str
    at: datetime
    among: Literal["live", "deregistered", "all"] = "live"
    expected: slice = field(default_factory=lambda: slice(0, 0), init=False)
    ids: Iterable[Any] = field(default=(), init=False)

    @property
    def is_triaged(self) -> bool:
        return self.by.removeprefix("-") == "triage"

    def expect(self, rows: slice) -> None:
        self.expected = slice(min(rows.start, PAST_ANY_END), min(rows.stop, PAST_ANY_END))

    def count(self) -> int:
        if connection.vendor == "postgresql" and self.among == "live":
            number, self.ids = chosen(self)
        else:
            number, self.ids = self.matching().count(), self.matching().values("pk")[self.expected]
        return number

    def __getitem__(self, rows: slice) -> list[Site]:
        assert rows.start == self.expected.start
        return list(self.in_order(self.shown(self.candidates()).filter(pk__in=self.ids)))

    def shown(self, sites: SiteQuerySet) -> SiteQuerySet:
        """With what the representation needs; the panel's list needs less."""
        return sites.with_state(at=self.at)

    def matching(self) -> SiteQuerySet:
        """All of them, asked for in the plain way."""
        sites = self.sites()
        if self.of_pulse:
            sites = sites.filter(pk__in=SitePulse.objects.filter(self.of_pulse))
        return self.in_order(sites)

    def in_order(self, sites: SiteQuerySet) -> SiteQuerySet:
        if self.is_triaged:
            return sites.triaged(at=self.at, best_first=self.by.startswith("-"))
        return sites.sorted_by(self.by)

    def sites(self) -> SiteQuerySet:
        """Under the conditions on themselves."""
        return self.candidates().filter(self.of_site, self.of_text)

    def candidates(self) -> SiteQuerySet:
        among: SiteQuerySet = getattr(Site.objects, self.among)()
        return among


def chosen(sites: SiteList) -> tuple[int, list[Any]]:
    """How many there are, and the ids of the expected rows."""
    with connection.cursor() as cursor:
        cursor.execute((TriageChoice if sites.is_triaged else Choice)(sites).statement())
        number, ids = cursor.fetchone()
    return number, ids

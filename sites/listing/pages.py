"""Find one page of the list of sites.

On PostgreSQL, statements that hardly get dearer with the number of sites find it (`sites.listing.postgresql`). On SQLite, and
for lists with deregistered sites, the ORM does. The order in which the panel lists sites by default (triage) is found by
`panel.sites.list.triage`, which uses `page_by_orm` and `page_of_ids`.
"""

from dataclasses import dataclass
from typing import Any

from common.rows import within_any_list
from sites.listing import postgresql
from sites.listing.query import SiteQuery
from sites.querysets import SiteQuerySet


@dataclass(frozen=True)
class Page:
    """Sites `with_state`, and how many the whole list has."""

    sites: list[Any]
    total: int


def find_page(query: SiteQuery, rows: slice) -> Page:
    """The sites from position `rows.start` of the list up to `rows.stop`; none if that is past the end."""
    rows = within_any_list(rows)
    if not postgresql.can_find(query):
        return page_by_orm(query.in_order(), query, rows)
    total, ids = postgresql.find_ids(query, rows)
    return page_of_ids(ids, query, total=total)


def page_by_orm(sites: SiteQuerySet, query: SiteQuery, rows: slice) -> Page:
    """A page of the sites, which are in order."""
    return Page(list(sites.with_state(at=query.at)[rows]), query.matching_sites().count())


def page_of_ids(ids: list[Any], query: SiteQuery, *, total: int) -> Page:
    """The sites of those ids, in their order, without one that was deregistered since its id was found."""
    sites = {site.pk: site for site in query.sites_in_scope().with_state(at=query.at).filter(pk__in=ids)}
    return Page([sites[pk] for pk in ids if pk in sites], total)

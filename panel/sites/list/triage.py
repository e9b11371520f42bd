"""The panel's own order of the list: sites with problems first.

`in_triage_order` is the order in the ORM. On PostgreSQL, `find_triage_page` takes the page from statements that sort only the
sites with problems, which are few: those without one come last, in the order of their names, which has an index.
"""

from typing import Any

from django.db import models
from django.db.models import Case, F, Q, When

from common.rows import within_any_list
from panel.sites.list import triage_postgresql
from sites.listing import postgresql
from sites.listing.pages import Page, page_by_orm, page_of_ids
from sites.listing.query import SiteQuery
from sites.querysets import Alphabetical, SiteQuerySet, unlicensed_at
from sites.status import SiteStatus, status_conditions


class Triage(models.IntegerChoices):
    """The groups of the order. Late and offline sites are in the order of their missed heartbeats, all others of names."""

    OFFLINE = 0
    LATE = 1
    LOCKED = 2
    UNLICENSED = 3
    NEVER_SEEN = 4
    ONLINE = 5
    DEREGISTERED = 6


def find_triage_page(query: SiteQuery, rows: slice) -> Page:
    """Like `sites.listing.pages.find_page`, in the order of triage; `query.order` is ignored."""
    rows = within_any_list(rows)
    if not postgresql.can_find(query):
        return page_by_orm(in_triage_order(query), query, rows)
    total, ids = triage_postgresql.find_ids(query, rows)
    return page_of_ids(ids, query, total=total)


def in_triage_order(query: SiteQuery) -> SiteQuerySet:
    """The whole list."""
    status = status_conditions(query.at)
    # The first condition that is true decides, so a site that is offline and locked belongs to the locked ones.
    group = Case(
        When(deregistered_at__isnull=False, then=Triage.DEREGISTERED),
        When(is_locked=True, then=Triage.LOCKED),
        When(unlicensed_at(query.at), then=Triage.UNLICENSED),
        When(status[SiteStatus.NEVER_SEEN], then=Triage.NEVER_SEEN),
        When(status[SiteStatus.ONLINE], then=Triage.ONLINE),
        When(status[SiteStatus.LATE], then=Triage.LATE),
        default=Triage.OFFLINE,
        output_field=models.SmallIntegerField(),
    )
    is_overdue = Q(triage__lte=Triage.LATE)
    sites: Any = query.matching_sites().annotate(
        triage=group,
        overdue_since=Case(When(is_overdue, then=F("pulse__due_at"))),
        name_unless_overdue=Case(When(~is_overdue, then=Alphabetical("name"))),
    )
    keys = ("triage", "overdue_since", "name_unless_overdue", "site_id")
    ordered: SiteQuerySet = sites.order_by(*(f"-{key}" if query.descending else key for key in keys))
    return ordered

"""The list of sites: reads the filters, the search and the order from the URL, and shows the page that they select.

The page is found by `sites.listing.pages`, or by `panel.sites.list.triage` if the order is triage.
"""

import math
from collections.abc import Iterator
from functools import reduce
from operator import and_
from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.safestring import SafeString

from common.admin import has_nul_in_query
from heartbeat.availability import heartbeat_slots
from panel.own_lists import rows_of_a_list
from panel.sites.list.filters import RegistrationFilter
from panel.sites.list.rows import Row, organizations_of, rows_of, tags_of
from panel.sites.list.shown_columns import CHOICE
from panel.sites.list.triage import find_triage_page, in_triage_order
from panel.widgets.column_list import TRIAGE, ColumnList
from sites.listing.pages import Page, find_page
from sites.listing.query import SiteQuery
from sites.models import Site
from sites.querysets import containing

SELECT_ALL = SafeString('<input type="checkbox" id="action-toggle" aria-label="Select all sites on this page">')
# What a column can be ordered by, as lookups of Site; besides TRIAGE, which `panel.sites.list.triage` finds.
ORDERS = {
    "name": "name",
    "license_expires_at": "license_expires_at",
    "last_seen_at": "pulse__last_seen_at",
    "version": "pulse__version",
}


class SiteChangeList(ColumnList):
    column_choice = CHOICE
    query_of_list: SiteQuery
    filter_specs: Any

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Site]:
        """The whole list, for actions and the export; the page itself is found by `get_results`."""
        self.filter_specs, self.has_filters, unknown, _, self.has_active_filters = self.get_filters(request)
        if unknown or has_nul_in_query(request) or not all(spec.is_known for spec in self.filter_specs):
            # Never show more sites than were asked for, or let an action change them.
            raise IncorrectLookupParameters
        self.query_of_list = self.read_query()
        self.clear_all_filters_qs = self.get_query_string(remove=self.get_filters_params())
        return in_triage_order(self.query_of_list) if self.order() == TRIAGE else self.query_of_list.in_order()

    def read_query(self) -> SiteQuery:
        at = timezone.now()
        chosen = [(spec, spec.value()) for spec in self.filter_specs if spec.value()]
        term = self.query.strip()
        registration = [value for spec, value in chosen if isinstance(spec, RegistrationFilter)]
        return SiteQuery(
            at=at,
            on_site=reduce(and_, (spec.on_site(value, at=at) for spec, value in chosen), Q()),
            on_text=reduce(and_, (spec.on_text(value) for spec, value in chosen), containing(term) if term else Q()),
            on_pulse=reduce(and_, (spec.on_pulse(value, at=at) for spec, value in chosen), Q()),
            order=ORDERS.get(self.order(), "name"),
            descending=self.sorted_column()[1] == "-",
            registration=registration[0] if registration else "live",
        )

    def get_results(self, request: HttpRequest) -> None:
        size = self.list_per_page = rows_of_a_list(request)
        number = max(self.page_num, 1)
        page = self.find(number)
        last = max(1, math.ceil(page.total / size))
        if number > last:
            number, page = last, self.find(last)
        slots, tags = heartbeat_slots(page.sites, at=self.query_of_list.at), tags_of(page.sites)
        organizations = {} if "shown_organization" in self.hidden_columns else organizations_of(page.sites)
        for site in page.sites:
            site.slots, site.tag_names = slots[site.pk], tags[site.pk]
            site.organization_name = organizations.get(site.organization_id, "")
        # The numbers of the pages are all that the template needs of a paginator.
        self.paginator = Paginator(range(page.total), size)
        self.page_num, self.result_list, self.result_count = number, page.sites, page.total
        self.multi_page = last > 1
        self.can_show_all = self.show_full_result_count = False
        self.full_result_count, self.show_admin_actions = None, True

    def find(self, number: int) -> Page:
        rows = slice((number - 1) * self.list_per_page, number * self.list_per_page)
        find = find_triage_page if self.order() == TRIAGE else find_page
        return find(self.query_of_list, rows)

    @property
    def active_filters(self) -> int:
        """How many filters narrow the list, besides the view and the search."""
        return sum(1 for spec in self.filter_specs if spec.value() and spec.parameter_name != "view")

    @cached_property
    def deregistered_matches(self) -> int:
        """How many deregistered sites the search would find; 0 without a search, or if the list has them."""
        term = self.query.strip()
        if not term or self.query_of_list.registration != "live":
            return 0
        return Site.objects.deregistered().matching(term).count()

    def count_of_view(self) -> dict[str, int]:
        """How many sites the view that is shown has, by its name, if no search and no other filter narrows it."""
        chosen = [spec for spec in self.filter_specs if spec.value()]
        is_whole = len(chosen) == 1 and chosen[0].parameter_name == "view" and not self.query.strip()
        return {chosen[0].value(): self.result_count} if is_whole else {}

    def headers(self) -> list[dict[str, Any]]:
        headers = super().headers()
        if "action_checkbox" in self.list_display:
            headers[0]["text"] = SELECT_ALL
        return headers

    def rows(self) -> Iterator[Row]:
        return rows_of(self)

"""How the sites list is asked for: its count and its page by `SiteList`, its bars by one query more."""

from datetime import datetime
from functools import reduce
from operator import and_
from typing import Any, cast

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ORDER_VAR, ChangeList
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from common.admin import asks_for_nul
from heartbeat.availability import heartbeat_slots
from panel.sites.list.filters import RegistrationFilter
from panel.sites.list.rows import headers_of, rows_of
from sites.listing import SiteList
from sites.models import Site
from sites.querysets import SiteQuerySet, containing


class ShownSites(SiteList):
    def shown(self, sites: SiteQuerySet) -> SiteQuerySet:
        return sites.select_related("pulse").with_status(at=self.at)


class SiteChangeList(ChangeList):
    at: datetime
    found: SiteList
    filter_specs: Any

    # --- What is asked ---

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Site]:
        """All that are found, for actions; the page comes from `found`."""
        self.filter_specs, self.has_filters, unknown, _, self.has_active_filters = self.get_filters(request)
        if unknown or asks_for_nul(request) or not all(spec.is_known for spec in self.filter_specs):
            raise IncorrectLookupParameters  # rather than to show, or to let an action hit, more than was asked for
        self.at = timezone.now()
        self.found = self.asked_for()
        self.clear_all_filters_qs = self.get_query_string(remove=self.get_filters_params())
        return self.found.matching()

    def asked_for(self) -> SiteList:
        chosen = [(spec, spec.value()) for spec in self.filter_specs if spec.value()]
        term = self.query.strip()
        registration = [value for spec, value in chosen if isinstance(spec, RegistrationFilter)]
        return ShownSites(
            of_site=reduce(and_, (spec.of_site(value, at=self.at) for spec, value in chosen), Q()),
            of_text=containing(term) if term else Q(),
            of_pulse=reduce(and_, (spec.of_pulse(value, at=self.at) for spec, value in chosen), Q()),
            by=self.by(),
            at=self.at,
            among=registration[0] if registration else "live",
        )

    # --- The page ---

    def get_results(self, request: HttpRequest) -> None:
        paginator: Any = Paginator(cast(Any, self.found), self.list_per_page)
        self.turn_to(max(self.page_num, 1))
        if self.page_num > paginator.num_pages:
            self.turn_to(paginator.num_pages)
            self.found.count()
        self.result_list = paginator.page(self.page_num).object_list
        slots = heartbeat_slots(self.result_list, at=self.at)
        for site in self.result_list:
            site.slots = slots[site.pk]
        self.paginator, self.result_count = paginator, paginator.count
        self.multi_page = paginator.num_pages > 1
        self.can_show_all = self.show_full_result_count = False
        self.full_result_count, self.show_admin_actions = None, True

    def turn_to(self, number: int) -> None:
        self.page_num = number
        self.found.expect(slice((number - 1) * self.list_per_page, number * self.list_per_page))

    def headers(self) -> list[dict[str, Any]]:
        return headers_of(self)

    def rows(self) -> list[SafeString]:
        return rows_of(self)

    # --- The order: by one column at a time ---

    def by(self) -> str:
        index, sign = self.sorted_column()
        return sign + str(self.get_ordering_field(self.list_display[index]))

    def sorted_column(self) -> tuple[int, str]:
        """Which one, and "-" when it is reversed; that of triage unless another one is asked for."""
        _, sign, given = first_part(self.params.get(ORDER_VAR, "")).rpartition("-")
        orders = [self.get_ordering_field(name) for name in self.list_display]
        sortable = [number for number, order in enumerate(orders) if order]
        chosen = [number for number in sortable if str(number) == given]
        return (chosen[0], sign) if chosen else (orders.index("triage"), "")

    def get_ordering_field_columns(self) -> Any:
        index, sign = self.sorted_column()
        return {index: "desc" if sign else "asc"}

    def get_query_string(self, new_params: Any = None, remove: Any = None) -> str:
        if new_params and new_params.get(ORDER_VAR):
            new_params = {**new_params, ORDER_VAR: first_part(new_params[ORDER_VAR])}
        return super().get_query_string(new_params, remove)


def first_part(order: str) -> str:
    return order.partition(".")[0]

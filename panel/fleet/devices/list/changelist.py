"""The list of devices: reads the filters, the search and the order from the URL, and shows the page that they select."""

import math
from collections.abc import Iterator
from functools import reduce
from operator import and_
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib.admin.options import IncorrectLookupParameters
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from common.admin import COUNTED_AT_MOST, has_nul_in_query
from fleet.devices.models import Device
from panel.fleet.devices.counts import DeviceCounts, device_counts
from panel.fleet.devices.list.query import DeviceQuery
from panel.fleet.devices.list.shown_columns import CHOICE
from panel.fleet.devices.list.triage import find_page
from panel.own_lists import rows_of_a_list
from panel.widgets.column_list import ColumnList


class Row(NamedTuple):
    pk: UUID
    url: str
    name: SafeString
    cells: SafeString


class CountedPages(Paginator):
    """The numbers of the pages are all that the template needs."""

    @property
    def may_be_more(self) -> bool:
        return bool(self.count == COUNTED_AT_MOST)


class DeviceChangeList(ColumnList):
    column_choice = CHOICE
    query_of_list: DeviceQuery
    filter_specs: Any

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Device]:
        self.filter_specs, self.has_filters, unknown, _, self.has_active_filters = self.get_filters(request)
        if unknown or has_nul_in_query(request) or not all(spec.is_known for spec in self.filter_specs):
            raise IncorrectLookupParameters
        chosen = [(spec, spec.value()) for spec in self.filter_specs if spec.value()]
        self.query_of_list = DeviceQuery(
            at=timezone.now(),
            condition=reduce(and_, (spec.condition(value) for spec, value in chosen), Q()),
            text=self.query.strip(),
            order=self.order(),
            descending=self.sorted_column()[1] == "-",
        )
        # A view is no filter: "Clear all filters" and "found" are about the others.
        self.has_active_filters = self.active_filters > 0
        self.clear_all_filters_qs = self.get_query_string(remove=self.get_filters_params())
        return self.query_of_list.matching_devices()

    def get_results(self, request: HttpRequest) -> None:
        size = self.list_per_page = rows_of_a_list(request)
        number = max(self.page_num, 1)
        total, ids = self.find(number)
        last = max(1, math.ceil(total / size))
        if number > last:
            number, (total, ids) = last, self.find(last)
        self.paginator = CountedPages(range(total), size)
        self.page_num, self.result_count, self.multi_page = number, total, last > 1
        self.result_list = self.devices(ids)
        self.can_show_all = self.show_full_result_count = self.show_admin_actions = False
        self.full_result_count = None

    def find(self, number: int) -> tuple[int, list[UUID]]:
        rows = slice((number - 1) * self.list_per_page, number * self.list_per_page)
        return find_page(self.query_of_list, rows, total=self.counted_total())

    @cached_property
    def counts(self) -> DeviceCounts:
        return device_counts()

    def counted_total(self) -> int | None:
        """The total, if one filter alone narrows the list and the numbers of the views, which are shown anyway, have it."""
        chosen = [spec for spec in self.filter_specs if spec.value()]
        return chosen[0].counted(self.counts) if len(chosen) == 1 and not self.query.strip() else None

    def devices(self, ids: list[UUID]) -> list[Device]:
        """With their status at this moment, in the order of the ids."""
        shown = Device.objects.select_related("pulse", "site__organization").with_status(at=self.query_of_list.at)
        found = shown.in_bulk(ids)
        return [found[pk] for pk in ids if pk in found]

    @property
    def active_filters(self) -> int:
        """How many filters narrow the list, besides the view and the search."""
        return sum(1 for spec in self.filter_specs if spec.value() and spec.parameter_name != "view")

    def rows(self) -> Iterator[Row]:
        admin: Any = self.model_admin
        columns = {
            str(name): getattr(admin, str(name)) for name in self.list_display if name not in self.hidden_columns
        }
        name = columns.pop("shown_name")
        # The page of a device leads back to the list with its filters.
        filters = f"?{self.preserved_filters}" if self.preserved_filters else ""
        for device in self.result_list:
            yield Row(
                device.pk,
                reverse("admin:devices_device_change", args=[device.pk]) + filters,
                name(device),
                format_html_join(
                    "\n", '<td class="field-{}">{}</td>', ((key, show(device)) for key, show in columns.items())
                ),
            )

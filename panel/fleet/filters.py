"""Filters of the fleet's lists by the value of one column."""

from typing import Any

from django.contrib.admin import SimpleListFilter
from django.http import HttpRequest


class ColumnFilter(SimpleListFilter):
    """By the value of `column`, one of those that the filter offers; another value matches nothing."""

    column: str
    template = "panel/sites/list/filter.html"
    is_folded = takes_any_value = False

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        value = self.value()
        if value is None:
            return queryset
        is_known = any(value == choice for choice, _ in self.lookup_choices)
        return queryset.filter(**{self.column: value}) if is_known else queryset.none()

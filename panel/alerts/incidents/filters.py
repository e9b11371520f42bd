"""The filters of the list of incidents. The views (open, acknowledged, resolved, all) stand above it, with their numbers."""

from collections.abc import Iterator
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest

from alerts.kinds import Kind, Severity, State
from alerts.models import Incident
from common.admin import COUNTED_AT_MOST
from panel.sites.operations.selection import read_uuid
from panel.widgets.period_filter import PeriodFilter
from sites.models import Site

ALL = "all"


class ViewFilter(SimpleListFilter):
    """By the state. Without a choice: what is open."""

    title, parameter_name = "view", "view"
    template = "panel/sites/list/fixed_views.html"
    LABELS = {State.OPEN: "Open", State.ACKNOWLEDGED: "Acknowledged", State.RESOLVED: "Resolved", ALL: "All"}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(state), label) for state, label in self.LABELS.items()]

    def value(self) -> str:
        return super().value() or State.OPEN

    def choices(self, changelist: Any) -> Iterator[Any]:
        counts = Incident.objects.counts_by_state(at_most=COUNTED_AT_MOST)
        for state, label in self.lookup_choices:
            count = counts.get(str(state))
            yield {
                "selected": self.value() == state,
                "query_string": changelist.get_query_string({self.parameter_name: state}),
                "display": label,
                "count": count and (f"{count:,}" if count < COUNTED_AT_MOST else f"{count:,}+"),
            }

    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet[Incident]:
        state = self.value()
        if state == ALL:
            return queryset
        return queryset.filter(state=state) if state in State.values else queryset.none()


class ColumnFilter(SimpleListFilter):
    """By the value of the column that the parameter names."""

    template = "panel/sites/list/filter.html"
    is_folded = takes_any_value = False

    def queryset(self, request: HttpRequest, queryset: QuerySet[Incident]) -> QuerySet[Incident]:
        value, column = self.value(), str(self.parameter_name)
        if value is None:
            return queryset
        is_known = any(value == choice for choice, _ in self.lookup_choices)
        return queryset.filter(**{column: value}) if is_known else queryset.none()


class SeverityFilter(ColumnFilter):
    title, parameter_name = "severity", "severity"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(reversed(Severity.choices))


class KindFilter(ColumnFilter):
    title, parameter_name = "kind", "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(Kind.choices)


class SiteFilter(SimpleListFilter):
    """Incidents about one site, alone or with others. Only links set it: the page of a site has one."""

    title, parameter_name = "site", "site"
    template = "panel/sites/list/filter.html"
    is_folded = takes_any_value = False

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        given = request.GET.get(self.parameter_name)
        if given is None:
            return []
        site_id = read_uuid(given)
        name = Site.objects.filter(pk=site_id).values_list("name", flat=True).first() if site_id else None
        return [(given, name or "unknown")]

    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet[Incident]:
        given = self.value()
        if given is None:
            return queryset
        site_id = read_uuid(given)
        return queryset.of_site(site_id) if site_id else queryset.none()


class OpenedFilter(PeriodFilter):
    title, column = "opened", "opened_at"

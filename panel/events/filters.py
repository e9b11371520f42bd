"""The filters of the events page. The actions are known by name: no filter reads the table to list its own choices."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from django.contrib.admin import ListFilter, SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import Admin
from audit.models import Event
from panel.events.words import ACTIONS, SOURCES, SPECIFIC_EDITS, SUBJECT_TYPES

Choices = list[tuple[str, str]]


class EventFilter(SimpleListFilter):
    """The parameter is the name of a column."""

    template = "panel/sites/list/filter.html"
    is_folded = False
    takes_any_value = False

    def used_values(self) -> list[tuple[str, str]]:
        """For the event of an export: only what the filter offers, not what somebody typed into the URL."""
        return [(str(self.parameter_name), str(key)) for key, _ in self.lookup_choices if key == self.value()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        value, column = self.value(), str(self.parameter_name)
        if value is None:
            return queryset
        is_known = any(value == choice for choice, _ in self.lookup_choices)
        return queryset.filter(**{column: value}) if is_known else queryset.none()


class SubjectTypeFilter(EventFilter):
    title, parameter_name = "subject", "subject_type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return list(SUBJECT_TYPES.items())


class ActionFilter(EventFilter):
    """Only the actions of the chosen type of subject, if one is chosen."""

    title, parameter_name = "action", "action"
    is_folded = True

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        chosen = request.GET.get("subject_type")
        is_chosen = chosen in SUBJECT_TYPES
        return [
            (str(action), words.label if is_chosen else f"{type_label}: {words.label}")
            for subject_type, type_label in SUBJECT_TYPES.items()
            if not is_chosen or subject_type == chosen
            for action, words in ACTIONS.items()
            if action.startswith(f"{subject_type}.") and action not in SPECIFIC_EDITS
        ]


class SourceFilter(EventFilter):
    title, parameter_name = "source", "source"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(str(source), words) for source, words in SOURCES.items()]


class ActorFilter(EventFilter):
    title, parameter_name = "actor", "actor"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        admins = Admin.objects.order_by("username").values_list("pk", "username")
        return [(str(pk), username) for pk, username in admins]


class PeriodFilter(ListFilter):
    """From one day to another, both included, in the viewer's time zone."""

    title = "time"
    template = "panel/events/period_filter.html"
    BEGIN, END = "from", "until"
    PRESETS = (("Today", 0), ("Last 7 days", 6), ("Last 30 days", 29))

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        self.begin, self.end = (params.pop(name, [""])[-1] for name in (self.BEGIN, self.END))
        self.other_parameters = [
            (name, value)
            for name, values in request.GET.lists()
            if name not in {*self.expected_parameters(), "p"}
            for value in values
        ]

    def has_output(self) -> bool:
        return True

    def expected_parameters(self) -> list[str | None]:
        return [self.BEGIN, self.END]

    def used_values(self) -> list[tuple[str, str]]:
        given = ((self.BEGIN, self.begin), (self.END, self.end))
        return [(name, value) for name, value in given if value and read_day(value)]

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        yield {
            "selected": not (self.begin or self.end),
            "query_string": changelist.get_query_string(remove=self.expected_parameters()),
            "display": "Any time",
        }
        for words, days in self.PRESETS:
            begin = (timezone.localdate() - timedelta(days=days)).isoformat()
            yield {
                "selected": (self.begin, self.end) == (begin, ""),
                "query_string": changelist.get_query_string({self.BEGIN: begin}, [self.END]),
                "display": words,
            }

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        """Nothing for what is no date."""
        if self.begin:
            begin = read_day(self.begin)
            queryset = queryset.filter(at__gte=beginning_of(begin)) if begin else queryset.none()
        if self.end:
            end = read_day(self.end)
            queryset = queryset.filter(at__lt=beginning_of(end + timedelta(days=1))) if end else queryset.none()
        return queryset


def read_day(typed: str) -> date | None:
    """None for what is no date of a year from 1970 to 9998, which every time zone can hold."""
    try:
        day = date.fromisoformat(typed)
    except ValueError:
        return None
    return day if 1970 <= day.year < date.max.year else None


def beginning_of(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=timezone.get_current_timezone())

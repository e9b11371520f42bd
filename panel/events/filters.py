"""The filters of the events page. The actions are known by name: no filter reads the table to list its own choices."""

from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest

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

"""A filter of a list by time: from one day or time to another, in the viewer's time zone."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from django.contrib.admin import ListFilter
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

LENGTH_OF_A_DAY = len("2026-11-29")
FIRST_YEAR, LAST_YEAR = 1970, date.max.year - 1  # which every time zone can hold


class PeriodFilter(ListFilter):
    """Days are included; a time as the end is not. What is neither finds nothing.

    A subclass says which `column` it filters, and with `has_times` that times can be typed too.
    """

    title = "time"
    template = "panel/widgets/period_filter.html"
    column = "at"
    has_times = False
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
        return [(name, value) for name, value in given if value and read_begin(value)]

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
        yesterday = (timezone.localdate() - timedelta(days=1)).isoformat()
        yield {
            "selected": (self.begin, self.end) == (yesterday, yesterday),
            "query_string": changelist.get_query_string({self.BEGIN: yesterday, self.END: yesterday}),
            "display": "Yesterday",
        }

    @property
    def shown_begin(self) -> str:
        return self.shown(self.begin, read_begin(self.begin))

    @property
    def shown_end(self) -> str:
        return self.shown(self.end, read_end(self.end))

    def shown(self, typed: str, at: datetime | None) -> str:
        """As the input takes it; an input of days does not take a time."""
        if self.has_times:
            return f"{timezone.localtime(at):%Y-%m-%dT%H:%M}" if at else ""
        is_day = at is None or len(typed) <= LENGTH_OF_A_DAY
        return typed if is_day else f"{timezone.localtime(at):%Y-%m-%d}"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.begin:
            begin = read_begin(self.begin)
            queryset = queryset.filter(**{f"{self.column}__gte": begin}) if begin else queryset.none()
        if self.end:
            end = read_end(self.end)
            queryset = queryset.filter(**{f"{self.column}__lt": end}) if end else queryset.none()
        return queryset


def read_begin(typed: str) -> datetime | None:
    return read(typed, days_later=0)


def read_end(typed: str) -> datetime | None:
    return read(typed, days_later=1)


def read(typed: str, *, days_later: int) -> datetime | None:
    """A time, or midnight of a day or of the day after it; None for what is neither.

    A time without an offset is in the viewer's time zone.
    """
    try:
        day = date.fromisoformat(typed) if len(typed) <= LENGTH_OF_A_DAY else None
        at = datetime.combine(day + timedelta(days=days_later), time.min) if day else datetime.fromisoformat(typed)
    except (ValueError, OverflowError):
        return None
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        return None
    return at if at.tzinfo else at.replace(tzinfo=timezone.get_current_timezone())

"""The query of the list's URL, as a view stores it: what is known, in one order, so that two that mean the same are equal."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.contrib.admin.views.main import ORDER_VAR, SEARCH_VAR
from django.core.exceptions import ValidationError
from django.http import QueryDict

from panel.sites.list.shown_columns import ALWAYS, COLUMNS, columns_value
from sites.limits import MAX_VIEW_QUERY_LENGTH

ORDER = re.compile(r"-?\d{1,2}", re.ASCII)
UNKNOWN = ValidationError("The list has no such filter.", code="unknown")
TOO_LONG = ValidationError("The list has too many filters to be saved.", code="max_length")


def stored_query(given: QueryDict, site_admin: Any) -> str:
    """The filters, the search, the order and the columns, without the number of the page. Raises ValidationError."""
    filters = filters_of(site_admin)
    pairs = {name: given.getlist(name)[-1].strip() for name in (*filters, SEARCH_VAR) if name in given}
    for name, value in pairs.items():
        if not is_known(filters.get(name), value):
            raise UNKNOWN
    order = given.get(ORDER_VAR, "").partition(".")[0]
    if ORDER.fullmatch(order):
        pairs[ORDER_VAR] = order
    pairs[COLUMNS] = columns_value(given.getlist(COLUMNS))
    query = urlencode(sorted((name, value) for name, value in pairs.items() if value))
    if len(query) > MAX_VIEW_QUERY_LENGTH:
        raise TOO_LONG
    return query


def present_query(given: QueryDict, site_admin: Any) -> str | None:
    """The same for the list that is shown; None if it cannot be saved."""
    try:
        return stored_query(given, site_admin)
    except ValidationError:
        return None


def is_usable(query: str, site_admin: Any) -> bool:
    """Whether the list still has all filters of a stored query: an earlier release may have had others."""
    present = present_query(QueryDict(query), site_admin)
    stored = {(name, value) for name, value in parse_qsl(query) if name not in (ORDER_VAR, COLUMNS)}
    return present is not None and stored <= set(parse_qsl(present))


def filters_of(site_admin: Any) -> Mapping[str, Any]:
    return {each.parameter_name: each for each in site_admin.list_filter}


def is_known(spec: Any, value: str) -> bool:
    """Whether a filter takes the value, or the search, which takes any text."""
    return not value or ("\0" not in value and (spec is None or spec.takes(value)))


def description(query: str, site_admin: Any) -> list[str]:
    """The query in words, as in "status: offline". Also of one that has a filter that no longer exists."""
    return list(words(query, site_admin)) or ["all sites"]


def words(query: str, site_admin: Any) -> Iterator[str]:
    filters, columns = filters_of(site_admin), site_admin.list_display
    for name, value in parse_qsl(query):
        if name in filters:
            yield f"{filters[name].title}: {filters[name].describe(value)}"
        elif name == SEARCH_VAR:
            yield f"search: {value}"
        elif name == COLUMNS:
            shown = [label_of(site_admin, f"shown_{each}") for each in value.split(",") if each != ALWAYS]
            yield f"columns: {', '.join(['Site', 'State', *shown])}"
        elif name == ORDER_VAR and ORDER.fullmatch(value) and 0 < int(value.lstrip("-")) <= len(columns):
            column = label_of(site_admin, columns[int(value.lstrip("-")) - 1])
            yield f"order: {column}{', reversed' if value.startswith('-') else ''}"
        else:
            yield f"{name}: {value}"


def label_of(site_admin: Any, column: str) -> str:
    return str(getattr(getattr(site_admin, column, None), "short_description", column))

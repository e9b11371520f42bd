"""Pagination: numbered pages for lists with a total, cursors for lists that grow at their beginning."""

import math
from base64 import b64decode
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from django.core.exceptions import ValidationError as ModelValidationError
from rest_framework import pagination
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from common.rows import within_any_list

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 200


def whole_number(request: Request, name: str, *, default: int, maximum: int | None) -> int:
    """A positive whole number from the query. Raises ValidationError if it is not one or exceeds the maximum."""
    given = request.query_params.get(name)
    if given is None:
        return default
    # No page has a number of more than 20 digits, and int() of a short text is cheap.
    if not (given.isascii() and given.isdecimal()) or int(given[:20]) < 1:
        raise ValidationError({name: ["Must be a whole number from 1 on."]})
    number = int(given[:20])
    if maximum is not None and (number > maximum or len(given) > 20):
        raise ValidationError({name: [f"Must be a whole number from 1 to {maximum}."]})
    return number


class NumberedPages(pagination.PageNumberPagination):
    """Numbered pages of a list that finds its rows and total itself: call `rows`, then `response`."""

    page_size = DEFAULT_PAGE_SIZE
    page_size_query_param = "page_size"
    max_page_size = MAX_PAGE_SIZE

    def rows(self, request: Request) -> slice:
        """The positions in the list of the rows that the request asks for; none past any end. Raises ValidationError."""
        size, number = self.get_page_size(request), self.get_page_number(request, None)
        return within_any_list(slice((number - 1) * size, number * size))

    def response(self, request: Request, results: list[Any], *, total: int) -> Response:
        """Raises NotFound for a page past the end."""
        size, number = self.get_page_size(request), self.get_page_number(request, None)
        if number > max(1, math.ceil(total / size)):
            raise NotFound(self.invalid_page_message)
        url = request.build_absolute_uri()
        following = replace_query_param(url, self.page_query_param, number + 1) if number * size < total else None
        previous = None
        if number == 2:
            previous = remove_query_param(url, self.page_query_param)
        elif number > 2:
            previous = replace_query_param(url, self.page_query_param, number - 1)
        return Response({"count": total, "next": following, "previous": previous, "results": results})

    def get_page_size(self, request: Request) -> int:
        return whole_number(request, "page_size", default=DEFAULT_PAGE_SIZE, maximum=MAX_PAGE_SIZE)

    def get_page_number(self, request: Request, paginator: Any) -> int:
        return whole_number(request, "page", default=1, maximum=None)

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        described = super().get_paginated_response_schema(schema)
        described["required"] = ["count", "next", "previous", "results"]
        return described


class CursorPages(pagination.CursorPagination):
    """Newest first, by the first field of `ordering`; `position` turns a cursor's text back into that field's type."""

    page_size = DEFAULT_PAGE_SIZE
    page_size_query_param = "page_size"
    position: Callable[[str], object]

    def get_page_size(self, request: Request) -> int:
        return whole_number(request, "page_size", default=DEFAULT_PAGE_SIZE, maximum=MAX_PAGE_SIZE)

    def decode_cursor(self, request: Request) -> Any:
        try:
            refuse_foreign_cursor(request.query_params.get(self.cursor_query_param))
            cursor = super().decode_cursor(request)
            if cursor is not None and cursor.position is not None:
                # In the form that the database writes: PostgreSQL refuses some UTC offsets that Python accepts.
                cursor = cursor._replace(position=str(type(self).position(cursor.position)))
        except (NotFound, ModelValidationError, ValueError, TypeError, OverflowError) as error:
            raise ValidationError({"cursor": ["Not a cursor of this list."]}) from error
        return cursor

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        described = super().get_paginated_response_schema(schema)
        described["required"] = ["next", "previous", "results"]
        return described


def refuse_foreign_cursor(given: str | None) -> None:
    """Raise ValueError for a text that is not one of our cursors. DRF answers many of those with the first page."""
    if given is None:
        return
    parts = parse_qs(b64decode(given, validate=True).decode("ascii"), strict_parsing=True, keep_blank_values=True)
    if not parts or not parts.keys() <= {"o", "p", "r"}:
        raise ValueError("not a cursor")


def bigint_position(value: str) -> int:
    number = int(value)
    if not 0 <= number < 2**63:
        raise ValueError("outside 64 bits")
    return number

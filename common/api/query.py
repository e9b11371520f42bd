"""Strict query parameters: an unknown or repeated parameter is refused."""

import uuid
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.http import QueryDict
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from common.api.paging import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE
from common.values import clean_id


@extend_schema_field({"type": "boolean"})
class QueryBooleanField(serializers.ChoiceField):
    """`true` or `false` in any case, because HTTP clients write both `true` and `True`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=["true", "false"], **kwargs)

    def to_internal_value(self, data: Any) -> bool:
        return bool(super().to_internal_value(str(data).lower()) == "true")


@extend_schema_field({"anyOf": [{"type": "string", "format": "uuid"}, {"const": "none"}]})
class QueryIdOrNoneField(serializers.Field[Any, Any, Any, Any]):
    """A UUID, or `none`, which reads as None."""

    def to_internal_value(self, data: Any) -> uuid.UUID | None:
        if data == "none":
            return None
        try:
            found: uuid.UUID = clean_id(data)
        except DjangoValidationError as error:
            raise ValidationError("Must be a UUID or none.") from error
        return found


class QuerySerializer(serializers.Serializer[Any]):
    """Declares the query parameters of one endpoint; `read` gives their values."""

    @classmethod
    def read(cls, query: QueryDict) -> dict[str, Any]:
        """The validated values of the parameters that were given. Raises ValidationError (a 400).

        StrictQueryMixin has refused unknown and repeated ones before.
        """
        serializer = cls(data={name: values[-1] for name, values in query.lists()})
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)


class PageQuery(QuerySerializer):
    """For lists with numbered pages."""

    page = serializers.IntegerField(min_value=1, required=False, help_text="Past the end is 404.")
    page_size = serializers.IntegerField(
        min_value=1, max_value=MAX_PAGE_SIZE, required=False, help_text=f"{DEFAULT_PAGE_SIZE} when left out."
    )


class CursorQuery(QuerySerializer):
    """For lists that grow at their beginning."""

    cursor = serializers.CharField(required=False, help_text="As `next` and `previous` of a page give it.")
    page_size = serializers.IntegerField(
        min_value=1, max_value=MAX_PAGE_SIZE, required=False, help_text=f"{DEFAULT_PAGE_SIZE} when left out."
    )


def refuse_unknown(query: QueryDict, known: set[str]) -> None:
    """Raise ValidationError for a parameter that the endpoint does not have, that is repeated or that holds a NUL."""
    problems = {}
    for name, values in query.lists():
        if name not in known:
            problems[name] = ["Unknown query parameter."]
        elif len(values) > 1:
            problems[name] = ["Given more than once."]
        elif "\x00" in values[0]:
            problems[name] = ["Holds a NUL character."]
    if problems:
        raise ValidationError(problems)


class StrictQueryMixin:
    """For views: every query parameter must be one of `known_query_parameters()`."""

    query_serializer: type[QuerySerializer] | None = None

    def known_query_parameters(self) -> set[str] | None:
        """The names of the accepted parameters; None accepts any."""
        serializer = self.query_serializer
        return set(serializer().fields) if serializer else set()

    def initial(self, request: Any, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        known = self.known_query_parameters()
        # Another method is a 405, whatever its parameters are.
        if known is not None and request.method in self.allowed_methods:
            refuse_unknown(request.query_params, known)

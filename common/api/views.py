"""Base classes of the API's views."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from rest_framework import views, viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from common.api.query import QuerySerializer, StrictQueryMixin


class ApiRules(StrictQueryMixin):
    """Strict query parameters, no caching of responses to a signed-in caller, no OPTIONS."""

    http_method_names: ClassVar[list[str]] = ["get", "post", "put", "patch", "delete", "head"]
    # The failures that this endpoint's documentation names; 405, 413 and 503 are added everywhere.
    problem_statuses: tuple[int, ...] = ()
    # Names of security schemes, if the endpoint accepts credentials other than an access token.
    security_schemes: tuple[str, ...] = ()

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Response:
        finished: Response = super().finalize_response(request, response, *args, **kwargs)
        finished.headers.setdefault("Cache-Control", "no-store")
        return finished


class APIView(ApiRules, views.APIView):
    pass


class ViewSet(ApiRules, viewsets.GenericViewSet[Any]):
    """The base of a resource's endpoints. Subclasses name the permission, query parameters and problems of each action.

    `required_permissions` is read by `accounts.api.permissions`. `run_once` for an Idempotency-Key comes from
    `idempotency.api`, `actor` from `accounts.api.actor`.
    """

    queries: ClassVar[Mapping[str, type[QuerySerializer]]] = {}
    problems_by_action: ClassVar[Mapping[str, tuple[int, ...]]] = {}

    def known_query_parameters(self) -> set[str]:
        query = self.queries.get(self.action or "")
        return set(query().fields) if query else set()

    def read_query(self) -> dict[str, Any]:
        """The query parameters that were given. Raises ValidationError."""
        return self.queries[self.action].read(self.request.query_params)

    def read_body(self, serializer: type[Serializer[Any]], *, partial: bool = False) -> dict[str, Any]:
        """The values of the body. Raises ValidationError."""
        body = serializer(data=self.request.data, partial=partial)
        body.is_valid(raise_exception=True)
        return dict(body.validated_data)


def etag(revision: int) -> str:
    return f'"{revision}"'


def expected_revisions(request: Request) -> frozenset[int] | None:
    """The revisions that `If-Match` accepts; None if it accepts any. A tag of another shape matches none.

    A service that is given them raises PreconditionFailed (412) if the row has another revision.
    """
    condition = request.headers.get("If-Match", "*").strip()
    if condition == "*":
        return None
    # A proxy that compresses marks the tag as weak; the revision in it is the same.
    return frozenset(int(tag) for tag in re.findall(r'(?:W/)?"([1-9]\d{0,8})"', condition, re.ASCII))

"""What every API view of ours has in common."""

from typing import Any, ClassVar

from rest_framework import views, viewsets
from rest_framework.response import Response

from common.api.query import StrictQueryMixin


class ApiRules(StrictQueryMixin):
    """Strict query parameters, no caching of what only one caller may see, no OPTIONS."""

    http_method_names: ClassVar[list[str]] = ["get", "post", "put", "patch", "delete", "head"]
    # The failures that this endpoint's documentation names; 503 and 413 are everybody's.
    problem_statuses: tuple[int, ...] = ()

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Response:
        finished: Response = super().finalize_response(request, response, *args, **kwargs)
        finished.headers.setdefault("Cache-Control", "no-store")
        return finished


class APIView(ApiRules, views.APIView):
    pass


class ViewSet(ApiRules, viewsets.GenericViewSet[Any]):
    pass

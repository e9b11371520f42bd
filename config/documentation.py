"""The API's description, and two ways to read it, without a file from a foreign host."""

from functools import cache
from typing import Any

from csp.constants import SELF
from csp.decorators import csp_update
from django.utils.decorators import method_decorator
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularRedocView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from common.api import APIView

SCHEMA_URL = "/api/schema"


@cache
def description() -> dict[str, Any]:
    """Made once: it depends on the code alone, and making it takes longer than any other answer of ours."""
    schema: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return schema


class SchemaView(APIView):
    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="schema",
        summary="This description",
        tags=["service"],
        responses={200: {"type": "object", "description": "OpenAPI 3.1"}},
    )
    def get(self, request: Request) -> Response:
        """The API as OpenAPI 3.1."""
        return Response(description(), headers={"Cache-Control": "public, max-age=300"})


class SwaggerView(SpectacularSwaggerSplitView):
    url = SCHEMA_URL


# ReDoc searches in a worker that it makes from a blob.
@method_decorator(csp_update({"worker-src": [SELF, "blob:"], "child-src": [SELF, "blob:"]}), name="dispatch")
class RedocView(SpectacularRedocView):
    url = SCHEMA_URL
    template_name = "redoc.html"

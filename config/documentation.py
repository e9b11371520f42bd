"""The OpenAPI description and two pages that show it, without files from other hosts."""

from functools import cache
from importlib import resources
from typing import Any

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_update
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularRedocView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from common.api.views import APIView
from common.web.links import below_prefix

REDOC_LOGO = b"https://cdn.redoc.ly/redoc/logo-mini.svg"


@cache
def description() -> dict[str, Any]:
    """Generated once: it depends on the code alone, and generating it takes longer than any other response."""
    schema: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return schema


class SchemaView(APIView):
    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]
    problem_statuses = (400,)

    @extend_schema(
        operation_id="get_schema",
        summary="This description",
        tags=["service"],
        responses={200: {"type": "object", "description": "OpenAPI 3.1"}},
    )
    def get(self, request: Request) -> Response:
        """The API as OpenAPI 3.1."""
        prefix = below_prefix("")
        servers = {"servers": [{"url": prefix}]} if prefix else {}
        headers = {"Cache-Control": "public, max-age=300", "Vary": "X-Forwarded-Prefix"}
        return Response({**description(), **servers}, headers=headers)


class SwaggerView(SpectacularSwaggerSplitView):
    url_name = "schema"
    template_name = "swagger.html"


@cache
def redoc_script() -> bytes:
    """ReDoc's script without the logo that it loads from another host. ReDoc has no option for that."""
    package = resources.files("drf_spectacular_sidecar")
    path = "static/drf_spectacular_sidecar/redoc/bundles/redoc.standalone.js"
    return package.joinpath(path).read_bytes().replace(REDOC_LOGO, b"data:,")


def redoc_script_view(request: HttpRequest) -> HttpResponse:
    return HttpResponse(
        redoc_script(), content_type="text/javascript; charset=utf-8", headers={"Cache-Control": "public, max-age=3600"}
    )


# ReDoc runs its search in a worker created from a blob, and inserts its styles into the page. That is safe here: the page
# shows only our own description and has no input.
REDOC_NEEDS = {"worker-src": [SELF, "blob:"], "style-src": [SELF, UNSAFE_INLINE]}


@method_decorator(csp_update(REDOC_NEEDS), name="dispatch")
class RedocView(SpectacularRedocView):
    url_name = "schema"
    template_name = "redoc.html"

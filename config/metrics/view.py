"""`/metrics`: what Prometheus reads."""

import os
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.utils.crypto import constant_time_compare
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from rest_framework.permissions import AllowAny
from rest_framework.request import Request

from common.api.views import APIView
from common.errors import NotAuthenticated, NotFound
from common.metrics import wait_for_writers
from config.metrics import folder
from config.metrics.database import PresentState


class InvalidMetricsToken(NotAuthenticated):
    challenge = 'Bearer realm="metrics"'


class MetricsView(APIView):
    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]
    security_schemes = ("metricsToken",)  # as in SPECTACULAR_SETTINGS
    problem_statuses = (401, 404)

    def known_query_parameters(self) -> set[str] | None:
        """Accept any: Prometheus may be told to add some."""
        return None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Before the method is looked at. Raises NotFound, InvalidMetricsToken."""
        if not settings.METRICS_TOKEN:
            raise NotFound
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not constant_time_compare(token.strip(), settings.METRICS_TOKEN):
            raise InvalidMetricsToken
        super().initial(request, *args, **kwargs)

    @extend_schema(
        operation_id="metrics",
        summary="Metrics for Prometheus",
        tags=["service"],
        responses={(200, "text/plain"): OpenApiTypes.STR},
    )
    def get(self, request: Request) -> HttpResponse:
        """Counters of all worker processes and the present state of the sites, in Prometheus' text format.

        It exists if the server has a METRICS_TOKEN. docs/observability.md lists the metrics.
        """
        wait_for_writers()
        collectors = [counters_of_all_processes(), PresentState()]
        text = b"".join(map(generate_latest, collectors))
        return HttpResponse(text, content_type=CONTENT_TYPE_PLAIN_0_0_4, headers={"Content-Length": str(len(text))})


def counters_of_all_processes() -> Collector:
    """Those of all worker processes of gunicorn; on another server those of this process."""
    if folder.VARIABLE not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    return registry

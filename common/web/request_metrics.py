"""Requests by route, method and status, with their durations."""

import time
from collections.abc import Callable
from functools import cache

from django.conf import settings
from django.contrib.admindocs.views import simplify_regex
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse
from prometheus_client import Histogram

from common.metrics import Write, record

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER_METHOD, NO_ROUTE = "other", "none"
# A heartbeat takes some 2 ms; a request that takes longer than 5 s is answered 503.
BUCKETS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

REQUESTS = Histogram(
    "portcullis_http_request_duration_seconds",
    "Time from the whole request to the response, without waiting for a thread.",
    ["route", "method", "status"],
    buckets=BUCKETS,
)


class RequestMetricsMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        if not settings.METRICS_TOKEN:
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        response = self.get_response(request)
        took = time.perf_counter() - started
        method = request.method if request.method in METHODS else OTHER_METHOD
        record(duration_of(route_of(request), method, response.status_code), took)
        return response


@cache
def duration_of(route: str, method: str, status: int) -> Write:
    observe: Write = REQUESTS.labels(route, method, status).observe
    return observe


def route_of(request: HttpRequest) -> str:
    """The pattern of the URL with names in place of values; NO_ROUTE if the path matches none or was refused before.

    DirectRouteMiddleware, which resolves no URL, sets `direct_route`.
    """
    direct: str | None = getattr(request, "direct_route", None)
    if direct is not None:
        return direct
    if request.resolver_match is not None:
        return template_of(request.resolver_match.route)
    return f"{settings.STATIC_URL}<path>" if request.path_info.startswith(settings.STATIC_URL) else NO_ROUTE


@cache
def template_of(route: str) -> str:
    """`api/^sites/(?P<site_id>[^/]+)/?$` as `/api/sites/<site_id>`."""
    return str(simplify_regex(route)).rstrip("/") or "/"

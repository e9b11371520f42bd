"""The paths that are answered before the session and CSRF middleware: the probes, the metrics, and what machines report.

Monitors, local backends and devices send no cookie. For a heartbeat, a session, a CSRF token, messages and the search through
all URL patterns would cost as much as the heartbeat itself. `config.urls` uses the same table, for `reverse()` and for the
API's description.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, re_path
from django.views import View
from rest_framework.response import Response

from config.metrics.view import MetricsView
from config.probes import HealthView, LiveView
from fleet.heartbeats.api.views import DeviceHeartbeatView
from fleet.telemetry.api.reports import HealthReportView, TelemetryReportView
from heartbeat.api.views import HeartbeatView

API_PREFIXES = ("api/v1/", "api/")  # `reverse()` takes the last one


class DirectRoute(NamedTuple):
    path: str  # without slashes around it; answered with and without one at its end
    view: type[View]
    name: str
    checks_host: bool


HEARTBEAT = DirectRoute("heartbeat", HeartbeatView, "heartbeat", checks_host=True)
DEVICE_HEARTBEAT = DirectRoute("devices/heartbeat", DeviceHeartbeatView, "device-heartbeat", checks_host=True)
HEALTH_REPORT = DirectRoute("health", HealthReportView, "health-report", checks_host=True)
TELEMETRY_REPORT = DirectRoute("telemetry", TelemetryReportView, "telemetry-report", checks_host=True)
BELOW_API = (HEARTBEAT, DEVICE_HEARTBEAT, HEALTH_REPORT, TELEMETRY_REPORT)
PROBES = (
    # Load balancers and Prometheus send an IP address as Host, which is not in ALLOWED_HOSTS.
    DirectRoute("health", HealthView, "health", checks_host=False),
    DirectRoute("health/live", LiveView, "live", checks_host=False),
    DirectRoute("metrics", MetricsView, "metrics", checks_host=False),
)


def url_pattern(route: DirectRoute) -> URLPattern:
    return re_path(rf"^{route.path}/?$", route.view.as_view(), name=route.name)


def direct_paths() -> dict[str, DirectRoute]:
    """Every path that the middleware answers."""
    routes = {f"/{prefix}{route.path}": route for prefix in API_PREFIXES for route in BELOW_API}
    routes |= {f"/{probe.path}": probe for probe in PROBES}
    return {path + slash: route for path, route in routes.items() for slash in ("", "/")}


class DirectRouteMiddleware:
    """Answers the direct routes; passes every other request on."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.views: dict[str, tuple[Callable[..., Any], bool]] = {
            path: (route.view.as_view(), route.checks_host) for path, route in direct_paths().items()
        }

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        found = self.views.get(request.path_info)
        if found is None:
            return self.get_response(request)
        view, checks_host = found
        request.direct_route = request.path_info.rstrip("/")  # type: ignore[attr-defined] # for common/web/request_metrics.py
        if checks_host:
            request.get_host()  # refuses a Host that is not in ALLOWED_HOSTS, as CommonMiddleware does for other paths
        response: HttpResponseBase = view(request)
        return response.render() if isinstance(response, Response) else response

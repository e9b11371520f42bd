"""The middleware answers the same paths by the same views as `config.urls` would."""

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import resolve, reverse

from config.direct_routes import DirectRouteMiddleware, direct_paths

EXPECTED = {
    "/api/heartbeat": "HeartbeatView",
    "/api/heartbeat/": "HeartbeatView",
    "/api/v1/heartbeat": "HeartbeatView",
    "/api/v1/heartbeat/": "HeartbeatView",
    "/api/devices/heartbeat": "DeviceHeartbeatView",
    "/api/devices/heartbeat/": "DeviceHeartbeatView",
    "/api/v1/devices/heartbeat": "DeviceHeartbeatView",
    "/api/v1/devices/heartbeat/": "DeviceHeartbeatView",
    "/api/health": "HealthReportView",
    "/api/health/": "HealthReportView",
    "/api/v1/health": "HealthReportView",
    "/api/v1/health/": "HealthReportView",
    "/api/telemetry": "TelemetryReportView",
    "/api/telemetry/": "TelemetryReportView",
    "/api/v1/telemetry": "TelemetryReportView",
    "/api/v1/telemetry/": "TelemetryReportView",
    "/health": "HealthView",
    "/health/": "HealthView",
    "/health/live": "LiveView",
    "/health/live/": "LiveView",
    "/metrics": "MetricsView",
    "/metrics/": "MetricsView",
}


def test_the_table_has_every_path_with_both_slashes_and_both_prefixes() -> None:
    assert {path: route.view.__name__ for path, route in direct_paths().items()} == EXPECTED


@pytest.mark.parametrize("path", EXPECTED)
def test_the_url_patterns_lead_to_the_same_view(path: str) -> None:
    match, route = resolve(path), direct_paths()[path]
    assert (match.func.view_class, match.url_name) == (route.view, route.name)  # type: ignore[attr-defined]


def test_the_names_lead_to_direct_paths() -> None:
    assert {reverse(name) for name in ("heartbeat", "device-heartbeat", "health", "live", "metrics")} <= set(
        direct_paths()
    )


def passed_on(request: HttpRequest) -> HttpResponse:
    return HttpResponse("passed on")


@pytest.mark.parametrize("path", EXPECTED)
def test_the_middleware_answers_by_itself(path: str) -> None:
    answer = DirectRouteMiddleware(passed_on)(RequestFactory().delete(path))
    assert answer.status_code == (404 if "metrics" in path else 405)  # without a METRICS_TOKEN there is no /metrics


@pytest.mark.parametrize("path", ["/", "/api/", "/api/heartbeats", "/api/v2/heartbeat", "/health/ready", "/healthy"])
def test_the_middleware_passes_other_paths_on(path: str) -> None:
    assert DirectRouteMiddleware(passed_on)(RequestFactory().get(path)).content == b"passed on"


def test_only_the_probes_and_the_metrics_answer_to_any_host(client: Client) -> None:
    assert client.get("/health/live", headers={"Host": "10.0.0.1"}).status_code == 200
    assert client.get("/metrics", headers={"Host": "10.0.0.1"}).status_code == 404
    assert client.post("/api/heartbeat", headers={"Host": "10.0.0.1"}).status_code == 400

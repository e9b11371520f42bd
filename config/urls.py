"""The only root: every path of the control plane."""

import sys
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.generic import RedirectView

from common.api.problems import DATABASE_AWAY, RETRY_AFTER_OUTAGE_SECONDS, problem_response
from config.documentation import RedocView, SchemaView, SwaggerView, redoc_script_view
from config.probes import HealthView, LiveView


def unknown_endpoint(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    """Whatever below /api/ is no endpoint, in every method and also in debug mode."""
    return problem_response(404, "not_found", "There is no such endpoint.")


unknown_endpoint.csrf_exempt = True  # type: ignore[attr-defined]

api: list[URLPattern | URLResolver] = [
    re_path(r"^schema/?$", SchemaView.as_view(), name="schema"),
    path("auth/", include("accounts.api.urls")),
    path("", include("heartbeat.api.urls")),
    path("", include("sites.api.urls")),
]

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="root"),
    path("admin/", admin.site.urls),
    # MachineMiddleware answers these two before a Host is looked at; here they stand for the API's description.
    re_path(r"^health/?$", HealthView.as_view(), name="health"),
    re_path(r"^health/live/?$", LiveView.as_view(), name="live"),
    re_path(r"^docs/?$", SwaggerView.as_view(), name="docs"),
    re_path(r"^redoc/?$", RedocView.as_view(), name="redoc"),
    path("redoc/redoc.js", redoc_script_view, name="redoc-script"),
    path("api/v1/", include(api)),
    path("api/", include(api)),
    re_path(r"^api(/.*)?$", unknown_endpoint),
]


def server_error(request: HttpRequest) -> HttpResponse:
    """For people in the admin; below /api/ the problem middleware puts its own answer in place of this."""
    away = isinstance(sys.exc_info()[1], DATABASE_AWAY)
    # Without the request: whatever was wrong with it must not come up a second time.
    response = HttpResponse(render_to_string("error.html", {"away": away}), status=503 if away else 500)
    if away:
        response["Retry-After"] = str(RETRY_AFTER_OUTAGE_SECONDS)
    return response


handler500 = server_error

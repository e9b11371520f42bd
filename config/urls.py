"""All URLs of the control plane."""

import sys
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.generic import RedirectView

from alerts.customer_notices.pages import UnsubscribeView
from common.api.problems import DATABASE_UNAVAILABLE, outage_page, problem_response
from config.direct_routes import API_PREFIXES, BELOW_API, PROBES, url_pattern
from config.documentation import RedocView, SchemaView, SwaggerView, redoc_script_view
from config.schema_migrations.api.urls import migration_urls
from config.security_txt import security_txt_view
from documents.shares.views import SharePageView
from licensing.api.views import KeySetView


def unknown_endpoint(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    """Answer all other paths below /api/, for every method and also in debug mode."""
    return problem_response(404, "not_found", "There is no such endpoint.")


unknown_endpoint.csrf_exempt = True  # type: ignore[attr-defined]

api: list[URLPattern | URLResolver] = [
    re_path(r"^schema/?$", SchemaView.as_view(), name="schema"),
    path("auth/", include("accounts.api.urls")),
    path("admin/", include("accounts.api.people_urls")),
    path("", include("idempotency.personal_tokens.urls")),
    *(url_pattern(route) for route in BELOW_API),
    *migration_urls(),
    path("", include("heartbeat.api.urls")),
    path("", include("sites.api.urls")),
    path("", include("documents.shares.api.urls")),
    path("", include("documents.files.api.urls")),
    path("", include("alerts.api.urls")),
    path("", include("fleet.api.urls")),
    path("", include("fleet.firmware.api.urls")),
    path("", include("fleet.rollouts.api.urls")),
    path("", include("fleet.telemetry.api.urls")),
]

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="root"),
    path("admin/", admin.site.urls),
    *(url_pattern(probe) for probe in PROBES),
    re_path(r"^docs/?$", SwaggerView.as_view(), name="docs"),
    re_path(r"^redoc/?$", RedocView.as_view(), name="redoc"),
    path("redoc/redoc.js", redoc_script_view, name="redoc-script"),
    path(".well-known/security.txt", security_txt_view, name="security-txt"),
    path(".well-known/jwks.json", KeySetView.as_view(), name="signing-keys"),
    re_path(r"^s/(?P<token>[^/]+)/?$", SharePageView.as_view(), name="share-page"),
    path("unsubscribe/<str:token>", UnsubscribeView.as_view(), name="unsubscribe"),
    *(path(prefix, include(api)) for prefix in API_PREFIXES),
    re_path(r"^api(/.*)?$", unknown_endpoint),
]


def server_error(request: HttpRequest) -> HttpResponse:
    """The error page of the panel. Below /api/, ProblemMiddleware replaces it with a problem."""
    if isinstance(sys.exc_info()[1], DATABASE_UNAVAILABLE):
        return outage_page(request)
    # Rendered without the request, which may have caused the error and could cause it again.
    return HttpResponse(render_to_string("error.html", {"may_reload": request.method == "GET"}), status=500)


handler500 = server_error

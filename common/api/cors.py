"""Cross-origin requests of the origins in CORS_ALLOWED_ORIGINS."""

from collections.abc import Callable
from typing import Any
from urllib.parse import SplitResult

from corsheaders.middleware import CorsMiddleware
from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest
from django.http.response import HttpResponseBase


class ApiCorsMiddleware(CorsMiddleware):
    """Answers the preflights of allowed origins, and lets them read every response below /api/, also errors."""

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        if not settings.CORS_ALLOWED_ORIGINS:
            raise MiddlewareNotUsed
        super().__init__(get_response)

    def check_preflight(self, request: HttpRequest) -> HttpResponseBase | None:
        """A preflight of another origin is answered as any other OPTIONS request."""
        response = super().check_preflight(request)
        if response is None or request.headers.get("Origin") not in settings.CORS_ALLOWED_ORIGINS:
            return None
        del response["Content-Type"]
        return response

    def origin_found_in_white_lists(self, origin: str, url: SplitResult) -> bool:
        """The package compares scheme and host alone, and would repeat whatever else the header has."""
        return origin in settings.CORS_ALLOWED_ORIGINS

"""The project's URLs, and views that fail in every way that a view can."""

from typing import Any

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from common.api.views import APIView
from config import urls

SECRET = "what the caller must not see"
FAULTS: dict[str, type[Exception]] = {
    "defect": RuntimeError,
    "database": OperationalError,
    "connection": InterfaceError,
    "missing": Http404,
    "forbidden": PermissionDenied,
    "suspicious": SuspiciousOperation,
}


class FaultyView(APIView):
    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]

    def get(self, request: Request, fault: str) -> Response:
        raise FAULTS[fault](SECRET)


def faulty_page(request: HttpRequest, fault: str) -> HttpResponse:
    raise FAULTS[fault](SECRET)


class FaultyMiddleware:
    """Fails below /api/broken, before any view."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> Any:
        if request.path.startswith("/api/broken"):
            raise FAULTS["defect"](SECRET)
        return self.get_response(request)


handler500 = urls.handler500
urlpatterns = [
    path("api/faulty/<str:fault>", FaultyView.as_view()),
    path("api/plain/<str:fault>", faulty_page),
    path("page/<str:fault>", faulty_page),
    *urls.urlpatterns,
]

"""`Idempotency-Key` for API views."""

from collections.abc import Callable

from django.db import transaction
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from idempotency.services import StoredAnswer, run_once

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255},
    OpenApiParameter.HEADER,
    description="Send the same key again with a retry: what you asked happens once. Kept for 24 hours.",
)
REPLAYED = OpenApiParameter(
    "Idempotency-Replayed",
    {"type": "string", "enum": ["true"]},
    OpenApiParameter.HEADER,
    response=[200, 201],
    description="Present when this repeats the answer to an earlier request.",
)


class IdempotencyMixin:
    def run_once(self, operation: Callable[[], StoredAnswer]) -> Response:
        """Run `operation` in one transaction, once for each Idempotency-Key, and respond with its answer."""
        request: Request = self.request
        key = utf8_header(request.headers.get("Idempotency-Key"))
        if key is None:
            with transaction.atomic():
                answer = operation()
        else:
            answer = run_once(
                operation,
                admin=request.user,
                path=canonical_path(request),
                key=key,
                body=request.data,
                at=timezone.now(),
            )
        headers = {**answer.headers, **({"Idempotency-Replayed": "true"} if answer.replayed else {})}
        return Response(answer.body, status=answer.status, headers=headers)


def utf8_header(value: str | None) -> str | None:
    """WSGI reads headers as Latin-1; clients write them in UTF-8."""
    try:
        return value if value is None else value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value


def canonical_path(request: Request) -> str:
    """The path by which a retry is recognized: /api/v1/sites/ is /api/sites."""
    return request.path_info.replace("/api/v1/", "/api/", 1).rstrip("/").lower()

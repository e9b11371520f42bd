"""`Idempotency-Key` for API views."""

from collections.abc import Callable

from django.db import transaction
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from idempotency.services import StoredAnswer, run_once


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

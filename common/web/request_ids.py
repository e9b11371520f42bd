"""The id of a request, in its response and in its log lines."""

import logging
import random
import re
import time
from collections.abc import Callable
from contextvars import ContextVar

from django.core.signals import request_finished
from django.http import HttpRequest, HttpResponse

ACCEPTABLE = re.compile(r"[A-Za-z0-9._-]{1,128}", re.ASCII)

current_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
access_log = logging.getLogger("portcullis.access")


class RequestIdMiddleware:
    """The outermost middleware: takes the id from the request or creates one, and writes the access log."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        # The id has to be unique but not secret, and secure random numbers cost more.
        request_id = given if ACCEPTABLE.fullmatch(given) else f"{random.getrandbits(128):032x}"
        # Not reset here: Django logs 4xx and 5xx responses after the middleware has returned.
        current_request_id.set(request_id)
        response = self.get_response(request)
        response["X-Request-ID"] = request_id
        access_log.info(
            "%s %s %s",
            request.method,
            request.path_info,
            response.status_code,
            extra={
                "method": request.method,
                "path": request.path_info,
                "status": response.status_code,
                "duration_ms": round((time.perf_counter() - started) * 1000, 1),
                "client": getattr(request, "client_address", None),
            },
        )
        return response


def forget_request_id(**_: object) -> None:
    current_request_id.set(None)


request_finished.connect(forget_request_id, dispatch_uid="portcullis.forget_request_id")

"""Limits on the size of request bodies, and chunked bodies below /api/."""

import logging
from collections.abc import Callable
from io import BytesIO

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from gunicorn.http.errors import ParseException

from common.api.problems import below_api, problem_response

TOO_LARGE = "This is too large. Go back; nothing was changed."

log = logging.getLogger("portcullis.body")


class RequestBodyMiddleware:
    """Refuses a body over the limit before it is read, and reads chunked bodies, which Django takes for empty."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if below_api(request):
            if is_chunked(request):
                try:
                    read_chunked_body(request)
                except (OSError, ParseException) as error:
                    log.info("a body in chunks could not be read: %s", error)
                    return problem_response(400, "unreadable", "The body's chunks cannot be read.")
            if content_length(request) > settings.API_BODY_LIMIT_BYTES:
                close_after_response(request)
                return problem_response(
                    413, "body_too_large", f"The body may have {settings.API_BODY_LIMIT_BYTES} bytes at most."
                )
        elif content_length(request) > settings.PAGE_BODY_LIMIT_BYTES:
            # The CSRF check would read all of it to the disk before anyone has signed in.
            close_after_response(request)
            return HttpResponse(TOO_LARGE, status=413, content_type="text/plain; charset=utf-8")
        elif is_chunked(request):
            close_after_response(request)  # pages do not read such a body, and its length is unknown
        return self.get_response(request)


def is_chunked(request: HttpRequest) -> bool:
    return "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower()


def close_after_response(request: HttpRequest) -> None:
    """Make gunicorn send `Connection: close`, because the rest of the body is not read.

    gunicorn drops a `Connection` header of the application, so `pre_request` in gunicorn.conf.py provides this function.
    """
    close = getattr(request.META.get("wsgi.input"), "close_connection", None)
    if close is not None:
        close()


def content_length(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


def read_chunked_body(request: HttpRequest) -> None:
    """Read up to one byte more than the limit, which shows that the body is too large."""
    if "wsgi.input" not in request.META:  # on ASGI, Django has read it
        return
    stream = request.META["wsgi.input"] if request.META.get("wsgi.input_terminated") else BytesIO()
    body = stream.read(settings.API_BODY_LIMIT_BYTES + 1)
    request.META["CONTENT_LENGTH"] = str(len(body))
    request._stream = BytesIO(body)

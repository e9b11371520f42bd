"""How much of a request body below /api/ is read, and bodies that come without a length."""

from collections.abc import Callable
from io import BytesIO

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from common.problems import below_api, problem_response


class RequestBodyMiddleware:
    """Refuses a body over the limit before reading it; reads a chunked one, which Django itself takes for empty."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if below_api(request):
            if "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower():
                read_chunked_body(request)
            if content_length(request) > settings.API_BODY_LIMIT_BYTES:
                return problem_response(
                    413, "body_too_large", f"The body may have {settings.API_BODY_LIMIT_BYTES} bytes at most."
                )
        return self.get_response(request)


def content_length(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


def read_chunked_body(request: HttpRequest) -> None:
    """One byte over the limit is enough to know that there is too much."""
    stream = request.META["wsgi.input"] if request.META.get("wsgi.input_terminated") else BytesIO()
    body = stream.read(settings.API_BODY_LIMIT_BYTES + 1)
    request.META["CONTENT_LENGTH"] = str(len(body))
    request._stream = BytesIO(body)

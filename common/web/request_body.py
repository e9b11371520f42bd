"""Limits on the size of request bodies, and chunked bodies below /api/."""

import logging
from collections.abc import Callable
from io import BytesIO
from typing import BinaryIO, cast

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from gunicorn.http.errors import ParseException

from common.api.problems import below_api, problem_response

# A body in chunks of a path with a higher limit is not held in memory: the view's parser reads it.
CHUNKS_IN_MEMORY_BYTES = 8 * 1024 * 1024
# gunicorn reads so much that a view has left, to keep the connection.
READ_IN_ANY_CASE = 64 * 1024
TOO_LARGE = "This is too large. Go back; nothing was changed."

log = logging.getLogger("portcullis.body")


class RequestBodyMiddleware:
    """Refuses a body over the limit before it is read, and reads chunked bodies, which Django takes for empty."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if below_api(request):
            limit = body_limit(request.path_info)
            if limit > CHUNKS_IN_MEMORY_BYTES and (is_chunked(request) or content_length(request) > READ_IN_ANY_CASE):
                close_after_response(request)  # an upload that is refused in its middle is not read to its end
            if is_chunked(request) and limit > CHUNKS_IN_MEMORY_BYTES:
                pass_chunks_on(request, limit)
            elif is_chunked(request):
                try:
                    read_chunked_body(request, limit)
                except (OSError, ParseException) as error:
                    log.info("a body in chunks could not be read: %s", error)
                    return problem_response(400, "unreadable", "The body's chunks cannot be read.")
            if content_length(request) > limit:
                close_after_response(request)
                return problem_response(413, "body_too_large", f"The body may have {limit} bytes at most.")
        elif content_length(request) > page_body_limit(request.path_info):
            # The CSRF check would read all of it to the disk before anyone has signed in.
            close_after_response(request)
            return HttpResponse(TOO_LARGE, status=413, content_type="text/plain; charset=utf-8")
        elif is_chunked(request):
            close_after_response(request)  # pages do not read such a body, and its length is unknown
        elif content_length(request) > settings.PAGE_BODY_LIMIT_BYTES:
            close_after_response(request)  # its page may refuse it before it has come
        return self.get_response(request)


def body_limit(path: str) -> int:
    """Of a path below /api/, in bytes; API_BODY_LIMITS has those that differ from the usual one, `*` for an id."""
    plain = "/api/" + path.removeprefix("/api/").removeprefix("v1/").rstrip("/")
    limit: int = settings.API_BODY_LIMITS.get(without_id(plain, at=3), settings.API_BODY_LIMIT_BYTES)
    return limit


def page_body_limit(path: str) -> int:
    """Of a page, as above; PAGE_BODY_LIMITS has those that differ."""
    plain = without_id(path.rstrip("/"), at=4)
    limit: int = settings.PAGE_BODY_LIMITS.get(plain, settings.PAGE_BODY_LIMIT_BYTES)
    return limit


def without_id(path: str, *, at: int) -> str:
    """With `*` for that part, if another follows, as in /api/sites/*/upload."""
    parts = path.split("/")
    return "/".join([*parts[:at], "*", *parts[at + 1 :]]) if len(parts) > at + 1 else path


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


def read_chunked_body(request: HttpRequest, limit: int) -> None:
    """Read up to one byte more than the limit, which shows that the body is too large."""
    if "wsgi.input" not in request.META:  # on ASGI, Django has read it
        return
    stream = request.META["wsgi.input"] if request.META.get("wsgi.input_terminated") else BytesIO()
    body = stream.read(limit + 1)
    request.META["CONTENT_LENGTH"] = str(len(body))
    request._stream = BytesIO(body)


def pass_chunks_on(request: HttpRequest, limit: int) -> None:
    """Let the view read the body from the connection. Its length is not known; Django would take 0 for no body."""
    if "wsgi.input" in request.META and request.META.get("wsgi.input_terminated"):
        request.META["CONTENT_LENGTH"] = str(limit)
        request._stream = cast(BinaryIO, Chunks(request.META["wsgi.input"], limit))


class Chunks:
    """A body in chunks, read piece by piece. Raises RequestDataTooBig past the limit, and UnreadablePostError."""

    def __init__(self, stream: BinaryIO, limit: int) -> None:
        self.stream, self.left = stream, limit

    def read(self, size: int = -1) -> bytes:
        try:
            data = self.stream.read(self.left + 1 if size < 0 else size)
        except ParseException as error:
            raise UnreadablePostError(*error.args) from error
        self.left -= len(data)
        if self.left < 0:
            raise RequestDataTooBig
        return data

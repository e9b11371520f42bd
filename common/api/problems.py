"""Errors below /api/ as RFC 9457 problem+json, also those that Django itself answers."""

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, UnreadablePostError
from django.shortcuts import render
from django.template.loader import render_to_string
from rest_framework import exceptions

from common.errors import DomainError, InvalidInput, NotAuthenticated, TooManyRequests, Unavailable, http_status

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_OUTAGE_SECONDS = 5
DATABASE_UNAVAILABLE = (OperationalError, InterfaceError)
# A message may quote what was sent; of a longer one the beginning and the end are shown.
MAX_MESSAGE_LENGTH = 500
UNAVAILABLE_DETAIL = "The database does not answer; try again shortly."

STATUS_CODES = {
    400: "bad_request",
    401: "not_authenticated",
    403: "permission_denied",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    413: "body_too_large",
    414: "uri_too_long",
    415: "unsupported_media_type",
    417: "expectation_failed",
    429: "too_many_requests",
    431: "headers_too_large",
    500: "server_error",
    503: "unavailable",
}

log = logging.getLogger("portcullis.problems")


def below_api(request: HttpRequest) -> bool:
    return request.path_info == "/api" or request.path_info.startswith("/api/")


def problem_response(
    status: int,
    code: str,
    detail: str,
    *,
    title: str | None = None,
    errors: list[dict[str, str]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """A problem+json answer; `errors` entries are `{"pointer", "code", "detail"}` for invalid input."""
    body: dict[str, Any] = {
        "type": "about:blank" if title is None else f"urn:portcullis:problem:{code}",
        "title": title or HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
    }
    if errors is not None:
        body["errors"] = errors
    response = HttpResponse(json.dumps(body), status=status, content_type=CONTENT_TYPE, headers=dict(headers or {}))
    response["Cache-Control"] = "no-store"
    response["Content-Length"] = str(len(response.content))
    return response


def unavailable_response() -> HttpResponse:
    return problem_response(
        503, "unavailable", UNAVAILABLE_DETAIL, headers={"Retry-After": str(RETRY_AFTER_OUTAGE_SECONDS)}
    )


def domain_problem(error: DomainError) -> HttpResponse:
    """The problem response for a DomainError."""
    headers, errors = {}, None
    if isinstance(error, TooManyRequests | Unavailable):
        headers["Retry-After"] = str(error.retry_after_seconds)
    if isinstance(error, NotAuthenticated):
        headers["WWW-Authenticate"] = error.challenge
    if isinstance(error, InvalidInput) and error.field is not None:
        errors = [{"pointer": f"/{error.field}", "code": error.code, "detail": error.detail}]
    return problem_response(
        http_status(error), error.code, error.detail, title=error.title, errors=errors, headers=headers
    )


def exception_handler(error: Exception, context: dict[str, Any]) -> HttpResponse:
    """The response to an exception in an API view. DRF calls it (setting EXCEPTION_HANDLER)."""
    if isinstance(error, DomainError):
        return domain_problem(error)
    if isinstance(error, DATABASE_UNAVAILABLE):
        log.error("the database does not answer: %s", error)
        return unavailable_response()
    if isinstance(error, exceptions.ValidationError):
        return validation_problem(error)
    if isinstance(error, exceptions.APIException):
        return drf_problem(error, context)
    if isinstance(error, Http404):
        return problem_response(404, "not_found", "There is nothing here.")
    if isinstance(error, PermissionDenied):
        return problem_response(403, "permission_denied", "You may not do this.")
    if isinstance(error, UnreadablePostError):
        return problem_response(400, "unreadable", "The body ended before its end, or came too slowly.")
    if isinstance(error, RequestDataTooBig):
        return problem_response(413, "body_too_large", "The body is too large.")
    if isinstance(error, SuspiciousOperation):
        return problem_response(400, "bad_request", "The request cannot be read.")
    # This is a defect. Django's own answer in debug mode would show the stack trace to the caller.
    log.error("unexpected %s", type(error).__name__, exc_info=error)
    return problem_response(500, "server_error", "The server failed; the fault was logged under this request's id.")


def drf_problem(error: exceptions.APIException, context: dict[str, Any]) -> HttpResponse:
    status = error.status_code
    headers = {}
    if status == 401:
        headers["WWW-Authenticate"] = getattr(error, "auth_header", None) or NotAuthenticated.challenge
    if status == 405 and context.get("view") is not None:
        headers["Allow"] = ", ".join(context["view"].allowed_methods)
    code = STATUS_CODES.get(status, "refused")
    if isinstance(error, exceptions.ParseError):
        code = "unreadable"
    return problem_response(status, code, first_message(error.detail), headers=headers)


def first_message(detail: Any) -> str:
    if isinstance(detail, dict):
        return first_message(detail.get("detail") or next(iter(detail.values()), ""))
    if isinstance(detail, list):
        return first_message(detail[0]) if detail else ""
    return str(detail)


def validation_problem(error: exceptions.ValidationError) -> HttpResponse:
    errors = list(pointed_errors(error.detail, ""))
    detail = "; ".join(f"{entry['pointer'].lstrip('/') or 'body'}: {entry['detail']}" for entry in errors[:3])
    return problem_response(400, "invalid", detail, title=InvalidInput.title, errors=errors)


def pointed_errors(detail: Any, pointer: str) -> Iterable[dict[str, str]]:
    """Flatten DRF's nested messages into RFC 6901 pointers into the body."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            step = "" if name == "non_field_errors" else "/" + str(name).replace("~", "~0").replace("/", "~1")
            yield from pointed_errors(inner, pointer + step)
    elif isinstance(detail, list):
        for inner in detail:
            yield from pointed_errors(inner, pointer)
    else:
        code = getattr(detail, "code", None) or "invalid"
        yield {"pointer": shortened(pointer), "code": code, "detail": shortened(str(detail))}


def shortened(text: str) -> str:
    if len(text) <= MAX_MESSAGE_LENGTH:
        return text
    half = MAX_MESSAGE_LENGTH // 2
    return f"{text[:half]}…{text[-half:]}"


def refusal_page(request: HttpRequest, error: DomainError) -> HttpResponse:
    """A page that shows a DomainError, for requests without a form that could show it."""
    wait = error.retry_after_seconds if isinstance(error, TooManyRequests) else None
    context = {"error": error, "minutes": -(-wait // 60) if wait else None}
    response = render(request, "refused.html", context, status=http_status(error))
    if isinstance(error, TooManyRequests | Unavailable):
        response["Retry-After"] = str(error.retry_after_seconds)
    return response


def outage_page(request: HttpRequest) -> HttpResponse:
    """Rendered without the request: its session and its user are in the database."""
    context = {"database_unavailable": True, "may_reload": request.method == "GET"}
    headers = {"Retry-After": str(RETRY_AFTER_OUTAGE_SECONDS)}
    return HttpResponse(render_to_string("error.html", context), status=503, headers=headers)


class ProblemMiddleware:
    """Turns errors that Django answers below /api/, such as a wrong Host, into problems.

    Outside /api/ it shows a DomainError as a page, and a page with status 503 if the database is unavailable.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if response.status_code < 400 or not below_api(request) or response.get("Content-Type") == CONTENT_TYPE:
            return response
        status = response.status_code
        headers = {name: response[name] for name in ("Allow", "Retry-After", "WWW-Authenticate") if name in response}
        return problem_response(
            status, STATUS_CODES.get(status, "refused"), HTTPStatus(status).phrase + ".", headers=headers
        )

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if below_api(request):
            return exception_handler(error, {})
        if isinstance(error, DomainError):
            return refusal_page(request, error)
        if isinstance(error, DATABASE_UNAVAILABLE):
            log.error("the database does not answer: %s", error)
            return outage_page(request)
        return None

"""Adds to the OpenAPI description what drf-spectacular cannot derive from the views."""

from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import Direction

from common.api.problems import STATUS_CODES

Schema = dict[str, Any]

EVERYBODYS_PROBLEMS = (405, 413, 503)
PROBLEM_TITLES = {
    400: "The input is unreadable or invalid; `errors` points at the fields to blame",
    401: "Not authenticated",
    403: "Authenticated, but the role may not do this",
    404: "Unknown",
    405: "The endpoint does not have this method; `Allow` names those that it has",
    409: "In conflict with another request",
    412: "It was changed since you read it",
    413: "The body is too large: over 64 KiB, if the endpoint does not say otherwise",
    415: "The body is of another media type than the endpoint reads",
    416: "The file does not have these bytes; `Content-Range` says how many it has",
    429: "Too often; `Retry-After` says when to come back",
    503: "The database does not answer; `Retry-After` says when to come back",
    507: "The server has no room for what the request brings",
}
REQUEST_ID = {
    "description": "The request's id: yours, if it is 1 to 128 of `A-Z a-z 0-9 . _ -`, else a new one.",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$"},
}
RETRY_AFTER = {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}
WWW_AUTHENTICATE = {"description": "How to authenticate.", "schema": {"type": "string"}}
ALLOW = {"description": "The methods that there are.", "schema": {"type": "string"}}
PROBLEM_SCHEMA = {
    "type": "object",
    "description": "RFC 9457 problem details. `code` is stable and machine-readable.",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "errors": {
            "type": "array",
            "description": "For invalid input: an RFC 6901 pointer into the body, or the name of a query parameter.",
            "items": {"$ref": "#/components/schemas/InvalidValue"},
        },
    },
}
INVALID_VALUE_SCHEMA = {
    "type": "object",
    "required": ["pointer", "code", "detail"],
    "properties": {"pointer": {"type": "string"}, "code": {"type": "string"}, "detail": {"type": "string"}},
}


def problem_title(status: int) -> str:
    return str(settings.API_PROBLEM_EXAMPLES.get(status, {}).get("title", PROBLEM_TITLES[status]))


def problem_example(status: int) -> Schema:
    example: Schema = {
        "type": "about:blank",
        "title": problem_title(status).split(";")[0],
        "status": status,
        "detail": problem_title(status).split(";")[0] + ".",
        "code": STATUS_CODES.get(status, {409: "conflict", 412: "precondition_failed"}.get(status, "refused")),
    }
    example["code"] = settings.API_PROBLEM_EXAMPLES.get(status, {}).get("code", example["code"])
    if status == 400:
        example |= {
            "code": "invalid",
            "errors": [{"pointer": "/contact_email", "code": "invalid", "detail": "Enter a valid email address."}],
        }
    return example


def problem(status: int) -> Schema:
    headers = {"X-Request-ID": {"$ref": "#/components/headers/RequestId"}}
    if status in (429, 503):
        headers["Retry-After"] = {"$ref": "#/components/headers/RetryAfter"}
    if status == 405:
        headers["Allow"] = {"$ref": "#/components/headers/Allow"}
    if status == 401:
        headers["WWW-Authenticate"] = {"$ref": "#/components/headers/WwwAuthenticate"}
    return {
        "description": problem_title(status),
        "headers": headers,
        "content": {
            "application/problem+json": {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "example": problem_example(status),
            }
        },
    }


class ProblemSchema(AutoSchema):
    """Adds to each endpoint the problems that its view names, and the view's own security schemes, if it has any.

    `body_required` of a view says that the body is required if drf-spectacular cannot see it.
    """

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        operation = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        for status in sorted({*self.problem_statuses(), *EVERYBODYS_PROBLEMS}):
            operation["responses"].setdefault(str(status), {"$ref": f"#/components/responses/Problem{status}"})
        if schemes := getattr(self.view, "security_schemes", ()):
            operation["security"] = [{name: [] for name in schemes}]
        if operation.get("security") == [{}]:
            operation["security"] = []  # says the same, and generators do not take it for a kind of credentials
        if getattr(self.view, "body_required", False):
            operation["requestBody"]["required"] = True
        return operation

    def problem_statuses(self) -> tuple[int, ...]:
        by_action = getattr(self.view, "problems_by_action", {})
        named: tuple[int, ...] = by_action.get(
            getattr(self.view, "action", ""), getattr(self.view, "problem_statuses", ())
        )
        if self.method in ("POST", "PUT", "PATCH"):
            named = (*named, 415)
        return named


class TextFieldPattern(OpenApiSerializerFieldExtension):
    """Describes the pattern of a text in a request. drf-spectacular finds this class by itself."""

    target_class = "common.api.fields.TextField"
    match_subclasses = True

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> Schema:
        return {"type": "string", **(self.target.described() if direction == "request" else {})}


def leave_out_version_prefix(endpoints: list[tuple[Any, ...]], **_: Any) -> list[tuple[Any, ...]]:
    """Describe each endpoint once: those below /api/v1/ are the same as those below /api/."""
    return [endpoint for endpoint in endpoints if not endpoint[0].startswith("/api/v1/")]


def describe_problems_and_headers(result: Schema, generator: Any, request: Any, public: bool) -> Schema:
    components = result.setdefault("components", {})
    components.setdefault("schemas", {}).update(Problem=PROBLEM_SCHEMA, InvalidValue=INVALID_VALUE_SCHEMA)
    components["responses"] = {f"Problem{status}": problem(status) for status in PROBLEM_TITLES}
    components["headers"] = {
        "RequestId": REQUEST_ID,
        "RetryAfter": RETRY_AFTER,
        "WwwAuthenticate": WWW_AUTHENTICATE,
        "Allow": ALLOW,
    }
    for path in result["paths"].values():
        for operation in path.values():
            for response in operation["responses"].values():
                if "$ref" not in response:
                    response.setdefault("headers", {})["X-Request-ID"] = {"$ref": "#/components/headers/RequestId"}
    return result

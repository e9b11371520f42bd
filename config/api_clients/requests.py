"""One request for each operation of the API's description, for examples in several languages and for a collection.

Where a user has to put something in, a text has the name of a variable in braces, as in `Bearer {{access_token}}`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

METHODS = ("get", "post", "put", "patch", "delete")
CREDENTIALS = {
    "accessToken": ("Authorization", "Bearer {{access_token}}"),
    "personalToken": ("Authorization", "Bearer {{access_token}}"),  # either of them
    "metricsToken": ("Authorization", "Bearer {{metrics_token}}"),
    "siteId": ("X-Site-ID", "{{site_id}}"),
    "siteKey": ("X-Site-Key", "{{site_key}}"),
    "deviceId": ("X-Device-ID", "{{device_id}}"),
    "deviceKey": ("X-Device-Key", "{{device_key}}"),
}
# Values of bodies that an example cannot know.
BODY_VARIABLES = frozenset(
    {"username", "password", "refresh", "id_token", "enrolment_code", "firmware_id", "organization_id"}
)
MULTIPART = "multipart/form-data"
AN_IDEMPOTENCY_KEY = "order-4711"  # an id of the caller's own


@dataclass(frozen=True)
class File:
    """The part of a multipart body that is a file, by the name that the example gives it."""

    name: str


@dataclass(frozen=True)
class ApiRequest:
    """One request. `path` is without a host.

    `query` has the values of the required parameters, and `optional_query` the descriptions of the others. `answer` is the
    media type of the success, or None if it has no body.
    """

    operation_id: str
    summary: str
    description: str
    tag: str
    method: str
    path: str
    query: dict[str, str]
    optional_query: dict[str, str]
    headers: dict[str, str]
    body: dict[str, Any] | None
    is_multipart: bool
    answer: str | None

    def variables(self) -> set[str]:
        return set(re.findall(r"\{\{(\w+)\}\}", repr((self.path, self.query, self.headers, self.body))))


def api_requests(description: dict[str, Any]) -> Iterator[ApiRequest]:
    """In the order of the description."""
    for path, methods in description["paths"].items():
        for method in METHODS:
            if method in methods:
                yield api_request(method, path, methods[method], description["components"]["schemas"])


def api_request(method: str, path: str, operation: dict[str, Any], schemas: dict[str, Any]) -> ApiRequest:
    parameters = [each for each in operation.get("parameters", ()) if "$ref" not in each]
    headers = dict(CREDENTIALS[name] for name in next(iter(operation.get("security", ())), ()))
    if any(each["name"] == "Idempotency-Key" for each in parameters):
        headers["Idempotency-Key"] = AN_IDEMPOTENCY_KEY
    contents = operation.get("requestBody", {}).get("content", {})
    media_type = next(iter(contents), "")
    return ApiRequest(
        operation_id=operation["operationId"],
        summary=operation.get("summary", operation["operationId"]),
        description=operation.get("description", ""),
        tag=operation["tags"][0],
        method=method.upper(),
        path=path_with_variables(path),
        query={each["name"]: example_of(each) for each in parameters if each["in"] == "query" and each.get("required")},
        optional_query={
            each["name"]: each.get("description", "")
            for each in parameters
            if each["in"] == "query" and not each.get("required")
        },
        headers=headers,
        body=body_of(contents[media_type], schemas) if contents else None,
        is_multipart=media_type == MULTIPART,
        answer=media_type_of_success(operation["responses"]),
    )


def path_with_variables(path: str) -> str:
    """`/api/rollouts/{id}/start/` as `/api/rollouts/{{rollout_id}}/start`."""
    steps = path.strip("/").split("/")
    for position, step in enumerate(steps):
        if match := re.fullmatch(r"\{(\w+)\}", step):
            name = match[1]
            if name == "id":
                name = steps[position - 1].removesuffix("s").replace("-", "_") + "_id"
            steps[position] = "{{" + (name if name.endswith("_id") else f"{name}_id") + "}}"
    return "/" + "/".join(steps)


def example_of(parameter: dict[str, Any]) -> str:
    return str(parameter.get("example") or "{{" + parameter["name"] + "}}")


def body_of(content: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """The first example, with variables where it cannot know the value; empty if the description has none."""
    examples = list(content.get("examples", {}).values())
    example = examples[0]["value"] if examples else content.get("example", {})
    schema = content.get("schema", {})
    schema = schemas.get(schema.get("$ref", "").rsplit("/", 1)[-1], schema)
    binary = {name for name, field in schema.get("properties", {}).items() if field.get("format") == "binary"}
    return {
        name: File(str(value)) if name in binary else with_variables(name, value) for name, value in example.items()
    }


def with_variables(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {inner: with_variables(inner, part) for inner, part in value.items()}
    return "{{" + name + "}}" if name in BODY_VARIABLES and isinstance(value, str) else value


def media_type_of_success(responses: dict[str, Any]) -> str | None:
    success = next(response for status, response in responses.items() if status.startswith("2"))
    return next(iter(success.get("content", {})), None)

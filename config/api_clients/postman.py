"""The requests of the API as a collection in Postman's format v2.1, which Bruno, Insomnia and Hoppscotch import too."""

import json
from typing import Any

from config.api_clients.requests import ApiRequest, File, api_requests

SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
# What a response tells that later requests need: variable and field by operation.
REMEMBERED = {
    "login": {"access_token": "access", "refresh": "refresh"},
    "refresh": {"access_token": "access", "refresh": "refresh"},
    "login_with_google": {"access_token": "access", "refresh": "refresh"},
    "register_site": {"site_id": "site_id", "site_key": "secret_key"},
    "rotate_site_key": {"site_key": "secret_key"},
    "create_organization": {"organization_id": "id"},
    "create_enrolment_code": {"enrolment_code": "code"},
    "register_device": {"device_id": "id", "device_key": "device_key"},
    "rotate_device_key": {"device_key": "device_key"},
    "upload_firmware": {"firmware_id": "id"},
    "create_rollout": {"rollout_id": "id"},
    "create_alert_channel": {"alert_channel_id": "id"},
    "create_token": {"token_id": "id"},
    "upload_file": {"file_id": "id"},
    "share_site": {"share_id": "id"},
}
BEARER = "Bearer {{access_token}}"


def collection(description: dict[str, Any], *, base_url: str) -> dict[str, Any]:
    """Folders by tag, and a variable for each value that a request cannot know."""
    described = sorted(api_requests(description), key=order)
    names = sorted({name for request in described for name in request.variables()})
    values = {"base_url": base_url} | dict.fromkeys(names, "")
    return {
        "info": {
            "name": description["info"]["title"],
            "description": (
                "Set the variables `username` and `password` and send *Sign in*: the token is kept for the other requests."
                " So are the ids and keys of what you create. Do not share the collection with these values in it."
            ),
            "version": description["info"]["version"],
            "schema": SCHEMA,
        },
        "item": [
            {
                "name": tag["name"],
                "description": tag["description"],
                "item": [item(request) for request in described if request.tag == tag["name"]],
            }
            for tag in description["tags"]
        ],
        "variable": [{"key": name, "value": value, "type": "string"} for name, value in values.items()],
    }


def order(request: ApiRequest) -> int:
    """A folder that is run as a whole creates first, then reads, then changes, and ends or deletes last."""
    if request.operation_id == "login":
        return 0
    if request.operation_id in REMEMBERED and not request.operation_id.startswith(("refresh", "rotate")):
        return 1
    if request.method == "DELETE" or request.operation_id == "logout":
        return 4
    return 2 if request.method == "GET" else 3


def item(request: ApiRequest) -> dict[str, Any]:
    headers = {name: value for name, value in request.headers.items() if value != BEARER}
    if "Idempotency-Key" in headers:
        headers["Idempotency-Key"] = "{{$guid}}"  # Postman and the others make a random one for each request
    if request.body is not None and not request.is_multipart:
        headers["Content-Type"] = "application/json"
    made: dict[str, Any] = {
        "method": request.method,
        "header": [{"key": name, "value": value} for name, value in headers.items()],
        "url": url(request),
        "description": request.description,
        "auth": {"type": "noauth"},
    }
    if BEARER in request.headers.values():
        made["auth"] = {
            "type": "bearer",
            "bearer": [{"key": "token", "value": "{{access_token}}", "type": "string"}],
        }
    if request.body is not None:
        made["body"] = body(request)
    found: dict[str, Any] = {"name": request.summary, "request": made, "response": []}
    if remembered := REMEMBERED.get(request.operation_id):
        found["event"] = [{"listen": "test", "script": {"type": "text/javascript", "exec": script(remembered)}}]
    return found


def url(request: ApiRequest) -> dict[str, Any]:
    needed = [{"key": name, "value": value} for name, value in request.query.items()]
    optional = [
        {"key": name, "value": "", "description": text, "disabled": True}
        for name, text in request.optional_query.items()
    ]
    query = "&".join(f"{name}={value}" for name, value in request.query.items())
    return {
        "raw": "{{base_url}}" + request.path + ("?" + query if query else ""),
        "host": ["{{base_url}}"],
        "path": request.path.strip("/").split("/"),
        "query": needed + optional,
    }


def body(request: ApiRequest) -> dict[str, Any]:
    given = request.body or {}
    if not request.is_multipart:
        raw = json.dumps(given, ensure_ascii=False, indent=2)
        return {"mode": "raw", "raw": raw, "options": {"raw": {"language": "json"}}}
    parts = [
        {"key": name, "type": "file", "src": value.name}
        if isinstance(value, File)
        else {"key": name, "type": "text", "value": str(value)}
        for name, value in given.items()
    ]
    return {"mode": "formdata", "formdata": parts}


def script(remembered: dict[str, str]) -> list[str]:
    """A program in JavaScript that keeps fields of a successful response in variables."""
    lines = [
        f'  if (answer.{field}) pm.collectionVariables.set("{variable}", answer.{field});'
        for variable, field in remembered.items()
    ]
    return ["if (pm.response.code < 300) {", "  const answer = pm.response.json();", *lines, "}"]

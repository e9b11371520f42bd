"""Every failure below /api/ is problem+json, whoever caused it, and tells nothing of the inside."""

import json
import logging
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from common.tests.faulty_urls import SECRET
from conftest import RegisteredSite

pytestmark = pytest.mark.any_database

LIMIT = 64 * 1024


@pytest.fixture
def client() -> Client:
    return Client(raise_request_exception=False)


@pytest.fixture
def _faulty(settings: Any) -> None:
    settings.ROOT_URLCONF = "common.tests.faulty_urls"


@pytest.fixture(params=[True, False], ids=["DEBUG on", "DEBUG off"])
def _debug(request: pytest.FixtureRequest, settings: Any) -> None:
    settings.DEBUG = request.param


def problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    """The body, after checking that it is a problem of that kind, and nothing but that."""
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    assert answer["X-Request-ID"]
    body: dict[str, Any] = json.loads(answer.content)
    assert set(body) - {"errors"} == {"type", "title", "status", "detail", "code"}
    assert (body["status"], body["code"]) == (status, code)
    assert all(isinstance(body[name], str) and body[name] for name in ("type", "title", "detail", "code"))
    for inside in (SECRET, "Traceback", "RuntimeError", ".py"):
        assert inside not in answer.content.decode()
    return body


@pytest.mark.usefixtures("_debug")
@pytest.mark.parametrize(
    "path",
    ["/api", "/api/", "/api/nothing", "/api/v1", "/api/v1/nothing/", "/api/v2/sites", "/api/auth", "/api//sites"],
)
@pytest.mark.parametrize("method", ["get", "post", "put", "delete", "options", "head", "trace"])
def test_an_unknown_url_is_a_404(client: Client, path: str, method: str) -> None:
    answer = getattr(client, method)(path)
    if method == "head":
        assert answer.status_code == 404
    else:
        problem(answer, 404, "not_found")


@pytest.mark.usefixtures("_debug")
@pytest.mark.parametrize("path", ["/api/auth/login", "/api/nothing", "/api/sites"])
@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "a b", "", "größe.example"])
def test_a_wrong_host_is_a_400(client: Client, path: str, host: str) -> None:
    problem(client.get(path, headers={"Host": host}), 400, "bad_request")


@pytest.mark.usefixtures("_debug")
def test_another_method_is_a_405_that_says_which_is_allowed(client: Client, api: APIClient) -> None:
    problem(client.get("/api/auth/login"), 405, "method_not_allowed")
    assert client.get("/api/auth/login")["Allow"] == "POST"
    answer = api.delete("/api/sites")
    problem(answer, 405, "method_not_allowed")
    assert {"GET", "POST"} <= set(answer["Allow"].split(", "))
    assert "DELETE" not in answer["Allow"]


def test_one_sites_allowed_methods_are_named(api: APIClient, roma: RegisteredSite) -> None:
    answer = api.post(roma.path)
    problem(answer, 405, "method_not_allowed")
    assert {"GET", "PUT", "PATCH", "DELETE"} <= set(answer["Allow"].split(", "))


@pytest.mark.parametrize("path", ["/api/auth/login", "/api/heartbeat", "/api/nothing"])
def test_a_body_over_64_kib_is_a_413(db: None, client: Client, path: str) -> None:
    body = b'{"refresh": "' + b"a" * LIMIT + b'"}'
    problem(client.post(path, body, content_type="application/json"), 413, "body_too_large")


def test_a_body_of_exactly_64_kib_is_read(db: None, client: Client) -> None:
    frame = b'{"refresh": "x", "more": ""}'
    body = frame[:-2] + b"a" * (LIMIT - len(frame)) + frame[-2:]
    assert len(body) == LIMIT
    problem(client.post("/api/auth/refresh", body, content_type="application/json"), 401, "invalid_refresh_token")
    problem(client.post("/api/auth/refresh", body + b" ", content_type="application/json"), 413, "body_too_large")


@pytest.mark.usefixtures("_faulty", "_debug")
@pytest.mark.parametrize("path", ["/api/faulty/defect", "/api/plain/defect"])
def test_a_defect_is_a_500_without_a_stack_trace(client: Client, path: str, caplog: pytest.LogCaptureFixture) -> None:
    problem(client.get(path), 500, "server_error")
    faults = [record for record in caplog.records if record.levelno >= logging.ERROR and record.exc_info]
    assert SECRET in str(faults[0].exc_info)


@pytest.mark.usefixtures("_debug")
def test_a_fault_in_a_middleware_is_a_problem_too(client: Client, settings: Any) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "common.tests.faulty_urls.FaultyMiddleware"]
    problem(client.get("/api/broken"), 500, "server_error")


@pytest.mark.usefixtures("_faulty", "_debug")
@pytest.mark.parametrize("path", ["/api/faulty/database", "/api/plain/database", "/api/faulty/connection"])
def test_a_database_that_is_away_is_a_503_that_says_when_to_come_back(client: Client, path: str) -> None:
    answer = client.get(path)
    problem(answer, 503, "unavailable")
    assert int(answer["Retry-After"]) >= 1


@pytest.mark.usefixtures("_faulty", "_debug")
@pytest.mark.parametrize("kind", ["faulty", "plain"])
@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("missing", 404, "not_found"),
        ("forbidden", 403, "permission_denied"),
        ("suspicious", 400, "bad_request"),
    ],
)
def test_what_django_itself_raises_is_a_problem(client: Client, kind: str, fault: str, status: int, code: str) -> None:
    problem(client.get(f"/api/{kind}/{fault}"), status, code)


@pytest.mark.usefixtures("_faulty")
@pytest.mark.parametrize(("fault", "status"), [("defect", 500), ("database", 503)])
def test_a_page_for_people_fails_without_telling_either(client: Client, fault: str, status: int) -> None:
    answer = client.get(f"/page/{fault}")
    assert answer.status_code == status
    assert SECRET not in answer.content.decode()
    assert ("Retry-After" in answer) is (status == 503)


@pytest.mark.parametrize("path", ["/api/nothing", "/api/auth/me"])
def test_problems_are_not_kept_by_caches(client: Client, path: str) -> None:
    assert client.get(path)["Cache-Control"] == "no-store"


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "image/png;q=0.1", "junk", ""])
def test_the_answer_is_json_whatever_the_client_accepts(api: APIClient, accept: str) -> None:
    assert api.get("/api/auth/me", headers={"Accept": accept})["Content-Type"] == "application/json"
    problem(APIClient().get("/api/auth/me", headers={"Accept": accept}), 401, "not_authenticated")


def test_pointers_follow_rfc_6901(api: APIClient, roma: RegisteredSite) -> None:
    answer = api.patch(roma.path, {"contact_email": "x", "name": 5, "license_expires_at": "soon"})
    body = problem(answer, 400, "invalid")
    assert {entry["pointer"] for entry in body["errors"]} == {"/contact_email", "/name", "/license_expires_at"}
    assert all(set(entry) == {"pointer", "code", "detail"} for entry in body["errors"])


@pytest.mark.parametrize("query", ["?unknown=1", "?page_size=1&page_size=2", "?search=%00", "?format=xml"])
def test_a_query_parameter_that_is_unknown_doubled_or_unreadable_is_a_400(api: APIClient, query: str) -> None:
    problem(api.get(f"/api/sites{query}"), 400, "invalid")


@pytest.mark.parametrize("value", ["x" * 60_000, ["x" * 60_000], {"x" * 60_000: 1}])
def test_a_refused_value_is_quoted_only_in_part(api: APIClient, value: Any) -> None:
    for path, method, field in (("/api/settings", "patch", "theme"), ("/api/alert-channels", "post", "kind")):
        answer = getattr(api, method)(path, {field: value}, format="json")
        body = problem(answer, 400, "invalid")
        assert len(answer.content) < 5_000
        assert f"/{field}" in {error["pointer"] for error in body["errors"]}
    unknown = api.patch("/api/settings", {"x" * 60_000: 1}, format="json")
    assert len(unknown.content) < 5_000
    problem(unknown, 400, "invalid")


def test_the_end_of_a_long_message_is_kept(api: APIClient) -> None:
    answer = api.patch("/api/settings", {"theme": "x" * 60_000}, format="json")
    [error] = problem(answer, 400, "invalid")["errors"]
    assert error["detail"].endswith('x" is not a valid choice.')

"""Pages of the allowed origins may call the API from a browser, no others, and never with a cookie."""

from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import Admin
from conftest import RegisteredSite

GOOD, LOCAL = "https://app.vendor.example", "http://localhost:5173"
STRANGERS = [
    "https://evil.example",
    "https://app.vendor.example.evil.example",
    "https://evil-app.vendor.example",
    "https://evil.example/https://app.vendor.example",
    "https://app.vendor.example@evil.example",
    "https://app.vendor.example:8443",
    "https://app.vendor.example/",
    "https://app.vendor.example/page?a=b",
    "https://APP.vendor.example",
    "https://sub.app.vendor.example",
    "http://app.vendor.example",
    "https://app.vendor.example https://evil.example",
    "http://localhost:5174",
    "http://localhost",
    "https://[",
    "null",
    "*",
]
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}


@pytest.fixture(autouse=True)
def _origins(settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = [GOOD, LOCAL]


@pytest.fixture
def client() -> Client:
    return Client(raise_request_exception=False)


def cors_headers(answer: Any) -> dict[str, str]:
    return {name: value for name, value in answer.items() if name.lower().startswith("access-control-")}


def words(text: str) -> set[str]:
    return {word.strip().lower() for word in text.split(",")}


@pytest.mark.parametrize("origin", [GOOD, LOCAL])
@pytest.mark.parametrize("path", ["/api/sites", "/api/v1/sites/", "/api/heartbeat", "/api/nothing", "/api/auth/login"])
def test_a_preflight_of_an_allowed_origin_is_answered(client: Client, origin: str, path: str) -> None:
    """Without the database, which pytest refuses to a test that does not ask for it."""
    answer = client.options(path, headers={"Origin": origin, **PREFLIGHT})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer["Access-Control-Allow-Origin"] == origin
    assert {"get", "post", "put", "patch", "delete"} <= words(answer["Access-Control-Allow-Methods"])
    allowed = words(answer["Access-Control-Allow-Headers"])
    assert {"authorization", "content-type", "if-match", "idempotency-key", "ngrok-skip-browser-warning"} <= allowed
    assert "origin" in words(answer["Vary"])
    assert "Access-Control-Allow-Credentials" not in answer


def test_the_keys_of_sites_and_devices_are_not_for_pages(client: Client) -> None:
    answer = client.options("/api/heartbeat", headers={"Origin": GOOD, **PREFLIGHT})
    assert not words(answer["Access-Control-Allow-Headers"]) & {
        "x-site-id",
        "x-site-key",
        "x-device-id",
        "x-device-key",
    }


@pytest.mark.parametrize("origin", STRANGERS)
def test_another_origin_gets_what_it_got_before(client: Client, settings: Any, origin: str) -> None:
    asked = client.options("/api/sites", headers={"Origin": origin, **PREFLIGHT})
    read = client.get("/api/nothing", headers={"Origin": origin})
    assert cors_headers(asked) == cors_headers(read) == {}
    assert asked.status_code in {401, 404, 405}
    assert "origin" in words(read["Vary"]), "a cache must not give one origin what another one got"


@pytest.mark.parametrize(
    "path", ["/admin/login/", "/health/live", "/docs", "/apiary", "/static/portcullis/favicon.svg"]
)
def test_nothing_outside_of_the_api_is_shared(db: None, client: Client, path: str) -> None:
    for answer in (
        client.get(path, headers={"Origin": GOOD}),
        client.options(path, headers={"Origin": GOOD, **PREFLIGHT}),
    ):
        assert cors_headers(answer) == {}
        answer.close()


def test_without_the_setting_no_origin_is_allowed(client: Client, settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = []
    asked = client.options("/api/sites", headers={"Origin": GOOD, **PREFLIGHT})
    assert (asked.status_code in {401, 404, 405}, cors_headers(asked)) == (True, {})
    read = client.get("/api/nothing", headers={"Origin": GOOD})
    assert (cors_headers(read), "origin" in words(read.get("Vary", ""))) == ({}, False)


def test_what_a_page_needs_of_a_response_is_exposed(api: APIClient, roma: RegisteredSite) -> None:
    answer = api.get(roma.path, headers={"Origin": GOOD})
    assert (answer.status_code, answer["Access-Control-Allow-Origin"]) == (200, GOOD)
    assert {"etag", "location", "retry-after", "x-request-id"} <= words(answer["Access-Control-Expose-Headers"])


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/sites", 401),
        ("/api/nothing", 404),
        ("/api/faulty/forbidden", 403),
        ("/api/faulty/defect", 500),
        ("/api/plain/defect", 500),
        ("/api/plain/suspicious", 400),
        ("/api/broken", 500),
        ("/api/faulty/database", 503),
    ],
)
def test_an_allowed_origin_can_read_errors(client: Client, settings: Any, path: str, status: int) -> None:
    settings.ROOT_URLCONF = "common.tests.faulty_urls"
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "common.tests.faulty_urls.FaultyMiddleware"]
    answer = client.get(path, headers={"Origin": GOOD})
    assert (answer.status_code, answer["Access-Control-Allow-Origin"]) == (status, GOOD)
    assert "Access-Control-Expose-Headers" in answer


def test_an_allowed_origin_can_read_that_its_host_or_body_was_refused(client: Client) -> None:
    other_host = client.get("/api/nothing", headers={"Origin": GOOD, "Host": "evil.example"})
    assert (other_host.status_code, other_host["Access-Control-Allow-Origin"]) == (400, GOOD)
    large = client.post("/api/sites", b"x" * 70_000, content_type="application/json", headers={"Origin": GOOD})
    assert (large.status_code, large["Access-Control-Allow-Origin"]) == (413, GOOD)


def test_a_cookie_of_the_panel_opens_nothing_below_the_api(client: Client, anna: Admin) -> None:
    client.force_login(anna)
    assert client.get("/admin/").status_code == 200
    for path in ("/api/sites", "/api/auth/me", "/api/organizations"):
        answer = client.get(path, headers={"Origin": GOOD})
        assert (answer.status_code, answer.get("Access-Control-Allow-Credentials")) == (401, None), path
        assert not answer.cookies

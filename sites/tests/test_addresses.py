"""Paths, prefixes, slashes, methods: every endpoint has one meaning under each of its addresses."""

import pytest
from rest_framework.test import APIClient

from conftest import RegisteredSite
from sites.tests.conftest import FACTS, SITE_ENDPOINTS, Endpoint, actions, assert_problem

pytestmark = pytest.mark.any_database

MALFORMED_IDS = [
    "x",
    "0",
    "null",
    "heartbeats",
    "0b6f4c1e6d0f4f0e9d533a3c1f5d2b11",
    "{0b6f4c1e-6d0f-4f0e-9d53-3a3c1f5d2b11}",
    "urn:uuid:0b6f4c1e-6d0f-4f0e-9d53-3a3c1f5d2b11",
    "0b6f4c1e-6d0f-4f0e-9d53-3a3c1f5d2b1",
    "0b6f4c1e-6d0f-4f0e-9d53-3a3c1f5d2b111",
    "0b6f4c1e-6d0f-4f0e-9d53-3a3c1f5d2b1g",
    "0b6f4c1e-6d0f-4f0e-9d53-3a3c1f5d2b11%0A",
    "%200b6f4c1e-6d0f-4f0e-9d53-3a3c1f5d2b11",
    "%00",
    "%ED%A0%80",
    "%FF",
    "é",
    "٠b6f4c1e-6d0f-4f0e-9d53-3a3c1f5d2b11",
    "9" * 1000,
    "'",
]


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("prefix", ["/api/", "/api/v1/"])
@pytest.mark.parametrize("endpoint", SITE_ENDPOINTS, ids=str)
def test_every_endpoint_of_a_site_has_four_addresses(
    api: APIClient, roma: RegisteredSite, endpoint: Endpoint, prefix: str, slash: str
) -> None:
    answer = endpoint.ask(api, roma.path.replace("/api/", prefix), slash=slash)
    assert answer.status_code == (204 if endpoint.method == "delete" else 200)
    assert len(actions()) == (
        1 if endpoint.method == "get" or endpoint.suffix == "/unlock" or endpoint.body == FACTS else 2
    )


@pytest.mark.parametrize("path", ["/api/sites", "/api/sites/", "/api/v1/sites", "/api/v1/sites/"])
def test_the_list_has_four_addresses(api: APIClient, path: str) -> None:
    assert api.post(path, FACTS).status_code == 201
    assert api.get(path).json()["count"] == 1


@pytest.mark.parametrize("malformed", MALFORMED_IDS)
def test_a_malformed_id_is_as_unknown_as_any(api: APIClient, malformed: str) -> None:
    for endpoint in SITE_ENDPOINTS:
        assert_problem(endpoint.ask(api, f"/api/sites/{malformed}"), 404, "site_not_found")


@pytest.mark.parametrize(
    "path",
    [
        "/api/sites//",
        "/api/sitesx",
        "/api/sites/x/y",
        "/api/v2/sites",
        "/api/sites%0A",
        "/api/sites/x/lock/y",
        "/api/Sites",
    ],
)
@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_what_is_no_endpoint_is_not_found_in_any_method(api: APIClient, path: str, method: str) -> None:
    assert_problem(getattr(api, method)(path), 404, "not_found")


@pytest.mark.parametrize(
    ("suffix", "allowed"),
    [
        (None, "GET HEAD POST"),
        ("", "DELETE GET HEAD PATCH PUT"),
        ("/lock", "POST"),
        ("/unlock", "POST"),
        ("/extend", "POST"),
        ("/rotate-key", "POST"),
        ("/events", "GET HEAD"),
        ("/heartbeats", "GET HEAD"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(
    api: APIClient, roma: RegisteredSite, suffix: str | None, allowed: str
) -> None:
    path = "/api/sites" if suffix is None else roma.path + suffix
    for slash in ("", "/"):
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"):
            if method in allowed.split():
                continue
            answer = api.generic(method, path + slash)
            assert_problem(answer, 405, "method_not_allowed")
            assert sorted(answer.headers["Allow"].split(", ")) == allowed.split()
    assert actions() == ["registered"]


@pytest.mark.parametrize("suffix", [None, "", "/events", "/heartbeats"])
def test_head_answers_like_get_without_a_body(api: APIClient, roma: RegisteredSite, suffix: str | None) -> None:
    path = "/api/sites" if suffix is None else roma.path + suffix
    head, get = api.head(path), api.get(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers.get("ETag") == get.headers.get("ETag")


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "image/png", "*/*", "nonsense", ""])
def test_the_answer_is_json_whatever_is_accepted(api: APIClient, roma: RegisteredSite, accept: str) -> None:
    answer = api.get(roma.path, headers={"Accept": accept})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert_problem(api.get("/api/sites/x", headers={"Accept": accept}), 404, "site_not_found")


def test_what_only_one_caller_may_see_is_not_cached(api: APIClient, roma: RegisteredSite) -> None:
    for path in ("/api/sites", roma.path, f"{roma.path}/events", f"{roma.path}/heartbeats", "/api/sites/x"):
        assert api.get(path).headers["Cache-Control"] == "no-store"

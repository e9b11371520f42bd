"""One id for each request: in its answer, and in every log line that it causes."""

import re
from typing import Any

import pytest
from django.test import Client

from common.tests.logged import log_lines
from common.web.request_ids import current_request_id
from conftest import RegisteredSite

OUR_OWN = re.compile(r"[0-9a-f]{32}")


@pytest.mark.parametrize("given", ["a", "0", "req-1_2.3", "A" * 128, "-", "..", "9f8b2d1e-0000-4000-8000-000000000000"])
def test_an_acceptable_id_is_answered_with(client: Client, given: str) -> None:
    assert client.get("/api/nothing", headers={"X-Request-ID": given})["X-Request-ID"] == given


@pytest.mark.parametrize(
    "given",
    ["", "A" * 129, "a b", "a/b", "a:b", "<script>", "a,b", "ä", "é", "a\tb", "٣", "a\x7fb", '"', "ſ"],
    ids=ascii,
)
def test_any_other_id_is_replaced(client: Client, given: str) -> None:
    answer = client.get("/api/nothing", headers={"X-Request-ID": given})["X-Request-ID"]
    assert OUR_OWN.fullmatch(answer)


def test_each_request_without_an_id_gets_one_of_its_own(client: Client) -> None:
    ids = {client.get("/api/nothing")["X-Request-ID"] for _ in range(20)}
    assert len(ids) == 20
    assert all(OUR_OWN.fullmatch(given) for given in ids)


@pytest.mark.parametrize(
    "path",
    ["/", "/health/live", "/admin/login/", "/static/nothing.css", "/api/auth/me", "/api/schema", "/nothing", "/docs"],
)
def test_every_answer_carries_it(db: None, client: Client, path: str) -> None:
    assert client.get(path, headers={"X-Request-ID": "mine"})["X-Request-ID"] == "mine"


def test_also_the_answer_to_a_wrong_host_and_to_a_body_too_large(client: Client) -> None:
    headers = {"X-Request-ID": "mine"}
    wrong_host = client.get("/api/sites", headers={**headers, "Host": "evil.example"})
    too_large = client.post("/api/sites", b"x" * 70_000, content_type="application/json", headers=headers)
    assert (wrong_host.status_code, too_large.status_code) == (400, 413)
    assert {answer["X-Request-ID"] for answer in (wrong_host, too_large)} == {"mine"}


@pytest.mark.parametrize(
    ("path", "logger"),
    [
        ("/api/nothing", "django.request"),
        ("/nothing", "django.request"),
        ("/api/faulty/defect", "portcullis.problems"),
        ("/api/faulty/defect", "django.request"),
        ("/page/defect", "django.request"),
        ("/health/live", "portcullis.access"),
    ],
)
def test_every_log_line_of_the_request_carries_it(settings: Any, path: str, logger: str) -> None:
    settings.ROOT_URLCONF = "common.tests.faulty_urls"
    client = Client(raise_request_exception=False)
    with log_lines() as log:
        client.get(path, headers={"X-Request-ID": "mine"})
    assert logger in {entry["logger"] for entry in log.entries}
    assert {entry["request_id"] for entry in log.entries} == {"mine"}


def test_the_next_request_does_not_inherit_it(client: Client) -> None:
    client.get("/api/nothing", headers={"X-Request-ID": "first"})
    assert current_request_id.get() is None
    with log_lines() as log:
        second = client.get("/api/nothing")["X-Request-ID"]
    assert {entry["request_id"] for entry in log.entries} == {second}


def test_each_request_is_one_line_in_the_access_log(db: None, roma: RegisteredSite) -> None:
    with log_lines() as log:
        roma.call_home()
    lines = [entry for entry in log.entries if entry["logger"] == "portcullis.access"]
    assert len(lines) == 1
    assert (lines[0]["method"], lines[0]["path"], lines[0]["status"]) == ("POST", "/api/heartbeat", 200)
    assert lines[0]["client"] == "127.0.0.1"
    assert lines[0]["duration_ms"] >= 0


def test_an_event_of_the_audit_trail_names_the_request(api: Any, roma: RegisteredSite) -> None:
    api.post(f"{roma.path}/lock", {"reason": "unpaid"}, headers={"X-Request-ID": "mine"})
    assert api.get(f"{roma.path}/events").json()["results"][0]["request_id"] == "mine"

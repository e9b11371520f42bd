"""Whatever is sent, the answer is a 4xx that says what is wrong, and nothing is changed."""

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from conftest import RegisteredSite
from sites.models import Site
from sites.tests.conftest import FACTS, SITE_ENDPOINTS, actions, assert_problem

pytestmark = pytest.mark.any_database

WRITING = [endpoint for endpoint in SITE_ENDPOINTS if endpoint.method in ("post", "put", "patch")]

UNREADABLE = {
    "array": b"[]",
    "null": b"null",
    "text": b'"name"',
    "number": b"5",
    "nothing closed": b'{"name": "Roma"',
    "two objects": b"{}{}",
    "single quotes": b"{'name': 'Roma'}",
    "comment": b"{} // x",
    "trailing comma": b'{"name": "Roma",}',
    "NaN": b'{"days": NaN}',
    "Infinity": b'{"days": -Infinity}',
    "a number too large for a float": b'{"days": 1e999}',
    "more digits than a number may have": b'{"days": ' + b"9" * 5000 + b"}",
    "a repeated key": b'{"name": "A", "name": "B"}',
    "a repeated unknown key": b'{"x": 1, "x": 1}',
    "a repeated key inside": b'{"x": {"y": 1, "y": 1}}',
    "deep arrays": b'{"x": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "deep objects": b'{"x":' * 5000 + b"1" + b"}" * 5000,
    "deep and open": b"[" * 60_000,
    "rather deep": b'{"x": ' + b"[" * 50 + b"]" * 50 + b"}",
    "invalid UTF-8": b'{"name": "\xff\xfe"}',
    "UTF-8 of a surrogate": b'{"name": "\xed\xa0\x80"}',
    "UTF-16": '{"name": "Roma"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"name": "Roma"}',
    "NUL byte": b'{"name": "a\x00b"}',
    "escaped NUL": b'{"name": "a\\u0000b"}',
    "escaped NUL in a key": b'{"a\\u0000b": 1}',
    "lone surrogate": b'{"name": "\\ud800"}',
    "lone low surrogate": b'{"reason": "x\\udc00"}',
    "lone surrogate in an unknown field": b'{"x": [{"y": "\\ud800"}]}',
    "lone surrogate in a key": b'{"\\udfff": 1}',
    "raw control character": b'{"name": "a\nb"}',
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_a_body_that_is_no_json_object_is_refused_everywhere(api: APIClient, roma: RegisteredSite, body: bytes) -> None:
    before = Site.objects.values().get()
    calls = [("POST", "/api/sites"), *((endpoint.method.upper(), roma.path + endpoint.suffix) for endpoint in WRITING)]
    for method, path in calls:
        assert_problem(api.generic(method, path, body, content_type="application/json"), 400, "unreadable")
    assert Site.objects.values().get() == before
    assert actions() == ["registered"]


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "text/html",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/merge-patch+json",
        "application/jsonp",
        "nonsense",
        "",
    ],
)
def test_a_body_that_is_not_declared_as_json_is_refused(
    api: APIClient, roma: RegisteredSite, content_type: str
) -> None:
    body = json.dumps({**FACTS, "reason": "x", "days": 1}).encode()
    calls = [("POST", "/api/sites"), *((endpoint.method.upper(), roma.path + endpoint.suffix) for endpoint in WRITING)]
    for method, path in calls:
        answer = api.generic(method, path, body, content_type=content_type)
        assert_problem(answer, 415, "unsupported_media_type")
    assert actions() == ["registered"]


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "Application/JSON", "application/json ;x=y"]
)
def test_json_may_be_declared_in_several_ways(api: APIClient, content_type: str) -> None:
    answer = api.generic("POST", "/api/sites", json.dumps(FACTS).encode(), content_type=content_type)
    assert answer.status_code == 201


@pytest.mark.parametrize("size", [64 * 1024 + 1, 10_000_000])
def test_a_body_over_64_kib_is_refused(api: APIClient, roma: RegisteredSite, size: int) -> None:
    body = json.dumps({**FACTS, "padding": ""}).encode()
    body = body[:-2] + b"x" * (size - len(body)) + body[-2:]
    for path in ("/api/sites", f"{roma.path}/lock"):
        answer = api.generic("POST", path, body, content_type="application/json")
        assert_problem(answer, 413, "body_too_large")
    assert actions() == ["registered"]


def test_a_body_of_64_kib_is_read(api: APIClient) -> None:
    body = json.dumps({**FACTS, "padding": ""}).encode()
    body = body[:-2] + b"x" * (64 * 1024 - len(body)) + body[-2:]
    assert api.generic("POST", "/api/sites", body, content_type="application/json").status_code == 201


NO_TEXT: list[Any] = [None, 5, 1.5, True, [], ["Roma"], {}, {"text": "Roma"}, "", "   ", "\t\n"]
NO_LINE = [*NO_TEXT, "a\nb", "a\rb", "a\tb", "a\u0007b", "a\u009fb", "a\u007fb"]
NO_INSTANT: list[Any] = [
    None,
    5,
    1_800_000_000,
    True,
    [],
    {},
    "",
    "tomorrow",
    "2026-12-31",
    "2026-12-31T00:00:00",
    "2026-12-31 00:00:00Z",
    "2026-12-31T00:00Z",
    "2026-12-31T00:00:00.Z",
    "2026-12-31T00:00:00+0200",
    "2026-12-31T00:00:00+24:00",
    "2026-12-31T00:00:00 Z",
    "2026-02-30T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-12-31T25:00:00Z",
    "٢٠٢٦-12-31T00:00:00Z",
    "0000-01-01T00:00:00Z",
    "-001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+00:01",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-00:01",
    "9999-12-31T23:59:59-14:00",
    "10000-01-01T00:00:00Z",
    "2026-W01-1T00:00:00Z",
]
WRONG: dict[str, list[Any]] = {
    "name": [*NO_LINE, "x" * 201, "🍕" * 201],
    "owner_name": [*NO_LINE, "x" * 201],
    "contact_email": [
        *NO_LINE,
        "giulia",
        "@roma.example",
        "giulia@",
        "giulia@@roma.example",
        "a b@roma.example",
        "giulia@roma.example\nBcc: x@y.example",
        "Giulia <giulia@roma.example>",
        "a@" + "b" * 250 + ".example",
        "a" * 250 + "@roma.example",
        '"\u0001"@roma.example',
    ],
    "timezone": [
        *NO_LINE,
        "Mars/Phobos",
        "europe/rome",
        "Europe/Rome/",
        "+02:00",
        "Factory",
        "localtime",
        "posixrules",
        "posix/UTC",
        "../UTC",
        "/etc/localtime",
        "x" * 65,
    ],
    "license_expires_at": NO_INSTANT,
}


def wrong_values(table: dict[str, list[Any]]) -> list[Any]:
    return [
        pytest.param(field, value, id=f"{field}={value!r}"[:60]) for field, values in table.items() for value in values
    ]


@pytest.mark.parametrize(("field", "value"), wrong_values(WRONG))
def test_a_wrong_fact_is_refused_and_pointed_at(api: APIClient, roma: RegisteredSite, field: str, value: Any) -> None:
    body = {**FACTS, field: value}
    assert_problem(api.post("/api/sites", body), 400, "invalid", f"/{field}")
    assert_problem(api.put(roma.path, body), 400, "invalid", f"/{field}")
    assert_problem(api.patch(roma.path, {field: value}), 400, "invalid", f"/{field}")
    assert actions() == ["registered"]


@pytest.mark.parametrize("value", [None, 0, 1, "true", "false", "", [], {}, 1.0])
def test_is_active_is_true_or_false(api: APIClient, roma: RegisteredSite, value: Any) -> None:
    assert_problem(api.patch(roma.path, {"is_active": value}), 400, "invalid", "/is_active")
    assert_problem(api.put(roma.path, {**FACTS, "is_active": value}), 400, "invalid", "/is_active")
    assert actions() == ["registered"]


WRONG_ACTIONS: dict[str, list[Any]] = {
    "lock/reason": [*NO_TEXT, "x" * 501, "🍕" * 501, "a\u0007b", "\u001b[31mred"],
    "unlock/note": [5, 1.5, True, [], {}, "x" * 501, "a\u0007b"],
    "extend/days": [None, 0, -1, 3661, 1.0, 1.5, "1", "", True, False, [], {}, 2**31, 2**63, 2**64, 10**30, -(10**30)],
    "extend/until": NO_INSTANT,
    "rotate-key/overlap_hours": [None, -1, 169, 24.0, 1.5, "24", "", True, [], {}, 2**63, 10**30],
}


@pytest.mark.parametrize(("path", "value"), wrong_values(WRONG_ACTIONS))
def test_a_wrong_argument_is_refused_and_pointed_at(
    api: APIClient, roma: RegisteredSite, path: str, value: Any
) -> None:
    action, field = path.split("/")
    before = Site.objects.values().get()
    assert_problem(api.post(f"{roma.path}/{action}", {field: value}), 400, "invalid", f"/{field}")
    assert Site.objects.values().get() == before
    assert actions() == ["registered"]


def test_a_lock_needs_a_reason(api: APIClient, roma: RegisteredSite) -> None:
    assert_problem(api.post(f"{roma.path}/lock"), 400, "invalid", "/reason")
    assert_problem(api.post(f"{roma.path}/lock", {"note": "x"}), 400, "invalid", "/reason")


@pytest.mark.parametrize("suffix", ["unlock", "rotate-key"])
@pytest.mark.parametrize("body", [b"", b"{}", b" \n "])
def test_the_body_of_unlock_and_of_rotate_key_may_be_empty(
    api: APIClient, roma: RegisteredSite, suffix: str, body: bytes
) -> None:
    answer = api.generic("POST", f"{roma.path}/{suffix}", body, content_type="application/json")
    assert answer.status_code == 200


def test_the_longest_of_everything_is_taken(api: APIClient, roma: RegisteredSite) -> None:
    email = "a" * 64 + "@" + ".".join(["b" * 60] * 3) + ".exam"
    facts = {"name": "🍕" * 200, "owner_name": "é" * 200, "contact_email": email}
    assert api.put(roma.path, facts).json()["name"] == "🍕" * 200
    assert api.post(f"{roma.path}/lock", {"reason": "🍕" * 500}).json()["lock_reason"] == "🍕" * 500
    assert roma.call_home().json()["lock_reason"] == "🍕" * 500
    assert api.post(f"{roma.path}/unlock", {"note": "n" * 500}).status_code == 200


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("0001-01-01T00:00:00-14:00", "0001-01-01T14:00:00Z"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
        ("9999-12-31T23:59:59+14:00", "9999-12-31T09:59:59Z"),
        ("2026-12-31t00:00:00z", "2026-12-31T00:00:00Z"),
        ("2026-12-31T00:00:00.123456789Z", "2026-12-31T00:00:00.123456Z"),
        ("2026-12-31T00:00:00-00:00", "2026-12-31T00:00:00Z"),
    ],
)
def test_the_edges_of_time_are_kept_to_the_microsecond(
    api: APIClient, roma: RegisteredSite, given: str, taken: str
) -> None:
    assert api.patch(roma.path, {"license_expires_at": given}).json()["license_expires_at"] == taken
    assert api.get(roma.path).json()["license_expires_at"] == taken
    assert roma.call_home().json()["expires_at"] == taken
    assert api.get("/api/sites", {"ordering": "-license_expires_at"}).json()["count"] == 1
    assert api.get(f"{roma.path}/events").status_code == 200

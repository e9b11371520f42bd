"""JSON as RFC 8259 means it: what only looks like it is a 400, at every endpoint."""

import json

import pytest
from rest_framework.test import APIClient

pytestmark = pytest.mark.any_database

REFUSED = {
    "a repeated key": b'{"refresh": "a", "refresh": "b"}',
    "a repeated key, written differently": rb'{"refresh": "a", "r\u0065fresh": "b"}',
    "a repeated key further in": b'{"refresh": "a", "more": [{"x": 1, "x": 2}]}',
    "NaN": b'{"refresh": NaN}',
    "Infinity": b'{"more": Infinity, "refresh": "a"}',
    "-Infinity": b'{"more": [-Infinity], "refresh": "a"}',
    "a number beyond all": b'{"more": 1e400, "refresh": "a"}',
    "a number below all": b'{"more": -1e400, "refresh": "a"}',
    "an integer of 5000 digits": b'{"more": ' + b"9" * 5000 + b', "refresh": "a"}',
    "a lone surrogate": rb'{"refresh": "\ud800"}',
    "a lone low surrogate": rb'{"refresh": "a\udfffb"}',
    "a lone surrogate in an unknown field": rb'{"more": ["\ud800"], "refresh": "a"}',
    "a lone surrogate in a name": rb'{"\ud800": 1, "refresh": "a"}',
    "NUL": rb'{"refresh": "a\u0000b"}',
    "NUL in an unknown field": rb'{"more": {"x": "\u0000"}, "refresh": "a"}',
    "a raw control character": b'{"refresh": "a\x01b"}',
    "a raw NUL": b'{"refresh": "a\x00b"}',
    "33 levels": b'{"refresh": "a", "more": ' + b"[" * 33 + b"]" * 33 + b"}",
    "30000 levels": b'{"refresh": "a", "more": ' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    "30000 levels without an end": b"[" * 30_000,
    "invalid UTF-8": b'{"refresh": "\xff"}',
    "overlong UTF-8": b'{"refresh": "\xc0\x80"}',
    "a surrogate in UTF-8": b'{"refresh": "\xed\xa0\x80"}',
    "Latin-1": '{"refresh": "Größe"}'.encode("latin-1"),
    "UTF-16": '{"refresh": "a"}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf" + b'{"refresh": "a"}',
    "an array": b"[]",
    "a text": b'"refresh"',
    "a number": b"5",
    "null": b"null",
    "true": b"true",
    "cut short": b'{"refresh": "a"',
    "a comma too many": b'{"refresh": "a",}',
    "single quotes": b"{'refresh': 'a'}",
    "a comment": b'{"refresh": "a"} // x',
    "two documents": b'{"refresh": "a"}{"refresh": "b"}',
    "a form": b"refresh=a",
}
ACCEPTED = {
    "blanks around it": b' \r\n\t{"refresh": "a"}\n ',
    "a surrogate pair": rb'{"refresh": "\ud83c\udf55"}',
    "unknown fields of every type": b'{"refresh": "a", "more": [1, -0.5, 1e300, true, null, {"x": "y"}]}',
    "the same key in two objects": b'{"refresh": "a", "one": {"x": 1}, "two": {"x": 1}}',
    "20 levels": b'{"refresh": "a", "more": ' + b"[" * 20 + b"]" * 20 + b"}",
    "an integer beyond 64 bits in an unknown field": b'{"refresh": "a", "more": 99999999999999999999999}',
}


def post(body: bytes, content_type: str = "application/json"):
    """To an endpoint whose answer is 401 to every text that is no token."""
    return APIClient().generic("POST", "/api/auth/refresh", body, content_type=content_type)


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
def test_what_only_looks_like_json_is_unreadable(db: None, body: bytes) -> None:
    answer = post(body)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    problem = json.loads(answer.content)
    assert set(problem) == {"type", "title", "status", "detail", "code"}
    assert (problem["status"], problem["code"]) == (400, "unreadable")


@pytest.mark.parametrize("body", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_what_is_json_is_read(db: None, body: bytes) -> None:
    answer = post(body)
    assert (answer.status_code, json.loads(answer.content)["code"]) == (401, "invalid_refresh_token")


@pytest.mark.parametrize("body", [b"", b"{}", b"  \n"], ids=["empty", "an empty object", "blank"])
def test_an_empty_body_lacks_what_is_required(db: None, body: bytes) -> None:
    answer = post(body)
    assert (answer.status_code, json.loads(answer.content)["errors"][0]["code"]) == (400, "required")


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON", "application/json;"])
def test_the_media_type_may_have_parameters_and_any_case(db: None, content_type: str) -> None:
    assert post(b'{"refresh": "a"}', content_type).status_code == 401


@pytest.mark.parametrize("content_type", ["text/plain", "text/json", "application/xml", "junk"])
def test_another_media_type_is_a_415(db: None, content_type: str) -> None:
    answer = post(b'{"refresh": "a"}', content_type)
    assert (answer.status_code, json.loads(answer.content)["code"]) == (415, "unsupported_media_type")

"""Strict base64url and JSON."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcullis_agent.encoding import decode_base64url, decode_object, encode_base64url


@given(st.binary(max_size=80))
def test_base64url_comes_back(data: bytes) -> None:
    assert decode_base64url(encode_base64url(data)) == data


@given(st.text(max_size=12))
def test_a_text_that_is_decoded_is_the_only_spelling_of_its_bytes(text: str) -> None:
    try:
        data = decode_base64url(text)
    except ValueError:
        return
    assert encode_base64url(data) == text


def test_brackets_in_texts_do_not_count_as_nesting() -> None:
    assert decode_object(b'{"a": "' + b"[" * 100 + b'"}') == {"a": "[" * 100}


def test_brackets_in_texts_do_not_hide_nesting() -> None:
    with pytest.raises(ValueError, match="deeply"):
        decode_object(b'{"a": ' + b'["}]", ' * 40 + b"1" + b"]" * 40 + b"}")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b'{"a": 1, "a": 1}', "repeats"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": 1e999}', "too large"),
        (b"[]", "not a JSON object"),
        (b"", "Expecting value"),
        (b'{"a": 1} x', "Extra data"),
        (b"\xff", "codec"),
    ],
)
def test_other_json_is_refused(text: bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        decode_object(text)

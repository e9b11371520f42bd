"""The API's description states the patterns of texts: what it allows is accepted, and what it excludes is mostly refused."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rest_framework.exceptions import ValidationError

from accounts.api.serializers import CredentialsSerializer
from config.documentation import description
from heartbeat.api.serializers import ReportSerializer
from sites.api.serializers import LockSerializer, RegistrationSerializer, UnlockSerializer

FIELDS = [
    ("SiteRegistrationRequest", RegistrationSerializer, "name"),
    ("LockRequest", LockSerializer, "reason"),
    ("UnlockRequest", UnlockSerializer, "note"),
    ("CredentialsRequest", CredentialsSerializer, "username"),
    ("CredentialsRequest", CredentialsSerializer, "password"),
    ("HeartbeatReportRequest", ReportSerializer, "version"),
]
TEXTS = st.text(st.characters(codec="utf-8"), max_size=20) | st.text(
    alphabet="a\x00\x1f\x7f\x85\xa0\u2028\u3000\n\t ", max_size=6
)


def pattern_of(component: str, name: str) -> str:
    described = description()["components"]["schemas"][component]["properties"][name]
    return the_pattern_of(described)


def the_pattern_of(described: dict[str, Any]) -> str:
    """With the empty text as an alternative, where that is one."""
    if "oneOf" in described:
        with_pattern, empty = described["oneOf"]
        assert empty == {"type": "string", "maxLength": 0}
        return rf"(?:{the_pattern_of(with_pattern)}|\A\Z)"
    pattern = str(described["pattern"])
    return pattern.removesuffix("$") + r"\Z"  # Python's $ also matches before a line break at the end


def is_accepted(serializer: Any, name: str, text: str) -> bool:
    try:
        serializer().fields[name].run_validation(text)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(("component", "serializer", "name"), FIELDS, ids=[f"{each[0]}.{each[2]}" for each in FIELDS])
def test_a_text_of_the_pattern_is_accepted(component: str, serializer: Any, name: str) -> None:
    pattern = re.compile(pattern_of(component, name))

    @settings(max_examples=300, deadline=None)
    @given(TEXTS)
    def check(text: str) -> None:
        if pattern.search(text):
            assert is_accepted(serializer, name, text)

    check()


@pytest.mark.parametrize(("component", "serializer", "name"), FIELDS, ids=[f"{each[0]}.{each[2]}" for each in FIELDS])
@pytest.mark.parametrize("text", ["a\x00", "\x00", "\x1b[2J", "a\x7fb", "a\x9f"])
def test_control_characters_are_outside_of_the_pattern(text: str, component: str, serializer: Any, name: str) -> None:
    assert not re.search(pattern_of(component, name), text)
    assert not is_accepted(serializer, name, text)


def test_line_breaks_are_allowed_where_the_api_takes_them() -> None:
    assert re.search(pattern_of("LockRequest", "reason"), "two\nlines")
    assert not re.search(pattern_of("SiteRegistrationRequest", "name"), "two\nlines")


def test_blank_texts_are_allowed_where_the_api_takes_them() -> None:
    assert re.search(pattern_of("UnlockRequest", "note"), "")
    for text in ("", " ", "\u3000"):
        assert not re.search(pattern_of("LockRequest", "reason"), text)

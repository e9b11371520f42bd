"""Which paths are always open, and what must not pass for one of them."""

from __future__ import annotations

import pytest

from portcullis_agent import SettingsError
from portcullis_agent.open_paths import OpenPaths

PATHS = OpenPaths(["/health", "/orders/*/pay", "POST /receipts/*/print", "GET /orders/**", "/export/**", "/müll"])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/health"),
        ("POST", "/health/"),
        ("POST", "/orders/17/pay"),
        ("GET", "/orders"),
        ("HEAD", "/orders/17"),
        ("POST", "/receipts/17/print"),
        ("DELETE", "/export"),
        ("GET", "/export/2026/09.csv"),
        ("GET", "/export/100%"),
        ("GET", "/müll"),
    ],
)
def test_a_path_that_is_named_is_open(method: str, path: str) -> None:
    assert PATHS.match(method, path)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", ""),
        ("OPTIONS", "*"),
        ("GET", "/healthy"),
        ("GET", "/health/x"),
        ("GET", "/Health"),
        ("POST", "/orders"),
        ("POST", "/orders/17"),
        ("get", "/orders/17"),
        ("POST", "/orders/17/18/pay"),
        ("POST", "/orders//pay"),
        ("GET", "/receipts/17/print"),
        ("GET", "/exports"),
        ("GET", "/export.csv"),
        ("GET", "http://a/export/"),
    ],
)
def test_another_path_or_method_is_not(method: str, path: str) -> None:
    assert not PATHS.match(method, path)


@pytest.mark.parametrize(
    "path",
    [
        "/export/../orders",
        "/export/..",
        "/export/.",
        "/export/./x",
        "//export",
        "/export//x",
        "/export//",
        "/export/..\\orders",
        "/export\\..\\orders",
        "/export/%2e%2e/orders",
        "/export/%2F..",
        "/export/x\x00",
        "/export/x\n",
        "/export/x\u202e",
    ],
)
def test_a_path_that_another_program_may_read_as_another_one_is_not_open(path: str) -> None:
    assert not PATHS.match("GET", path)


def test_all_paths_can_be_open_and_none_is_by_default() -> None:
    assert OpenPaths(["/**"]).match("POST", "/")
    assert OpenPaths(["/**"]).match("POST", "/any/path")
    assert not OpenPaths().match("GET", "/")


@pytest.mark.parametrize("pattern", ["health", "", "/a//b", "/a/../b", "/a/**/b", "/a*", "get /a", "GET  /a", "GET a"])
def test_a_malformed_pattern_is_an_error_at_the_start(pattern: str) -> None:
    with pytest.raises(SettingsError):
        OpenPaths([pattern])


def test_one_text_in_place_of_a_list_is_an_error() -> None:
    with pytest.raises(SettingsError):
        OpenPaths("/health")

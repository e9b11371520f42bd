"""CORS_ALLOWED_ORIGINS takes exact origins, PATH_PREFIX a path, and a mistake in them stops the start."""

import re

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.browser_settings import OWN_PATHS, allowed_origins, path_prefix
from config.urls import urlpatterns


@pytest.mark.parametrize(
    "origin",
    ["https://app.example.com", "http://localhost:5173", "http://127.0.0.1:3000", "https://[2001:db8::1]:8443"],
)
def test_an_origin_is_taken_as_browsers_send_it(monkeypatch: pytest.MonkeyPatch, origin: str) -> None:
    monkeypatch.setenv("CORS_ALLOWED_ORIGINS", f" {origin}, https://other.example.com,")
    assert allowed_origins() == [origin, "https://other.example.com"]


@pytest.mark.parametrize(
    "text",
    [
        "*",
        "null",
        "https://*.example.com",
        "app.example.com",
        "https://app.example.com/",
        "https://app.example.com/path",
        "https://app.example.com?a",
        "https://App.example.com",
        "https://user@app.example.com",
        "https://app.example.com:443",
        "http://app.example.com:80",
        "https://app.example.com:99999",
        "https://app.example.com:",
        "ftp://app.example.com",
        "https://straße.example",
        "https://",
    ],
)
def test_anything_else_stops_the_start(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("CORS_ALLOWED_ORIGINS", f"https://app.example.com,{text}")
    with pytest.raises(ImproperlyConfigured, match="CORS_ALLOWED_ORIGINS takes origins"):
        allowed_origins()


def test_without_the_setting_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CORS_ALLOWED_ORIGINS", raising=False)
    assert allowed_origins() == []


@pytest.mark.parametrize(
    ("text", "prefix"),
    [("", ""), ("/", ""), ("/licences", "/licences"), ("/licences/", "/licences"), ("/a/b-1.c", "/a/b-1.c")],
)
def test_a_prefix_is_a_path_without_a_slash_at_its_end(monkeypatch: pytest.MonkeyPatch, text: str, prefix: str) -> None:
    monkeypatch.setenv("PATH_PREFIX", text)
    assert path_prefix() == prefix


@pytest.mark.parametrize(
    "text", ["licences", "//licences", "/a//b", "/a/../b", "/.", "/a b", "https://a", "/api", "/admin/x", "/s", "/ä"]
)
def test_a_prefix_that_is_no_path_or_one_of_ours_stops_the_start(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("PATH_PREFIX", text)
    with pytest.raises(ImproperlyConfigured, match="PATH_PREFIX must be a path such as /licences"):
        path_prefix()


def test_every_first_segment_of_our_urls_is_known_as_one_of_ours() -> None:
    """Otherwise PATH_PREFIX could be one of them, and its pages could not be told from those without the prefix."""
    paths = {str(pattern.pattern).strip("^").split("/")[0].rstrip("?$(") for pattern in urlpatterns}
    assert {path for path in paths if re.fullmatch(r"\w+", path)} <= OWN_PATHS

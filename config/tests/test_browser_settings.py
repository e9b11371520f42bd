"""CORS_ALLOWED_ORIGINS takes exact origins, and a mistake in it stops the start."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.browser_settings import allowed_origins


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

"""What a browser is told, with every answer."""

import ipaddress
import re
from typing import Any

import pytest
from django.test import Client

from accounts.models import Admin

PATHS = ["/health/live", "/api/auth/me", "/api/nothing", "/admin/login/", "/docs", "/redoc", "/nothing", "/"]


def directives(answer: Any) -> dict[str, str]:
    entries = (entry.strip().partition(" ") for entry in answer["Content-Security-Policy"].split(";"))
    return {name: value for name, _, value in entries if name}


@pytest.fixture
def answers(db: None, settings: Any, client: Client) -> dict[str, Any]:
    settings.DEBUG = False
    return {path: client.get(path) for path in PATHS}


def test_nothing_is_sniffed_framed_or_told_to_strangers(answers: dict[str, Any]) -> None:
    for path, answer in answers.items():
        assert answer["X-Content-Type-Options"] == "nosniff", path
        assert answer["X-Frame-Options"] == "DENY", path
        assert answer["Referrer-Policy"] == "same-origin", path
        assert answer["Cross-Origin-Opener-Policy"] == "same-origin", path


def test_no_page_may_use_the_devices_of_the_browser(answers: dict[str, Any]) -> None:
    for path, answer in answers.items():
        policy = dict(entry.split("=") for entry in answer["Permissions-Policy"].split(", "))
        assert set(policy.values()) == {"()"}, path
        assert {"camera", "microphone", "geolocation", "payment", "usb"} <= set(policy), path


def test_signing_out_clears_what_the_browser_has_stored(anna: Admin, client: Client) -> None:
    client.force_login(anna)
    assert "Clear-Site-Data" not in client.get("/admin/")
    answer = client.post("/admin/logout/")
    assert answer.status_code == 200
    assert answer["Clear-Site-Data"] == '"cache", "storage"'


def test_the_policy_allows_nothing_foreign_and_nothing_inline(answers: dict[str, Any]) -> None:
    for path, answer in answers.items():
        policy = directives(answer)
        assert policy["default-src"] == "'none'", path
        assert (policy["frame-ancestors"], policy["base-uri"]) == ("'none'", "'none'"), path
        assert (policy["script-src"], policy["form-action"]) == ("'self'", "'self'"), path
        for name, value in policy.items():
            # ReDoc makes its styles while it runs; nothing else may.
            allowed = value.replace("'unsafe-inline'", "") if (path, name) == ("/redoc", "style-src") else value
            assert not re.search(r"unsafe|https?:|\*", allowed), (path, name)


def test_no_page_carries_a_script_or_style_that_the_policy_would_stop(answers: dict[str, Any]) -> None:
    for path in ("/admin/login/", "/docs", "/redoc"):
        page = answers[path].content.decode()
        assert answers[path].status_code == 200
        assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>\s*\S", page), path
        assert not re.search(r"\son\w+=|<style\b", page), path
        assert not re.search(r"(src|href)=\"(https?:)?//", page), path


def test_plain_http_is_not_redirected(db: None, client: Client) -> None:
    assert client.get("/admin/login/").status_code == 200


def test_plain_http_is_redirected_where_https_is_asked_for_but_never_for_a_probe(settings: Any, client: Client) -> None:
    settings.SECURE_SSL_REDIRECT = True
    answer = client.get("/admin/login/")
    assert (answer.status_code, answer["Location"]) == (301, "https://testserver/admin/login/")
    assert client.get("/health/live").status_code == 200
    assert (
        client.get("/metrics").status_code == 404
    )  # Prometheus scrapes over plain HTTP on loopback or inside a cluster


def test_only_a_trusted_proxy_can_say_that_it_came_over_https(db: None, settings: Any, client: Client) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.TRUSTED_PROXIES = [ipaddress.ip_network("10.0.0.0/8")]
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7"}
    assert client.get("/admin/login/", headers=headers, REMOTE_ADDR="203.0.113.9").status_code == 301
    assert client.get("/admin/login/", headers=headers, REMOTE_ADDR="10.0.0.1").status_code == 200

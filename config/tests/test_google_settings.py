"""Settings of the sign-in with Google: what stops the start, and what `check --deploy` warns of."""

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import google_settings
from config.checks import google_is_asked_over_https


def test_client_ids_are_a_list_of_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_CLIENT_IDS", "one.example, two.example,")
    assert google_settings.client_ids() == ["one.example", "two.example"]
    monkeypatch.setenv("GOOGLE_CLIENT_IDS", "one two")
    with pytest.raises(ImproperlyConfigured, match="GOOGLE_CLIENT_IDS"):
        google_settings.client_ids()


def test_a_secret_without_a_client_id_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_CLIENT_SECRET", "secret")
    with pytest.raises(ImproperlyConfigured, match="set GOOGLE_CLIENT_IDS"):
        google_settings.client_secret()
    monkeypatch.setenv("GOOGLE_CLIENT_IDS", "one.example")
    assert google_settings.client_secret() == "secret"


def test_the_domain_is_a_domain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_HOSTED_DOMAIN", "Vendor.Example")
    assert google_settings.hosted_domain() == "vendor.example"
    for wrong in ("vendor", "@vendor.example", "https://vendor.example"):
        monkeypatch.setenv("GOOGLE_HOSTED_DOMAIN", wrong)
        with pytest.raises(ImproperlyConfigured, match="GOOGLE_HOSTED_DOMAIN"):
            google_settings.hosted_domain()


@pytest.mark.parametrize("name", ["GOOGLE_CERTS_URL", "GOOGLE_AUTH_URL", "GOOGLE_TOKEN_URL"])
@pytest.mark.parametrize(
    "wrong", ["ftp://x.example", "x.example", "https://", "https://a@x.example", "https://x.example/?q=1"]
)
def test_an_address_that_is_none_stops_the_start(monkeypatch: pytest.MonkeyPatch, name: str, wrong: str) -> None:
    monkeypatch.setenv(name, wrong)
    with pytest.raises(ImproperlyConfigured, match=name):
        google_settings.google_urls()


def test_without_https_the_deployment_check_warns(settings: Any) -> None:
    settings.GOOGLE_CLIENT_IDS = ["one.example"]
    assert google_is_asked_over_https() == []
    settings.GOOGLE_CERTS_URL = "http://google.example/certs"
    assert [(each.id, "GOOGLE_CERTS_URL" in each.msg) for each in google_is_asked_over_https()] == [
        ("portcullis.W005", True)
    ]
    settings.GOOGLE_CLIENT_IDS = []
    assert google_is_asked_over_https() == []

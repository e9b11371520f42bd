"""Who may read `/metrics`: nobody unless METRICS_TOKEN is set, then only who has it."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import Admin
from config.metrics.tests.scraping import AUTHORIZATION, TOKEN
from conftest import PASSWORD, RegisteredSite

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]


@pytest.fixture
def with_token(settings: Any) -> None:
    settings.METRICS_TOKEN = TOKEN


@pytest.mark.parametrize("method", ["get", "head", "post", "delete"])
def test_without_a_token_in_the_settings_there_are_no_metrics(client: Client, method: str) -> None:
    for headers in ({}, AUTHORIZATION, {"Authorization": "Bearer "}, {"Authorization": "Bearer"}):
        assert getattr(client, method)("/metrics", headers=headers).status_code == 404


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Basic {TOKEN}",
        TOKEN,
        "Bearer ü",
        "Bearer \x00",
    ],
)
def test_another_token_is_refused(with_token: None, client: Client, authorization: str) -> None:
    answer = client.get("/metrics", headers={"Authorization": authorization})
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, 'Bearer realm="metrics"')
    assert answer.json()["code"] == "not_authenticated"
    assert b"portcullis_" not in answer.content


def test_an_admin_who_is_signed_in_is_refused_too(with_token: None, anna: Admin, client: Client, api: Any) -> None:
    client.login(username="anna", password=PASSWORD)
    assert client.get("/metrics").status_code == 401
    assert api.get("/metrics").status_code == 401


@pytest.mark.parametrize("path", ["/metrics", "/metrics/"])
def test_the_token_opens_them(with_token: None, client: Client, path: str) -> None:
    answer = client.get(path, headers={**AUTHORIZATION, "Accept": "application/openmetrics-text;version=1.0.0,*/*"})
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    assert answer["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert b"portcullis_build_info" in answer.content


def test_they_are_only_read(with_token: None, client: Client) -> None:
    assert client.post("/metrics", headers=AUTHORIZATION).status_code == 405


def test_nothing_of_a_site_is_shown(with_token: None, roma: RegisteredSite, client: Client) -> None:
    roma.call_home()
    roma.call_home(key="psk_wrong")
    client.get(f"/api/sites/{roma.site_id}")
    client.get(f"/nothing/{roma.site_id}?key={roma.key}")
    shown = client.get("/metrics", headers=AUTHORIZATION).content.decode()
    assert 'portcullis_sites{status="online"} 1.0' in shown
    for fact in (roma.site_id, roma.key, roma.key[:8], "psk_", "Roma", "Giulia", "roma.example", "127.0.0.1", "anna"):
        assert fact not in shown

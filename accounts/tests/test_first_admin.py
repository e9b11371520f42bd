"""The first admin by FIRST_ADMIN_EMAIL."""

import json
from io import StringIO
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import LazySettings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.test import Client

from accounts.access_requests.tests.asking import CHOSEN, NORA, ask
from accounts.models import Admin
from accounts.tests.tokens import login
from audit.models import Event
from config.access_settings import first_admin_email
from conftest import Clock

pytestmark = pytest.mark.any_database


def invite(settings: LazySettings, email: str = NORA) -> Any:
    settings.FIRST_ADMIN_EMAIL = email
    output = StringIO()
    call_command("invite_first_admin", json=True, stdout=output)
    return json.loads(output.getvalue())


def choose(link: str) -> Any:
    return Client().post(urlsplit(link).path, {"new_password1": CHOSEN, "new_password2": CHOSEN})


def test_without_any_admin_one_is_made_who_sets_a_password_by_the_link(db: None, settings: LazySettings) -> None:
    settings.PUBLIC_URL = "https://licences.vendor.example"
    made = invite(settings)
    assert made["username"] == NORA
    assert made["link"].startswith("https://licences.vendor.example/admin/set-password/ppl_")
    nora = Admin.objects.get()
    assert (nora.role, nora.email, nora.has_usable_password()) == ("sysadmin", NORA, False)
    event = Event.objects.get(action="admin.created")
    assert (event.source, event.subject_name) == ("command", NORA)
    assert choose(made["link"]).status_code == 302
    assert login(NORA, CHOSEN).status_code == 200


@pytest.mark.parametrize("email", ["", NORA])
def test_with_an_admin_nobody_is_made(vera: Admin, settings: LazySettings, email: str) -> None:
    assert invite(settings, email) == {}
    assert list(Admin.objects.all()) == [vera]


def test_again_there_is_no_second_link_until_the_first_has_expired(
    db: None, settings: LazySettings, clock: Clock
) -> None:
    first = invite(settings)
    assert invite(settings) == {}
    clock.move(hours=25)
    second = invite(settings)
    assert second["link"] != first["link"]
    assert choose(first["link"]).status_code == 404
    assert choose(second["link"]).status_code == 302
    clock.move(days=30)
    assert invite(settings) == {}


def test_another_address_gets_no_link_once_there_is_an_admin(db: None, settings: LazySettings, clock: Clock) -> None:
    invite(settings)
    clock.move(hours=25)
    assert invite(settings, "other@vendor.example") == {}
    assert Admin.objects.count() == 1


def test_a_request_with_that_address_is_no_admin(db: None, settings: LazySettings) -> None:
    settings.FIRST_ADMIN_EMAIL = NORA
    assert ask().status_code == 202
    assert not Admin.objects.exists()
    assert login(NORA, CHOSEN).status_code == 401


def test_prepare_prints_the_link(db: None, settings: LazySettings, capsys: pytest.CaptureFixture[str]) -> None:
    settings.FIRST_ADMIN_EMAIL, settings.DEBUG = NORA, True
    call_command("prepare", json=True)
    prepared = json.loads(capsys.readouterr().out)
    assert prepared["has_admin"] is True
    assert choose(prepared["first_admin"]["link"]).status_code == 302
    call_command("prepare", json=True)
    assert json.loads(capsys.readouterr().out) == {"has_admin": True}


@pytest.mark.parametrize(("given", "read"), [("", ""), ("Nora@Vendor.example", NORA)])
def test_the_setting_is_an_address(monkeypatch: pytest.MonkeyPatch, given: str, read: str) -> None:
    monkeypatch.setenv("FIRST_ADMIN_EMAIL", given)
    assert first_admin_email() == read


@pytest.mark.parametrize("given", ["nora", "n" * 150 + "@vendor.example"])
def test_another_value_stops_the_start(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("FIRST_ADMIN_EMAIL", given)
    with pytest.raises(ImproperlyConfigured, match="FIRST_ADMIN_EMAIL"):
        first_admin_email()

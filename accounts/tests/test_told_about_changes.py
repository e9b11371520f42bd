"""A person is told what others did to their account: at the next sign-in, and by mail."""

import logging
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Admin
from accounts.services import change_admin, end_other_sign_ins
from accounts.tests.factors import browser
from audit.actors import COMMAND, Actor
from audit.models import Event
from conftest import PASSWORD

pytestmark = pytest.mark.any_database


def sign_in(username: str = "ben") -> str:
    client: Client = browser()
    assert client.post("/admin/login/", {"username": username, "password": PASSWORD}).status_code == 302
    return str(client.get("/admin/").content.decode())


def by(admin: Admin) -> Actor:
    return Actor(Event.Source.ADMIN, admin)


@pytest.fixture
def mail(settings: Any, mailoutbox: list[Any]) -> list[Any]:
    settings.EMAIL_HOST = "127.0.0.1"
    return mailoutbox


def test_the_next_sign_in_says_what_was_changed_and_by_whom(anna: Admin, ben: Admin) -> None:
    assert "Since your last sign-in" not in sign_in()
    change_admin(ben.pk, {"role": "viewer"}, by=by(anna), at=timezone.now())
    page = sign_in()
    assert "Since your last sign-in: role changed by anna" in page
    assert "Since your last sign-in" not in sign_in()


def test_ones_own_changes_are_not_news(anna: Admin) -> None:
    sign_in("anna")
    change_admin(anna.pk, {"email": "new@vendor.example"}, by=by(anna), at=timezone.now())
    end_other_sign_ins(anna, keep_session="", by=by(anna), at=timezone.now())
    assert "Since your last sign-in" not in sign_in("anna")


def test_what_a_command_did_is_said_too(ben: Admin) -> None:
    sign_in()
    change_admin(ben.pk, {"role": "viewer"}, by=COMMAND, at=timezone.now())
    assert "role changed by a command" in sign_in()


@pytest.mark.django_db(transaction=True)
def test_a_mail_goes_to_the_person_after_the_commit(mail: list[Any], anna: Admin, ben: Admin) -> None:
    change_admin(ben.pk, {"role": "viewer"}, by=by(anna), at=timezone.now())
    [message] = mail
    assert message.to == ["ben@vendor.example"]
    assert message.subject == "Portcullis: role changed"
    assert "anna" in message.body


@pytest.mark.django_db(transaction=True)
def test_a_changed_address_is_told_to_both_addresses(mail: list[Any], anna: Admin, ben: Admin) -> None:
    change_admin(ben.pk, {"email": "thief@evil.example"}, by=by(anna), at=timezone.now())
    [message] = mail
    assert sorted(message.to) == ["ben@vendor.example", "thief@evil.example"]


@pytest.mark.django_db(transaction=True)
def test_without_a_mail_server_and_for_ones_own_changes_no_mail_is_sent(
    settings: Any, mailoutbox: list[Any], anna: Admin, ben: Admin
) -> None:
    assert settings.EMAIL_HOST == ""
    change_admin(ben.pk, {"role": "viewer"}, by=by(anna), at=timezone.now())
    settings.EMAIL_HOST = "127.0.0.1"
    change_admin(anna.pk, {"email": "new@vendor.example"}, by=by(anna), at=timezone.now())
    assert mailoutbox == []


@pytest.mark.django_db(transaction=True)
def test_a_mail_server_that_is_down_fails_no_change(
    settings: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, anna: Admin, ben: Admin
) -> None:
    settings.EMAIL_HOST = "127.0.0.1"

    def refuse(*arguments: Any, **options: Any) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr("accounts.notices.send_mail", refuse)
    caplog.set_level(logging.ERROR)
    change_admin(ben.pk, {"role": "viewer"}, by=by(anna), at=timezone.now())
    ben.refresh_from_db()
    assert ben.role == "viewer"
    assert "on_commit" in caplog.text

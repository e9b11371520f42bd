"""People are told once that their tokens end soon."""

import logging
import smtplib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from django.utils import timezone

from accounts.models import Admin, PersonalToken
from accounts.personal_tokens import notices
from accounts.personal_tokens.notices import warn_of_ending_tokens
from accounts.personal_tokens.tests.scripts import a_token
from conftest import PASSWORD

pytestmark = pytest.mark.django_db
MADE = datetime(2026, 6, 1, tzinfo=UTC)
END = MADE + timedelta(days=90)
WEEK = timedelta(days=7)
SECOND = timedelta(seconds=1)


@pytest.fixture
def mail(settings: LazySettings, mailoutbox: list[Any]) -> list[Any]:
    settings.EMAIL_HOST = "127.0.0.1"
    settings.PUBLIC_URL = "https://licenses.vendor.example"
    return mailoutbox


def test_the_owner_is_told_a_week_before_and_once(anna: Admin, ben: Admin, mail: list[Any]) -> None:
    soon = [a_token(anna, name=name, at=MADE, expires_at=END).token.label for name in ("report", "billing")]
    a_token(anna, name="later", at=MADE, expires_at=END + SECOND)
    a_token(ben, name="never", at=MADE)
    assert warn_of_ending_tokens(at=END - WEEK - SECOND) is None
    assert warn_of_ending_tokens(at=END - WEEK) == {"mailed": 1}
    (message,) = mail
    assert message.to == ["anna@vendor.example"]
    assert all(f"* {label}, at 2026-08-30T00:00:00Z" in message.body for label in soon)
    assert "https://licenses.vendor.example/admin/account/" in message.body
    assert "later" not in message.body
    assert warn_of_ending_tokens(at=END - WEEK) is None
    assert warn_of_ending_tokens(at=END - WEEK + SECOND) == {"mailed": 1}
    assert "later" in mail[1].body
    assert "report" not in mail[1].body


def test_nobody_is_told_of_what_has_ended_or_never_had_more_time(anna: Admin, ben: Admin, mail: list[Any]) -> None:
    a_token(anna, name="short", at=END - WEEK, expires_at=END)
    revoked = a_token(anna, name="revoked", at=MADE, expires_at=END)
    PersonalToken.objects.filter(pk=revoked.token.pk).update(revoked_at=MADE)
    a_token(anna, name="expired", at=MADE, expires_at=END - WEEK)
    a_token(ben, name="of a disabled admin", at=MADE, expires_at=END)
    Admin.objects.filter(pk=ben.pk).update(is_active=False)
    assert warn_of_ending_tokens(at=END - WEEK) is None
    assert mail == []
    Admin.objects.filter(pk=ben.pk).update(is_active=True)
    assert warn_of_ending_tokens(at=END - WEEK) == {"mailed": 1}


def test_without_a_mail_server_they_wait(anna: Admin, settings: LazySettings) -> None:
    a_token(anna, at=MADE, expires_at=END)
    assert warn_of_ending_tokens(at=END - WEEK) is None
    settings.EMAIL_HOST = "127.0.0.1"
    assert warn_of_ending_tokens(at=END - WEEK) == {"mailed": 1}


def test_a_mail_that_fails_is_sent_later_and_keeps_no_other_waiting(
    anna: Admin, ben: Admin, mail: list[Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for owner in (anna, ben):
        a_token(owner, at=MADE, expires_at=END)
    with monkeypatch.context() as patched:
        refuse(patched, anna)
        with caplog.at_level(logging.WARNING, "portcullis.accounts"):
            assert warn_of_ending_tokens(at=END - WEEK) == {"mailed": 1}
        assert "anna was not told" in caplog.text
        # Nothing can be sent: the job fails, which the panel shows.
        with pytest.raises(smtplib.SMTPException):
            warn_of_ending_tokens(at=END - WEEK)
    assert warn_of_ending_tokens(at=END - WEEK) == {"mailed": 1}
    assert [message.to for message in mail] == [["ben@vendor.example"], ["anna@vendor.example"]]


def test_an_address_that_no_mail_can_have_keeps_no_other_waiting(anna: Admin, ben: Admin, mail: list[Any]) -> None:
    letters = "".join(chr(0x4E00 + 37 * number) for number in range(60))
    Admin.objects.filter(pk=anna.pk).update(email=f"anna@{letters}.example")
    for owner in (anna, ben):
        a_token(owner, at=MADE, expires_at=END)
    assert warn_of_ending_tokens(at=END - WEEK) == {"mailed": 1}
    assert [message.to for message in mail] == [["ben@vendor.example"]]
    Admin.objects.filter(pk=anna.pk).update(email="anna@vendor.example")
    assert warn_of_ending_tokens(at=END - WEEK) == {"mailed": 1}
    assert mail[1].to == ["anna@vendor.example"]


def refuse(patched: pytest.MonkeyPatch, refused: Admin) -> None:
    usual = notices.send_mail

    def send_mail(subject: str, body: str, sender: str | None, to: list[str]) -> int:
        if to == [refused.email]:
            raise smtplib.SMTPException("no such mailbox")
        return usual(subject, body, sender, to)

    patched.setattr(notices, "send_mail", send_mail)


def test_the_dashboard_says_it_to_the_owner_alone(anna: Admin, ben: Admin, client: Client) -> None:
    a_token(ben, name="bens script", expires_at=timezone.now() + timedelta(days=6))
    label = a_token(anna, name="annas script", expires_at=timezone.now() + timedelta(days=6)).token.label
    a_token(anna, name="later script", expires_at=timezone.now() + timedelta(days=8))
    client.login(username="anna", password=PASSWORD)
    page = client.get("/admin/").content.decode()
    caution = page.partition("Your token for scripts")[2].partition("</p>")[0]
    assert label in caution
    assert page.count("Your token for scripts") == 1

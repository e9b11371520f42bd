"""A password that is common or known from breaches is refused wherever a person chooses one."""

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from accounts.models import Admin
from accounts.tests.factors import browser, signed_in
from accounts.tests.tokens import login
from conftest import PASSWORD

pytestmark = pytest.mark.any_database

# Long enough, but the first is on Django's list of 20,000, the second only among the millions known from breaches.
COMMON, BREACHED = "1qaz2wsx3edc", "correcthorsebatterystaple"


def by_own_choice(password: str, monkeypatch: pytest.MonkeyPatch) -> str:
    form = {"old_password": PASSWORD, "new_password1": password, "new_password2": password}
    return signed_in("ben").post("/admin/password_change/", form).content.decode()


def by_a_link(password: str, monkeypatch: pytest.MonkeyPatch) -> str:
    ben = Admin.objects.get(username="ben")
    page = signed_in("anna").post(f"/admin/accounts/admin/{ben.pk}/password/").content.decode()
    [link] = set(re.findall(r"/admin/set-password/[^<]+/", page))
    return browser().post(link, {"new_password1": password, "new_password2": password}).content.decode()


def by_the_command(password: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("getpass.getpass", lambda prompt: password)
    with pytest.raises(CommandError) as refused:
        call_command("changepassword", "ben")
    return str(refused.value)


@pytest.mark.parametrize(
    ("password", "message"),
    [(COMMON, "This password is too common."), (BREACHED, "This password is in lists of stolen passwords.")],
)
@pytest.mark.parametrize("choose", [by_own_choice, by_a_link, by_the_command])
def test_a_common_or_breached_password_is_refused(
    anna: Admin,
    ben: Admin,
    monkeypatch: pytest.MonkeyPatch,
    choose: Callable[[str, pytest.MonkeyPatch], str],
    password: str,
    message: str,
) -> None:
    assert message in choose(password, monkeypatch)
    assert login("ben", password).status_code == 401


@pytest.mark.parametrize("password", ["liverpool12345", "iloveyou12345678", "MichaelJackson1"])
def test_breached_passwords_are_found_in_any_case(password: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        validate_password(password)
    assert refusal.value.messages == ["This password is in lists of stolen passwords."]


@pytest.mark.parametrize("password", [PASSWORD, "Trattoria Roma 2026", "pässwörter sind schön, wenn sie lang sind"])
def test_others_are_accepted(password: str) -> None:
    validate_password(password)


def test_one_that_is_too_short_for_the_list_is_refused_for_its_length_alone() -> None:
    with pytest.raises(ValidationError) as refusal:
        validate_password("kurz")
    assert len(refusal.value.messages) == 1

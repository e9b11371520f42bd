"""A password that is on the list of common ones is refused wherever a person chooses one."""

import re
from collections.abc import Callable

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Admin
from accounts.tests.factors import browser, signed_in
from accounts.tests.tokens import login
from conftest import PASSWORD

# Long enough, but on Django's list of 20,000.
COMMON = "1qaz2wsx3edc"


def by_own_choice(monkeypatch: pytest.MonkeyPatch) -> str:
    form = {"old_password": PASSWORD, "new_password1": COMMON, "new_password2": COMMON}
    return signed_in("ben").post("/admin/password_change/", form).content.decode()


def by_a_link(monkeypatch: pytest.MonkeyPatch) -> str:
    ben = Admin.objects.get(username="ben")
    page = signed_in("anna").post(f"/admin/accounts/admin/{ben.pk}/password/").content.decode()
    [link] = set(re.findall(r"/admin/set-password/[^<]+/", page))
    return browser().post(link, {"new_password1": COMMON, "new_password2": COMMON}).content.decode()


def by_the_command(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("getpass.getpass", lambda prompt: COMMON)
    with pytest.raises(CommandError) as refused:
        call_command("changepassword", "ben")
    return str(refused.value)


@pytest.mark.parametrize("choose", [by_own_choice, by_a_link, by_the_command])
def test_a_common_password_is_refused(
    anna: Admin, ben: Admin, monkeypatch: pytest.MonkeyPatch, choose: Callable[[pytest.MonkeyPatch], str]
) -> None:
    assert "This password is too common." in choose(monkeypatch)
    assert login("ben", COMMON).status_code == 401

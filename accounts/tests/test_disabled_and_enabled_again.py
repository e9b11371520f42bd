"""Disabling an admin is for good: what was signed before stays dead when they are enabled again."""

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Admin
from accounts.services import change_admin
from accounts.tests.tokens import login, me, pair, refresh
from audit.actors import COMMAND

pytestmark = pytest.mark.usefixtures("anna")  # somebody must remain a sysadmin


def test_old_tokens_and_sessions_do_not_come_back(ben: Admin) -> None:
    signed = pair("ben")
    browser = Client()
    browser.force_login(ben)
    for is_active in (False, True):
        change_admin(ben.pk, {"is_active": is_active}, by=COMMAND, at=timezone.now())
    assert me(signed["access"]).status_code == 401
    assert refresh(signed["refresh"]).status_code == 401
    assert browser.get("/admin/").status_code == 302
    assert login("ben").status_code == 200


def test_a_change_that_does_not_disable_signs_nobody_out(ben: Admin) -> None:
    signed = pair("ben")
    change_admin(ben.pk, {"role": "viewer", "email": "new@vendor.example"}, by=COMMAND, at=timezone.now())
    assert me(signed["access"]).json()["role"] == "viewer"

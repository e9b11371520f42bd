"""Google accounts and tokens in several hands at the same moment. Real threads, real row locks."""

from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.errors import GoogleAccountLinked, GoogleAccountTaken
from accounts.google import sign_in as module
from accounts.google.identity import GoogleIdentity
from accounts.google.services import link_google_account, unlink_google_account
from accounts.models import Admin, GoogleAccount
from accounts.tests.fake_google import FakeGoogle
from accounts.tests.side_by_side import side_by_side
from accounts.tests.test_google_login import link, sign_in
from accounts.tests.tokens import is_unauthenticated, me
from audit.actors import COMMAND

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="needs real row locks"),
]


def linked(admin: Admin, subject: str) -> str:
    identity = GoogleIdentity(subject, "x@x.example", "")
    try:
        link_google_account(admin.pk, identity, by=COMMAND, at=timezone.now())
    except (GoogleAccountTaken, GoogleAccountLinked) as error:
        return error.code
    return "linked"


def test_one_of_two_admins_gets_a_google_account(transactional_db: None, anna: Admin, ben: Admin) -> None:
    outcomes = side_by_side(lambda: linked(anna, "108"), lambda: linked(ben, "108"))
    assert sorted(outcomes) == ["google_account_taken", "linked"]


def test_an_admin_gets_one_of_two_google_accounts(transactional_db: None, anna: Admin) -> None:
    outcomes = side_by_side(lambda: linked(anna, "108"), lambda: linked(anna, "109"))
    assert sorted(outcomes) == ["google_account_linked", "linked"]
    assert GoogleAccount.objects.count() == 1


def test_a_sign_in_that_an_unlinking_overtakes_is_worth_nothing(
    transactional_db: None, google: FakeGoogle, anna: Admin, monkeypatch: Any
) -> None:
    link(anna)
    find = module.find_google_admin

    def find_and_be_overtaken(*args: Any) -> Admin:
        admin = find(*args)
        side_by_side(lambda: unlink_google_account(anna.pk, by=COMMAND, at=timezone.now()))
        return admin

    monkeypatch.setattr(module, "find_google_admin", find_and_be_overtaken)
    answer = sign_in(google.id_token())
    assert is_unauthenticated(me(answer.json()["access"]))

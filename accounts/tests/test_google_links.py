"""Linking Google accounts to admins."""

from typing import Any

import pytest
from django.db import IntegrityError
from django.utils import timezone

from accounts.errors import GoogleAccountLinked, GoogleAccountNeeded, GoogleAccountTaken
from accounts.google.identity import GoogleIdentity
from accounts.google.services import link_google_account, unlink_google_account
from accounts.models import Admin, GoogleAccount
from accounts.personal_tokens.tests.scripts import a_token, script
from accounts.services import reset_password, reset_password_by_link
from audit.actors import COMMAND
from audit.models import Event

IDENTITY = GoogleIdentity("108", "anna@gmail.example", "Anna")


def link(admin: Admin, identity: GoogleIdentity = IDENTITY) -> GoogleAccount:
    return link_google_account(admin.pk, identity, by=COMMAND, at=timezone.now())


def events() -> list[tuple[str, Any]]:
    return list(Event.objects.filter(action__contains="google").order_by("pk").values_list("action", "changes"))


def test_linking_leaves_an_event_and_linking_again_does_not(anna: Admin) -> None:
    assert link(anna) == link(anna)
    assert events() == [("admin.google_account_linked", {"google_account": [None, "anna@gmail.example"]})]


def test_a_google_account_belongs_to_one_admin(anna: Admin, ben: Admin) -> None:
    link(anna)
    with pytest.raises(GoogleAccountTaken):
        link(ben)
    assert GoogleAccount.objects.get().admin == anna


def test_an_admin_has_one_google_account(anna: Admin) -> None:
    link(anna)
    with pytest.raises(GoogleAccountLinked):
        link(anna, GoogleIdentity("109", "anna@gmail.example", "Anna"))
    assert GoogleAccount.objects.get().subject == "108"


def test_the_database_refuses_a_subject_twice(anna: Admin, ben: Admin) -> None:
    link(anna)
    with pytest.raises(IntegrityError):
        GoogleAccount.objects.create(admin=ben, subject="108", email="b@b.example", linked_at=timezone.now())


def test_unlinking_leaves_an_event_once(anna: Admin) -> None:
    link(anna)
    generations = [unlink_google_account(anna.pk, by=COMMAND, at=timezone.now()).token_generation for _ in range(2)]
    assert generations == [1, 1]
    assert events()[-1] == ("admin.google_account_unlinked", {"google_account": ["anna@gmail.example", None]})
    assert len(events()) == 2


def test_unlinking_revokes_tokens_because_somebody_else_may_have_used_the_account(anna: Admin, ben: Admin) -> None:
    link(anna)
    token, other = a_token(anna), a_token(ben)
    unlink_google_account(anna.pk, by=COMMAND, at=timezone.now())
    assert script(token.secret).get("/api/auth/me").status_code == 401
    assert script(other.secret).get("/api/auth/me").status_code == 200
    assert events()[-1][1] == {"google_account": ["anna@gmail.example", None], "personal_tokens": [1, 0]}


def test_the_only_way_to_sign_in_is_not_unlinked(anna: Admin) -> None:
    link(anna)
    anna.set_unusable_password()
    anna.save(update_fields=["password"])
    with pytest.raises(GoogleAccountNeeded):
        unlink_google_account(anna.pk, by=COMMAND, at=timezone.now())
    assert GoogleAccount.objects.exists()


def test_a_reset_of_the_password_unlinks_because_another_person_may_follow(anna: Admin, ben: Admin) -> None:
    for reset in (
        lambda: reset_password_by_link(ben.pk, by=COMMAND, at=timezone.now()),
        lambda: reset_password(ben.pk, "another battery staple", by=COMMAND, at=timezone.now()),
    ):
        link(ben)
        reset()
        assert not GoogleAccount.objects.exists()
        event = Event.objects.filter(action="admin.password_reset").latest("pk")
        assert event.changes["google_account"] == ["anna@gmail.example", None]

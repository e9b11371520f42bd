"""A new admin, and one whose password was reset, gets a link that sets a password once and for a day."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from accounts.errors import EnrolmentExpired, TwoFactorRequired
from accounts.models import Admin, PasswordLink
from accounts.required_steps import required_step
from accounts.services import change_admin
from accounts.tests.factors import browser, is_in, signed_in
from accounts.tests.tokens import is_unauthenticated, login, me, pair
from audit.actors import COMMAND
from audit.models import Event
from common.tests.logged import log_lines
from conftest import PASSWORD, Clock

CHOSEN = "kept in my own head 12"


def link_in(answer: Any) -> str:
    assert answer.status_code == 200, answer.content
    [path] = set(re.findall(r"http://localhost(/admin/set-password/[^<\"\s]+)", answer.content.decode()))
    return str(path)


def add_nora(sysadmin: Client) -> str:
    facts = {"username": "nora", "email": "nora@vendor.example", "role": "support"}
    return link_in(sysadmin.post("/admin/accounts/admin/add/", facts))


def reset_ben(sysadmin: Client, ben: Admin) -> str:
    return link_in(sysadmin.post(f"/admin/accounts/admin/{ben.pk}/password/"))


def choose(link: str, password: str = CHOSEN, again: str | None = None) -> Any:
    return browser("198.51.100.4").post(link, {"new_password1": password, "new_password2": again or password})


def test_a_new_admin_gets_a_link_and_no_password(anna: Admin) -> None:
    link = add_nora(signed_in())
    nora = Admin.objects.get(username="nora")
    assert not nora.has_usable_password()
    page = browser().get(link)
    assert page.status_code == 200
    assert "nora" in page.content.decode()
    answer = choose(link)
    assert (answer.status_code, answer["Location"]) == (302, "/admin/login/")
    assert login("nora", CHOSEN).status_code == 200


def test_a_reset_takes_the_old_password_and_every_sign_in_at_once(anna: Admin, ben: Admin) -> None:
    there, tokens = signed_in("ben"), pair("ben")
    link = reset_ben(signed_in(), ben)
    assert not is_in(there)
    assert is_unauthenticated(me(tokens["access"]))
    assert login("ben").status_code == 401
    assert choose(link).status_code == 302
    assert login("ben", CHOSEN).status_code == 200


def test_nobody_who_hands_it_over_has_to_be_asked_for_another_password(anna: Admin, ben: Admin) -> None:
    choose(reset_ben(signed_in(), ben))
    ben.refresh_from_db()
    assert not ben.must_change_password


def test_a_used_link_says_so(anna: Admin, ben: Admin) -> None:
    link = reset_ben(signed_in(), ben)
    assert choose(link).status_code == 302
    for answer in (browser().get(link), choose(link, "another horse battery staple")):
        assert answer.status_code == 410
        assert "This link was used already" in answer.content.decode()
    assert login("ben", CHOSEN).status_code == 200


def test_a_link_expires_after_a_day_and_says_so(clock: Clock, anna: Admin, ben: Admin) -> None:
    link = reset_ben(signed_in(), ben)
    clock.move(hours=23, minutes=59)
    assert browser().get(link).status_code == 200
    clock.move(minutes=1)
    for answer in (browser().get(link), choose(link)):
        assert answer.status_code == 410
        assert "This link has expired. Ask a sysadmin for a new one." in answer.content.decode()
    ben.refresh_from_db()
    assert not ben.has_usable_password()


def test_the_time_is_a_setting(clock: Clock, anna: Admin, ben: Admin, settings: Any) -> None:
    settings.HAND_OVER_WITHIN = timedelta(hours=1)
    link = reset_ben(signed_in(), ben)
    clock.move(hours=1)
    assert browser().get(link).status_code == 410


def test_a_new_link_ends_the_one_before(anna: Admin, ben: Admin) -> None:
    old, new = reset_ben(signed_in(), ben), reset_ben(signed_in(), ben)
    assert browser().get(old).status_code == 404
    assert browser().get(new).status_code == 200


@pytest.mark.parametrize("token", ["x", "ppl_x", "ppl_" + "a" * 5000, "%00", "ppl_%F0"])
def test_what_is_no_link_is_not_found(db: None, token: str) -> None:
    for answer in (browser().get(f"/admin/set-password/{token}/"), choose(f"/admin/set-password/{token}/")):
        assert answer.status_code == 404


def test_a_link_from_before_an_admin_was_disabled_is_gone(anna: Admin, ben: Admin) -> None:
    link = reset_ben(signed_in(), ben)
    for is_active in (False, True):
        change_admin(ben.pk, {"is_active": is_active}, by=COMMAND, at=timezone.now())
    assert choose(link).status_code == 404


def test_a_disabled_admin_sets_no_password(anna: Admin, ben: Admin) -> None:
    link = reset_ben(signed_in(), ben)
    Admin.objects.filter(pk=ben.pk).update(is_active=False)
    assert choose(link).status_code == 404
    ben.refresh_from_db()
    assert not ben.has_usable_password()


@pytest.mark.parametrize(
    ("password", "again", "words"),
    [
        ("123456qwerty", None, "too common"),
        ("short", None, "too short"),
        ("ben@vendor.example", None, "too similar"),
        (CHOSEN, CHOSEN + "x", "didn’t match"),
    ],
)
def test_a_bad_password_uses_up_nothing(anna: Admin, ben: Admin, password: str, again: str | None, words: str) -> None:
    link = reset_ben(signed_in(), ben)
    answer = choose(link, password, again)
    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert choose(link).status_code == 302


def test_only_a_digest_is_stored_and_nothing_is_logged(anna: Admin, ben: Admin) -> None:
    link = reset_ben(signed_in(), ben)
    token = link.split("/")[3]
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM accounts_passwordlink")
        assert token not in str(cursor.fetchall())
    with log_lines() as lines:
        browser().get(link)
    assert lines.lines
    assert token not in str(lines.lines)
    assert token not in str(list(Event.objects.values()))


def test_the_page_tells_no_other_server_its_address(anna: Admin, ben: Admin) -> None:
    answer = browser().get(reset_ben(signed_in(), ben))
    assert answer["Referrer-Policy"] == "same-origin"
    assert "no-store" in answer["Cache-Control"]


def test_both_ends_are_events(anna: Admin, ben: Admin) -> None:
    choose(reset_ben(signed_in(), ben))
    reset, changed = Event.objects.order_by("sequence")
    assert (reset.action, reset.actor_name, reset.subject_name) == ("admin.password_reset", "anna", "ben")
    assert reset.changes["has_password"] == [True, False]
    assert reset.changes["link_expires_at"][0] is None
    assert (changed.action, changed.actor_name, changed.ip) == ("admin.password_changed", "ben", "198.51.100.4")


def test_a_password_that_is_set_by_a_command_ends_the_link(anna: Admin, ben: Admin, monkeypatch: Any) -> None:
    link = reset_ben(signed_in(), ben)
    monkeypatch.setattr("getpass.getpass", lambda prompt: CHOSEN)
    call_command("changepassword", "ben")
    assert browser().get(link).status_code == 404
    assert login("ben", CHOSEN).status_code == 200


def test_whoever_is_signed_in_in_that_browser_is_signed_out(anna: Admin, ben: Admin) -> None:
    client = signed_in()
    link = reset_ben(client, ben)
    assert client.post(link, {"new_password1": CHOSEN, "new_password2": CHOSEN}).status_code == 302
    assert not is_in(client)
    assert login(password=PASSWORD).status_code == 200


def test_a_link_that_expires_before_it_begins_is_refused_by_the_table(clock: Clock, ben: Admin) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        PasswordLink.objects.create(admin=ben, digest="x", created_at=clock(), expires_at=clock())


def test_who_sets_a_password_by_a_link_sets_up_a_second_factor_in_time(anna: Admin, ben: Admin, settings: Any) -> None:
    link = reset_ben(signed_in(), ben)
    settings.REQUIRE_TWO_FACTOR = True
    choose(link)
    ben.refresh_from_db()
    assert ben.enrol_until is not None
    assert required_step(ben, at=ben.enrol_until - timedelta(seconds=1)) is TwoFactorRequired
    assert required_step(ben, at=ben.enrol_until) is EnrolmentExpired

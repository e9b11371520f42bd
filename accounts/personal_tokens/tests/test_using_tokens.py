"""What a token is worth: never more than its owner at that moment."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import InternalError, connection
from django.utils import timezone

from accounts.models import Admin, PersonalToken
from accounts.models.personal_tokens import PersonalTokenQuerySet
from accounts.personal_tokens.api import PersonalTokenViewSet
from accounts.personal_tokens.keys import generate_token
from accounts.personal_tokens.tests.scripts import READS, a_token, script
from accounts.roles import PERMISSIONS, Role
from accounts.services import (
    END_ALL_SIGN_INS,
    change_admin,
    change_own_password,
    reset_password,
    reset_password_by_link,
)
from accounts.tests.tokens import is_unauthenticated
from accounts.two_factor.services import reset_two_factor
from audit.actors import COMMAND
from conftest import PASSWORD, RegisteredSite, SignIn

pytestmark = pytest.mark.django_db
EVERYTHING = sorted(PERMISSIONS[Role.SYSADMIN])


def test_every_kind_of_wrong_token_is_the_same_401(anna: Admin) -> None:
    now = timezone.now()
    good, revoked, expired, of_disabled = (a_token(anna, name=name) for name in ("a", "b", "c", "d"))
    gone = Admin.objects.create_user("gone", "gone@vendor.example", PASSWORD, role=Role.SYSADMIN)
    PersonalToken.objects.filter(pk=revoked.token.pk).update(revoked_at=now)
    PersonalToken.objects.filter(pk=expired.token.pk).update(
        created_at=now - timedelta(days=2), expires_at=now - timedelta(seconds=1)
    )
    PersonalToken.objects.filter(pk=of_disabled.token.pk).update(admin=gone)
    Admin.objects.filter(pk=gone.pk).update(is_active=False)
    wrong = {
        "revoked": revoked.secret,
        "expired": expired.secret,
        "of a disabled admin": of_disabled.secret,
        "unknown": generate_token(),
        "with a typing error": good.secret[:-1] + ("A" if good.secret[-1] != "A" else "B"),
        "cut": good.secret[:-1],
        "only the prefix": "pct_",
        "in other letters": good.secret.swapcase().replace("PCT_", "pct_"),
        "not ASCII": "pct_ä" + good.secret[5:],
        "the digest": "pct_" + PersonalToken.objects.get(pk=good.token.pk).digest,
    }
    answers = {name: script(secret).get("/api/sites") for name, secret in wrong.items()}
    assert all(map(is_unauthenticated, answers.values())), answers
    assert {answer.content for answer in answers.values()} == {answers["unknown"].content}
    assert script(good.secret).get("/api/sites").status_code == 200


def test_the_scheme_is_bearer_in_any_case_and_no_other(anna: Admin) -> None:
    secret = a_token(anna).secret
    assert script(secret, scheme="bEARER").get("/api/sites").status_code == 200
    for other in ("Basic", "Token", ""):
        assert is_unauthenticated(script(secret, scheme=other).get("/api/sites")), other
    assert is_unauthenticated(script(f"{secret} {secret}").get("/api/sites"))


def test_a_token_follows_its_owners_role_down_and_not_up(anna: Admin, roma: RegisteredSite) -> None:
    owner = Admin.objects.create_user("ida", "ida@vendor.example", PASSWORD, role=Role.SUPPORT)
    client = script(a_token(owner, "sites.view_site", "sites.lock_site").secret)

    def may(role: str) -> tuple[list[str], int]:
        change_admin(owner.pk, {"role": role}, by=COMMAND, at=timezone.now())
        unlock = client.post(f"{roma.path}/unlock")
        lock = client.post(f"{roma.path}/lock", {"reason": "unpaid"})
        assert unlock.status_code == 403
        return client.get("/api/auth/me").json()["permissions"], lock.status_code

    assert may(Role.SUPPORT) == (["sites.lock_site", "sites.view_site"], 200)
    assert may(Role.VIEWER) == (["sites.view_site"], 403)
    assert may(Role.SYSADMIN) == (["sites.lock_site", "sites.view_site"], 200)


def test_a_sysadmins_token_is_no_superuser(anna: Admin) -> None:
    admin = Admin.objects.get(pk=anna.pk)
    assert (admin.is_superuser, admin.is_staff, admin.has_perm("sites.lock_site")) == (True, True, True)
    admin.token = a_token(anna).token
    assert (admin.is_superuser, admin.is_staff) == (False, False)
    assert admin.permissions == {"sites.view_site"}
    assert not admin.has_perm("sites.lock_site")
    assert not admin.has_perms(["sites.view_site", "sites.lock_site"])
    assert (admin.has_module_perms("sites"), admin.has_module_perms("alerts")) == (True, False)


def test_a_permission_that_no_longer_exists_is_worth_nothing(anna: Admin) -> None:
    new = a_token(anna)
    PersonalToken.objects.filter(pk=new.token.pk).update(permissions=["sites.flown", *READS])
    assert script(new.secret).get("/api/auth/me").json()["permissions"] == READS


ENDED_BY = {
    "disabled": lambda admin: change_admin(admin.pk, {"is_active": False}, by=COMMAND, at=timezone.now()),
    "password reset": lambda admin: reset_password(admin.pk, "another horse", by=COMMAND, at=timezone.now()),
    "password reset by a link": lambda admin: reset_password_by_link(admin.pk, by=COMMAND, at=timezone.now()),
    "second factors reset": lambda admin: reset_two_factor(admin.pk, by=COMMAND, at=timezone.now()),
}


@pytest.mark.parametrize("how", ENDED_BY)
def test_what_may_hand_the_account_to_another_person_ends_its_tokens(anna: Admin, ben: Admin, how: str) -> None:
    client, of_another = script(a_token(ben).secret), script(a_token(anna).secret)
    assert client.get("/api/sites").status_code == 200
    ENDED_BY[how](ben)
    # Even if everything is as before.
    Admin.objects.filter(pk=ben.pk).update(is_active=True, must_change_password=False, enrol_until=None)
    assert is_unauthenticated(client.get("/api/sites"))
    assert of_another.get("/api/sites").status_code == 200


def test_ones_own_new_password_keeps_the_tokens(anna: Admin) -> None:
    client = script(a_token(anna).secret)
    change_own_password(anna, "another horse battery", by=COMMAND, at=timezone.now())
    assert client.get("/api/sites").status_code == 200


def test_while_the_owner_must_take_a_step_the_token_is_refused(anna: Admin, settings: LazySettings) -> None:
    client = script(a_token(anna).secret)

    def answer() -> tuple[int, Any]:
        got = client.get("/api/sites")
        return got.status_code, got.json().get("code")

    Admin.objects.filter(pk=anna.pk).update(must_change_password=True)
    assert answer() == (403, "password_change_required")
    Admin.objects.filter(pk=anna.pk).update(must_change_password=False)
    assert answer() == (200, None)
    settings.REQUIRE_TWO_FACTOR = True
    assert answer() == (403, "two_factor_required")


def test_the_panel_takes_no_token(anna: Admin) -> None:
    client = script(a_token(anna, *EVERYTHING).secret)
    for path in ("/admin/", "/admin/sites/site/", "/admin/account/"):
        answer = client.get(path)
        assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/admin/login/"), path


def test_a_token_lists_its_owners_tokens_but_makes_and_revokes_none(anna: Admin) -> None:
    new = a_token(anna, *EVERYTHING)
    client = script(new.secret)
    assert client.get("/api/tokens").json()["count"] == 1
    for answer in (
        client.post("/api/tokens", {"name": "another", "permissions": READS}),
        client.delete(f"/api/tokens/{new.token.pk}"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "person_required")
    assert PersonalToken.objects.live(at=timezone.now()).count() == 1


def test_the_last_use_is_written_at_most_once_a_minute(anna: Admin, django_assert_num_queries: Any) -> None:
    client = script(a_token(anna).secret)

    def use(address: str) -> tuple[datetime | None, str | None]:
        client.get("/api/auth/me", REMOTE_ADDR=address)
        token = PersonalToken.objects.get()
        return token.last_used_at, token.last_used_from

    first, address = use("192.0.2.1")
    assert first is not None
    assert address == "192.0.2.1"
    assert timezone.now() - first < timedelta(seconds=10)
    assert use("192.0.2.2") == (first, "192.0.2.1")
    with django_assert_num_queries(1):
        client.get("/api/auth/me")
    PersonalToken.objects.update(last_used_at=datetime(2026, 6, 1, tzinfo=UTC))
    second, address = use("192.0.2.2")
    assert second is not None
    assert second >= first
    assert address == "192.0.2.2"


def test_a_view_that_forgets_to_require_a_person_makes_no_token(anna: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PersonalTokenViewSet, "person_required", False)
    new = a_token(anna, *EVERYTHING)
    answer = script(new.secret).post("/api/tokens", {"name": "another", "permissions": READS})
    assert (answer.status_code, answer.json()["code"]) == (403, "person_required")
    assert script(new.secret).delete(f"/api/tokens/{new.token.pk}").status_code == 403
    assert PersonalToken.objects.live(at=timezone.now()).count() == 1


def test_while_nothing_can_be_written_a_script_may_read(
    anna: Admin, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    secret = a_token(anna).secret

    def refuse(*_: Any, **__: Any) -> int:
        raise InternalError("cannot execute UPDATE in a read-only transaction")

    with monkeypatch.context() as patched, caplog.at_level(logging.WARNING, "portcullis.accounts"):
        patched.setattr(PersonalTokenQuerySet, "update", refuse)
        assert script(secret).get("/api/auth/me").status_code == 200
    assert "was not recorded: cannot execute UPDATE" in caplog.text
    assert secret not in caplog.text


def test_a_restored_backup_brings_no_token_back(anna: Admin) -> None:
    client = script(a_token(anna).secret)
    assert client.get("/api/auth/me").status_code == 200
    with connection.cursor() as cursor:
        cursor.execute(END_ALL_SIGN_INS["accounts_personaltoken"])
    assert is_unauthenticated(client.get("/api/auth/me"))
    assert PersonalToken.objects.get().revoked_at is not None


def test_a_token_and_a_sign_in_of_one_admin_are_worth_different_things(anna: Admin, signed_in: SignIn) -> None:
    assert script(a_token(anna).secret).get("/api/auth/me").json()["permissions"] == READS
    assert signed_in(anna).get("/api/auth/me").json()["permissions"] == EVERYTHING

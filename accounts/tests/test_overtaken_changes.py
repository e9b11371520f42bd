"""Who was disabled, reset or given another role since the request was authenticated changes nothing."""

import secrets
from collections.abc import Callable
from typing import Any

import pyotp
import pytest
from django.utils import timezone

from accounts import services
from accounts.access_requests.deciding import approve_request, reject_request
from accounts.access_requests.tests.asking import asked
from accounts.errors import AdminNotFound, SignInEnded
from accounts.google.identity import GoogleIdentity
from accounts.google.services import link_google_account, unlink_google_account
from accounts.models import Admin, GoogleAccount, PersonalToken
from accounts.personal_tokens.services import create_personal_token
from accounts.two_factor import services as two_factor
from accounts.two_factor.codes import new_secret
from accounts.two_factor.security_keys import NewCredential
from audit.actors import COMMAND, Actor
from audit.models import Event
from conftest import PASSWORD

IDENTITY = GoogleIdentity("108", "x@x.example", "")
Change = Callable[[Admin, dict[str, Any]], object]


def add_totp(admin: Admin, who: dict[str, Any]) -> object:
    secret = new_secret()
    return two_factor.add_totp(admin.pk, secret, code=pyotp.TOTP(secret).at(who["at"]), **who)


def add_key(admin: Admin, who: dict[str, Any]) -> object:
    credential = NewCredential(secrets.token_bytes(16), b"public", 0)
    return two_factor.add_security_key(admin.pk, "blue", credential, host="localhost", **who)


OF_ONESELF: dict[str, Change] = {
    "password": lambda ben, who: services.change_own_password(ben, "another horse battery", **who),
    "token": lambda ben, who: create_personal_token(ben.pk, name="x", permissions=["sites.view_site"], **who),
    "link": lambda ben, who: link_google_account(ben.pk, IDENTITY, **who),
    "unlink": lambda ben, who: unlink_google_account(ben.pk, **who),
    "app": add_totp,
    "key": add_key,
    "remove app": lambda ben, who: two_factor.remove_totp(ben.pk, **who),
    "remove key": lambda ben, who: two_factor.remove_security_key(ben.pk, 1, **who),
    "codes": lambda ben, who: two_factor.renew_recovery_codes(ben.pk, **who),
}
OF_OTHERS: dict[str, Change] = {
    "role": lambda vera, who: services.change_admin(vera.pk, {"role": "support"}, **who),
    "reset": lambda vera, who: services.reset_password(vera.pk, PASSWORD, **who),
    "reset by link": lambda vera, who: services.reset_password_by_link(vera.pk, **who),
    "reset factors": lambda vera, who: two_factor.reset_two_factor(vera.pk, **who),
    "invite": lambda _, who: services.invite_admin("new", email="n@vendor.example", role="viewer", **who),
    "approve": lambda _, who: approve_request(asked().pk, role="viewer", **who),
    "reject": lambda _, who: reject_request(asked().pk, **who),
}


def as_authenticated(admin: Admin) -> Actor:
    return Actor(Event.Source.API, Admin.objects.get(pk=admin.pk))


@pytest.mark.parametrize("name", OF_ONESELF)
def test_nothing_of_oneself_is_changed_after_a_reset(anna: Admin, ben: Admin, name: str) -> None:
    by = as_authenticated(ben)
    services.reset_password_by_link(ben.pk, by=COMMAND, at=timezone.now())
    events = Event.objects.count()
    with pytest.raises(SignInEnded):
        OF_ONESELF[name](ben, {"by": by, "at": timezone.now()})
    assert Event.objects.count() == events


@pytest.mark.parametrize("name", OF_OTHERS)
@pytest.mark.parametrize("facts", [{"is_active": False}, {"role": "support"}])
def test_nothing_of_others_is_changed_by_somebody_who_was_disabled_or_demoted(
    anna: Admin, vera: Admin, name: str, facts: dict[str, Any]
) -> None:
    bob = Admin.objects.create_user("bob", "bob@vendor.example", PASSWORD, role="sysadmin")
    by = as_authenticated(bob)
    services.change_admin(bob.pk, facts, by=COMMAND, at=timezone.now())
    events = Event.objects.count()
    with pytest.raises(SignInEnded):
        OF_OTHERS[name](vera, {"by": by, "at": timezone.now()})
    assert Event.objects.count() == events


def test_a_password_is_changed_only_for_the_password_that_was_checked(anna: Admin, ben: Admin) -> None:
    checked = Admin.objects.get(pk=ben.pk)
    services.reset_password_by_link(ben.pk, by=COMMAND, at=timezone.now())
    with pytest.raises(SignInEnded):
        services.change_own_password(checked, "another horse battery", by=COMMAND, at=timezone.now())


def test_a_disabled_admin_gets_neither_a_google_account_nor_a_token(anna: Admin, ben: Admin) -> None:
    services.change_admin(ben.pk, {"is_active": False}, by=COMMAND, at=timezone.now())
    for name in ("link", "token"):
        with pytest.raises(AdminNotFound):
            OF_ONESELF[name](ben, {"by": COMMAND, "at": timezone.now()})
    assert not GoogleAccount.objects.exists()
    assert not PersonalToken.objects.exists()

"""Changing the second factors of an account needs one of them: the password alone is not enough."""

import pytest
from django.test import Client

from accounts.models import Admin, RecoveryCode, TotpDevice
from accounts.tests.factors import (
    APP_PAGE,
    KEY_PAGE,
    App,
    SoftKey,
    app_of,
    is_in,
    register_key,
    signed_in,
)
from accounts.tests.tokens import is_unauthenticated, login, me, refresh
from accounts.two_factor.encryption import decrypt
from conftest import PASSWORD

pytestmark = pytest.mark.any_database

RENEW, REMOVE = "/admin/account/recovery-codes/", "/admin/account/authenticator-app/remove/"


@pytest.fixture
def app(anna: Admin) -> App:
    return app_of(anna)


def replace_app(client: Client, **given: str) -> bool:
    page = client.get(APP_PAGE)
    new = App(Admin.objects.get(username="anna"), page.context["secret"].replace(" ", ""), [])
    client.post(APP_PAGE, {"password": PASSWORD, "code": new.code(), **given})
    device = TotpDevice.objects.get()
    return decrypt(bytes(device.encrypted_secret), owner=device.admin_id) == new.secret


def codes() -> set[int]:
    return set(RecoveryCode.objects.values_list("pk", flat=True))


def test_the_app_is_not_replaced_by_the_password_alone_or_with_a_wrong_code(app: App) -> None:
    client = signed_in()
    assert not replace_app(client)
    assert not replace_app(client, present_code=app.wrong_code())
    assert not replace_app(client, present_code=app.fresh_code(), password="wrong")


def test_the_app_is_replaced_with_a_code_of_the_present_one_or_a_recovery_code(app: App) -> None:
    client = signed_in()
    assert replace_app(client, present_code=app.fresh_code())
    assert replace_app(client, present_code=app.recovery_codes[0])
    assert not replace_app(client, present_code=app.recovery_codes[0])


def test_a_wrong_code_of_the_new_app_does_not_use_up_the_present_one(app: App) -> None:
    client, code = signed_in(), app.recovery_codes[0]
    page = client.get(APP_PAGE)
    new = App(app.admin, page.context["secret"].replace(" ", ""), [])
    answer = client.post(APP_PAGE, {"password": PASSWORD, "code": new.wrong_code(), "present_code": code})
    assert "That code is wrong" in answer.content.decode()
    assert replace_app(client, present_code=code)


def test_recovery_codes_are_renewed_with_a_present_factor_alone(app: App) -> None:
    client, before = signed_in(), codes()
    for given in ({}, {"present_code": ""}, {"present_code": app.wrong_code()}):
        assert "Wrong or already used code" in client.post(RENEW, {"password": PASSWORD, **given}).content.decode()
    assert codes() == before
    assert client.post(RENEW, {"password": PASSWORD, "present_code": app.fresh_code()}).status_code == 200
    assert codes().isdisjoint(before)


def test_a_security_key_is_a_present_factor(anna: Admin) -> None:
    client, key = signed_in(), SoftKey()
    assert register_key(client, key).status_code == 200
    before = codes()
    options = client.get(RENEW).context["key_options"]
    answer = client.post(RENEW, {"password": PASSWORD, "answer": key.get(options)})
    assert "shown only once" in answer.content.decode()
    assert codes().isdisjoint(before)
    assert (
        "Wrong or already used code"
        in client.post(RENEW, {"password": PASSWORD, "answer": key.get(options)}).content.decode()
    )


def test_removing_or_adding_another_asks_for_a_present_factor_too(app: App) -> None:
    client, key = signed_in(), SoftKey()
    client.post(REMOVE, {"password": PASSWORD})
    assert TotpDevice.objects.exists()
    options = client.get(KEY_PAGE).context["options"]
    given = {"name": "blue", "password": PASSWORD, "answer": key.create(options)}
    client.post(KEY_PAGE, given)
    assert not app.admin.security_keys.exists()
    options = client.get(KEY_PAGE).context["options"]
    given |= {"answer": key.create(options), "present_code": app.fresh_code()}
    client.post(KEY_PAGE, given)
    assert app.admin.security_keys.exists()


def test_the_first_factor_needs_only_the_password(anna: Admin) -> None:
    client = signed_in()
    page = client.get(APP_PAGE)
    assert "present_code" not in page.context["form"].fields
    assert replace_app_of_nobody(client, page.context["secret"])


def replace_app_of_nobody(client: Client, secret: str) -> bool:
    new = App(Admin.objects.get(username="anna"), secret.replace(" ", ""), [])
    client.post(APP_PAGE, {"password": PASSWORD, "code": new.code()})
    return TotpDevice.objects.exists()


@pytest.mark.parametrize("change", ["replace", "renew"])
def test_the_change_ends_all_other_sign_ins(app: App, change: str) -> None:
    here, there = signed_in(), signed_in()
    tokens = login(otp=app.fresh_code()).json()
    if change == "replace":
        assert replace_app(here, present_code=app.recovery_codes[0])
    else:
        here.post(RENEW, {"password": PASSWORD, "present_code": app.recovery_codes[0]})
    assert [is_in(here), is_in(there)] == [True, False]
    assert is_unauthenticated(me(tokens["access"]))
    assert is_unauthenticated(refresh(tokens["refresh"]))


def test_wrong_codes_are_limited_like_those_at_the_sign_in(app: App) -> None:
    client = signed_in()
    statuses = {
        client.post(RENEW, {"password": PASSWORD, "present_code": app.wrong_code()}).status_code for _ in range(11)
    }
    assert statuses == {200, 429}

"""Setting up an authenticator app, taking it away, and the recovery codes that come with the first factor."""

import re
from typing import Any

import pyotp
import pytest
from django.db import connection
from django.test import Client

from accounts.models import Admin, RecoveryCode, TotpDevice
from accounts.tests.factors import (
    APP_PAGE,
    SECOND,
    SoftKey,
    after_password,
    app_of,
    is_in,
    present_factor,
    register_key,
    signed_in,
)
from accounts.tests.tokens import login
from conftest import PASSWORD

ACCOUNT, REMOVE, RENEW = "/admin/account/", "/admin/account/authenticator-app/remove/", "/admin/account/recovery-codes/"

pytestmark = [pytest.mark.any_database, pytest.mark.usefixtures("anna")]


def shown_secret(client: Client) -> str:
    page = client.get(APP_PAGE).content.decode()
    found = re.search(r'id="totp-secret" data-secret>([A-Z2-7 ]+)<', page)
    assert found
    return found.group(1).replace(" ", "")


def set_up(client: Client, secret: str, **changed: Any) -> Any:
    return client.post(APP_PAGE, {"code": pyotp.TOTP(secret).now(), "password": PASSWORD, **changed})


def everything_stored() -> str:
    with connection.cursor() as cursor:
        rows = []
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            rows.append(str([[bytes(v) if isinstance(v, memoryview) else v for v in row] for row in cursor.fetchall()]))
    return "".join(rows)


def test_the_shown_secret_makes_the_codes_that_sign_in() -> None:
    client = signed_in()
    secret = shown_secret(client)
    answer = set_up(client, secret)
    assert answer.status_code == 200
    assert len(answer.context["codes"]) == 10
    assert is_in(client), "this browser stays"
    TotpDevice.objects.update(last_step=0)
    assert after_password().post(SECOND, {"code": pyotp.TOTP(secret).now()}).status_code == 302


def test_the_code_that_set_it_up_is_used() -> None:
    client = signed_in()
    secret = shown_secret(client)
    code = pyotp.TOTP(secret).now()
    set_up(client, secret, code=code)
    assert login(otp=code).status_code == 401


def test_other_browsers_are_signed_out_by_the_first_factor_not_by_the_second() -> None:
    here, there = signed_in(), signed_in()
    set_up(here, shown_secret(here))
    assert [is_in(here), is_in(there)] == [True, False]
    third = signed_in()
    assert register_key(here, SoftKey()).status_code == 302
    assert [is_in(here), is_in(third)] == [True, True]


@pytest.mark.parametrize(("wrong", "words"), [("code", "That code is wrong"), ("password", "not your password")])
def test_without_the_right_code_and_password_nothing_is_set_up(wrong: str, words: str) -> None:
    client = signed_in()
    secret = shown_secret(client)
    answer = set_up(client, secret, **{wrong: "000000"})
    assert words in answer.content.decode()
    assert not TotpDevice.objects.exists()
    assert set_up(client, secret).status_code == 200, "the same secret still waits"


def test_a_reload_shows_the_recovery_codes_no_second_time() -> None:
    client = signed_in()
    secret = shown_secret(client)
    codes = set_up(client, secret).context["codes"]
    again = client.post(APP_PAGE, {"code": pyotp.TOTP(secret).now(), "password": PASSWORD}, follow=True)
    for page in (again, client.get(ACCOUNT), client.get(RENEW)):
        assert not [code for code in codes if code in page.content.decode()]
    assert "10 of 10 left" in client.get(ACCOUNT).content.decode()


def test_neither_secret_nor_recovery_codes_stand_in_the_database() -> None:
    client = signed_in()
    secret = shown_secret(client)
    assert secret not in everything_stored(), "while it waits for its first code"
    codes = set_up(client, secret).context["codes"]
    stored = everything_stored()
    assert "accounts.add_admin" not in stored
    assert "anna@vendor.example" in stored, "the right database"
    for text in [secret, *codes, *(code.replace("-", "") for code in codes)]:
        assert text not in stored


def test_the_pages_with_secrets_are_stored_nowhere() -> None:
    client = signed_in()
    for answer in (client.get(APP_PAGE), set_up(client, shown_secret(client)), client.get(ACCOUNT)):
        assert "no-store" in answer["Cache-Control"]


def test_the_picture_needs_no_style_that_the_policy_forbids() -> None:
    page = signed_in().get(APP_PAGE).content.decode()
    picture = page[page.index("<svg width") : page.index("</svg>")]
    assert "style" not in picture
    assert "<script" not in picture


def test_removing_asks_for_the_password_and_counts_guesses(anna: Admin) -> None:
    app_of(anna)
    client = signed_in()
    for _ in range(10):
        assert client.post(REMOVE, {"password": "wrong"}).status_code == 200
    assert client.post(REMOVE, {"password": PASSWORD}).status_code == 429
    assert TotpDevice.objects.exists()


def test_after_the_last_factor_went_the_password_is_enough_again(anna: Admin) -> None:
    app = app_of(anna)
    here, there = signed_in(), signed_in()
    assert here.post(REMOVE, {"password": PASSWORD, **present_factor(here)}).status_code == 302
    assert not RecoveryCode.objects.exists()
    assert [is_in(here), is_in(there)] == [True, False]
    assert login().status_code == 200
    assert login(otp=app.recovery_codes[0]).status_code == 200, "an otp is no obstacle"


def test_a_new_app_takes_the_place_of_the_old_one(anna: Admin) -> None:
    old, client = app_of(anna), signed_in()
    secret = shown_secret(client)
    assert set_up(client, secret, present_code=old.fresh_code()).status_code == 302, "no new recovery codes"
    assert login(otp=old.fresh_code()).status_code == 401
    assert login(otp=pyotp.TOTP(secret).now()).status_code == 200
    assert login(otp=old.recovery_codes[0]).status_code == 200


def test_recovery_codes_are_renewed_and_the_old_ones_die(anna: Admin) -> None:
    app, client = app_of(anna), signed_in()
    assert client.post(RENEW, {"password": "wrong"}).context.get("codes") is None
    codes = client.post(RENEW, {"password": PASSWORD, **present_factor(client)}).context["codes"]
    assert len(set(codes)) == 10
    assert login(otp=app.recovery_codes[0]).status_code == 401
    assert login(otp=codes[0]).status_code == 200


def test_a_recovery_code_is_understood_as_people_write_it(anna: Admin) -> None:
    app = app_of(anna)
    misread = app.recovery_codes[1].replace("0", "O").replace("1", "l")
    for written in (app.recovery_codes[0].upper().replace("-", " "), misread):
        assert after_password().post(SECOND, {"code": written}).status_code == 302


def test_few_codes_left_is_said_at_the_sign_in_and_on_the_page(anna: Admin) -> None:
    app = app_of(anna)
    for code in app.recovery_codes[:6]:
        assert login(otp=code).status_code == 200
    client = after_password()
    answer = client.post(SECOND, {"code": app.recovery_codes[6]}, follow=True)
    assert "You have 3 recovery codes left" in answer.content.decode()
    assert "Few recovery codes are left" in client.get(ACCOUNT).content.decode()


def test_pages_about_what_is_not_there_are_not_there() -> None:
    client = signed_in()
    for path in (REMOVE, RENEW, "/admin/account/security-keys/99999999999999999999/remove/"):
        assert client.get(path).status_code == 404

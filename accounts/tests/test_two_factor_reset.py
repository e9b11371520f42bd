"""An admin lost the phone: a sysadmin, or somebody with the server's shell, resets the second factors."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Admin, RecoveryCode, TotpDevice
from accounts.tests.factors import App, app_of, is_in, signed_in
from accounts.tests.tokens import is_unauthenticated, login, me, refresh

pytestmark = pytest.mark.any_database


@pytest.fixture
def bens(anna: Admin, ben: Admin) -> App:
    return app_of(ben)


def page_of(admin: Admin) -> str:
    return f"/admin/accounts/admin/{admin.pk}/reset-two-factor/"


def run(username: str, **options: bool) -> str:
    out = StringIO()
    call_command("reset_two_factor", username, stdout=out, **options)
    return out.getvalue()


def test_a_sysadmin_resets_after_a_page_that_asks(bens: App) -> None:
    client = signed_in("anna")
    assert "Reset second factors" in client.get(f"/admin/accounts/admin/{bens.admin.pk}/change/").content.decode()
    assert "be sure who asked you" in client.get(page_of(bens.admin)).content.decode()
    assert TotpDevice.objects.exists(), "looking changes nothing"
    assert client.post(page_of(bens.admin)).status_code == 302
    assert not TotpDevice.objects.exists()
    assert not RecoveryCode.objects.exists()
    assert login("ben").status_code == 200


def test_it_signs_that_admin_out_everywhere_and_nobody_else(bens: App) -> None:
    sysadmin, there = signed_in("anna"), signed_in("ben")
    tokens = login("ben", otp=bens.fresh_code()).json()
    sysadmin.post(page_of(bens.admin))
    assert [is_in(sysadmin), is_in(there)] == [True, False]
    assert is_unauthenticated(me(tokens["access"]))
    assert is_unauthenticated(refresh(tokens["refresh"]))


def test_support_may_not_reset_anybody(bens: App, anna: Admin) -> None:
    app_of(anna)
    client = signed_in("ben")
    assert [client.get(page_of(anna)).status_code, client.post(page_of(anna)).status_code] == [403, 403]
    assert TotpDevice.objects.count() == 2


def test_ones_own_are_taken_away_where_the_password_is_asked_for(anna: Admin) -> None:
    app_of(anna)
    client = signed_in("anna")
    assert client.post(page_of(anna))["Location"] == "/admin/account/"
    assert TotpDevice.objects.exists()


@pytest.mark.parametrize("key", ["999", "x", "99999999999999999999"])
def test_nobody_is_reset_by_a_wrong_address(bens: App, key: str) -> None:
    client = signed_in("anna")
    assert client.post(f"/admin/accounts/admin/{key}/reset-two-factor/").status_code == 404


def test_the_shell_resets_too(bens: App) -> None:
    there = signed_in("ben")
    assert run("Ben") == "ben has no second factor any more. Signed out everywhere.\n"
    assert not is_in(there)
    assert json.loads(run("ben", json=True)) == {"username": "ben", "had_second_factor": False}


def test_an_unknown_name_is_refused_in_one_line(db: None) -> None:
    with pytest.raises(CommandError, match=r"^There is no admin named nobody\.$"):
        run("nobody")


def test_the_list_says_who_has_one_in_the_same_number_of_queries(bens: App, django_assert_num_queries) -> None:
    client = signed_in("anna")
    page = client.get("/admin/accounts/admin/").content.decode()
    assert page.count('alt="True"') > page.count('alt="False"') - 1
    with django_assert_num_queries(5) as few:  # with that for the mark in the header
        client.get("/admin/accounts/admin/")
    Admin.objects.bulk_create(Admin(username=f"n{n}", email="n@x.example") for n in range(20))
    with django_assert_num_queries(len(few)):
        client.get("/admin/accounts/admin/")

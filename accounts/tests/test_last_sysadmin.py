"""Somebody must be able to administer."""

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from accounts import services
from accounts.errors import LastSysadmin
from accounts.models import Admin
from accounts.services import change_admin
from accounts.tests.factors import app_of
from accounts.tests.side_by_side import side_by_side
from accounts.two_factor.services import reset_two_factor
from audit.actors import COMMAND
from conftest import PASSWORD


def change(admin: Admin, **facts: Any) -> Admin:
    return change_admin(admin.pk, facts, by=COMMAND, at=timezone.now())


@pytest.mark.parametrize("facts", [{"role": "support"}, {"role": "viewer"}, {"is_active": False}])
def test_the_last_sysadmin_can_be_neither_demoted_nor_disabled(anna: Admin, ben: Admin, facts: dict[str, Any]) -> None:
    Admin.objects.create_user("gone", "gone@vendor.example", role="sysadmin", is_active=False)
    with pytest.raises(LastSysadmin):
        change(anna, **facts)
    anna.refresh_from_db()
    assert (anna.role, anna.is_active) == ("sysadmin", True)


@pytest.mark.parametrize("facts", [{"role": "support"}, {"is_active": False}])
def test_one_of_two_sysadmins_can_go(anna: Admin, facts: dict[str, Any]) -> None:
    second = Admin.objects.create_user("second", "second@vendor.example", PASSWORD, role="sysadmin")
    change(anna, **facts)
    with pytest.raises(LastSysadmin):
        change(second, **facts)


def test_a_sysadmin_without_a_password_does_not_count(anna: Admin) -> None:
    Admin.objects.create_user("robot", "robot@vendor.example", role="sysadmin")
    with pytest.raises(LastSysadmin):
        change(anna, role="viewer")


def test_a_sysadmin_whose_time_to_set_up_a_second_factor_has_ended_does_not_count(anna: Admin, settings: Any) -> None:
    settings.REQUIRE_TWO_FACTOR = True
    app_of(anna)
    late = Admin.objects.create_user(
        "late", "late@vendor.example", PASSWORD, role="sysadmin", enrol_until=timezone.now()
    )
    with pytest.raises(LastSysadmin):
        change(anna, role="viewer")
    reset_two_factor(late.pk, by=COMMAND, at=timezone.now())
    assert change(anna, role="viewer").role == "viewer", "the time was renewed"


def test_the_last_sysadmin_cannot_be_left_without_a_password(client: Client, anna: Admin) -> None:
    second = Admin.objects.create_user("second", "second@vendor.example", PASSWORD, role="sysadmin")
    client.force_login(second)
    assert client.post(f"/admin/accounts/admin/{anna.pk}/password/").status_code == 200
    anna.refresh_from_db()
    assert not anna.has_usable_password(), "there were two"
    services.reset_password(anna.pk, PASSWORD, by=COMMAND, at=timezone.now())
    change(second, role="viewer")
    with pytest.raises(LastSysadmin):
        services.reset_password(anna.pk, None, by=COMMAND, at=timezone.now())
    anna.refresh_from_db()
    assert anna.check_password(PASSWORD)


def test_the_panel_says_why_the_last_sysadmin_keeps_the_password(client: Client, anna: Admin) -> None:
    idle = Admin.objects.create_user("idle", "idle@vendor.example", role="sysadmin")
    client.force_login(idle)
    answer = client.post(f"/admin/accounts/admin/{anna.pk}/password/", follow=True)
    assert "nor left without a password" in answer.content.decode()
    anna.refresh_from_db()
    assert anna.check_password(PASSWORD)


def test_the_last_sysadmin_may_get_another_address(anna: Admin) -> None:
    assert change(anna, email="new@vendor.example").email == "new@vendor.example"


def test_others_can_be_changed_freely(anna: Admin, ben: Admin) -> None:
    change(ben, role="viewer")
    change(ben, is_active=False)
    ben.refresh_from_db()
    assert (ben.role, ben.is_active) == ("viewer", False)


@pytest.mark.postgresql
@pytest.mark.skipif(connection.vendor != "postgresql", reason="needs real row locks")
def test_two_sysadmins_who_demote_each_other_at_once_leave_one(transactional_db: None, anna: Admin) -> None:
    second = Admin.objects.create_user("second", "second@vendor.example", PASSWORD, role="sysadmin")

    def demote(admin: Admin) -> bool:
        try:
            change(admin, role="viewer")
        except LastSysadmin:
            return False
        return True

    for _ in range(5):
        Admin.objects.update(role="sysadmin")
        for admin in (anna, second):
            admin.refresh_from_db()
        assert sorted(side_by_side(lambda: demote(anna), lambda: demote(second))) == [False, True]
        assert Admin.objects.filter(role="sysadmin").count() == 1


def test_the_database_knows_the_roles_and_one_spelling_of_a_name(anna: Admin) -> None:
    for username, role in (("ida", "emperor"), ("ANNA", "viewer"), ("", "viewer")):
        with pytest.raises(IntegrityError), transaction.atomic():
            Admin.objects.create_user(username, "x@vendor.example", role=role)

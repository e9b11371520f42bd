"""`/api/admin/users`: sysadmins read and change admins."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.errors import RoleAboveOwn
from accounts.google.identity import GoogleIdentity
from accounts.google.services import link_google_account
from accounts.models import Admin
from accounts.services import change_admin, invite_admin
from accounts.tests.side_by_side import side_by_side
from accounts.tests.tokens import login, me, pair
from audit.actors import COMMAND, Actor
from audit.models import Event
from conftest import PASSWORD, SignIn

USERS = "/api/admin/users"
UNKNOWN_ID = "c1b1f1de-6d0b-4c5e-9a38-7f8f3a0f6b52"


def url(admin: Admin) -> str:
    return f"{USERS}/{admin.public_id}"


def listed(api: APIClient, **query: str) -> list[str]:
    answer = api.get(USERS, query)
    assert answer.status_code == 200, answer.content
    return [user["username"] for user in answer.json()["results"]]


def test_an_admin_is_shown_with_how_they_sign_in(api: APIClient, anna: Admin, ben: Admin) -> None:
    link_google_account(ben.pk, GoogleIdentity("1001", "ben@vendor.example", "Ben"), by=COMMAND, at=timezone.now())
    answer = api.get(url(ben) + "/")
    assert answer.status_code == 200
    shown = answer.json()
    assert shown.pop("created_at").endswith("Z")
    assert shown == {
        "id": str(ben.public_id),
        "username": "ben",
        "email": "ben@vendor.example",
        "role": "support",
        "is_active": True,
        "last_login": None,
        "has_second_factor": False,
        "has_google_account": True,
    }


def test_the_list_is_filtered_and_paged(api: APIClient, anna: Admin, ben: Admin, vera: Admin) -> None:
    change_admin(vera.pk, {"is_active": False}, by=COMMAND, at=timezone.now())
    assert listed(api) == ["anna", "ben", "vera"]
    assert listed(api, role="support") == ["ben"]
    assert listed(api, is_active="false") == ["vera"]
    assert listed(api, is_active="true", role="sysadmin") == ["anna"]
    assert listed(api, search="BEN@") == ["ben"]
    assert listed(api, search="%") == []
    page = api.get(USERS, {"page": "2", "page_size": "2"}).json()
    assert (page["count"], len(page["results"]), page["next"]) == (3, 1, None)
    assert "page_size=2" in page["previous"]


@pytest.mark.parametrize("query", [{"role": "owner"}, {"is_active": "maybe"}, {"color": "red"}, {"page": "0"}])
def test_an_unknown_filter_is_refused(api: APIClient, query: dict[str, str]) -> None:
    assert api.get(USERS, query).status_code == 400


def test_a_list_of_many_takes_as_many_statements_as_one(api: APIClient) -> None:
    with CaptureQueriesContext(connection) as few:
        listed(api)
    for number in range(20):
        Admin.objects.create_user(f"nora{number}", f"nora{number}@vendor.example")
    with CaptureQueriesContext(connection) as many:
        listed(api)
    assert len(few) == len(many)


def test_a_role_is_changed_with_an_event(api: APIClient, anna: Admin, ben: Admin) -> None:
    answer = api.patch(url(ben), {"role": "viewer", "username": "ignored", "email": "ignored@vendor.example"})
    assert (answer.status_code, answer.json()["role"]) == (200, "viewer")
    ben.refresh_from_db()
    assert (ben.username, ben.email, ben.role) == ("ben", "ben@vendor.example", "viewer")
    event = Event.objects.get(action="admin.role_changed")
    assert (event.actor, event.changes) == (anna, {"role": ["support", "viewer"]})


def test_a_disabled_admin_is_signed_out_everywhere(api: APIClient, ben: Admin) -> None:
    access = pair("ben")["access"]
    assert api.patch(url(ben), {"is_active": False}).json()["is_active"] is False
    assert me(access).status_code == 401
    assert login("ben").status_code == 401
    assert api.patch(url(ben), {"is_active": True}).status_code == 200
    assert me(access).status_code == 401
    assert login("ben").status_code == 200


@pytest.mark.parametrize("body", [{}, {"role": "support"}, {"is_active": True}, {"nonsense": 1}])
def test_a_change_that_changes_nothing_leaves_no_event(api: APIClient, ben: Admin, body: dict[str, Any]) -> None:
    before = Event.objects.count()
    assert api.patch(url(ben), body).status_code == 200
    assert Event.objects.count() == before


@pytest.mark.parametrize("body", [{"role": "viewer"}, {"is_active": False}])
def test_the_last_sysadmin_stays(api: APIClient, anna: Admin, body: dict[str, Any]) -> None:
    Admin.objects.create_user("nora", "nora@vendor.example", None, role="sysadmin")  # who has no password yet
    answer = api.patch(url(anna), body)
    assert (answer.status_code, answer.json()["code"]) == (409, "last_sysadmin")
    anna.refresh_from_db()
    assert (anna.role, anna.is_active) == ("sysadmin", True)


def test_nobody_changes_whom_may_do_more(anna: Admin, ben: Admin, vera: Admin) -> None:
    """No role but sysadmin changes admins at present; the service holds the rule for any other."""
    by = Actor(Event.Source.API, ben)
    for admin, changes in ((anna, {"is_active": False}), (vera, {"role": "sysadmin"}), (ben, {"role": "sysadmin"})):
        with pytest.raises(RoleAboveOwn):
            change_admin(admin.pk, changes, by=by, at=timezone.now())
    with pytest.raises(RoleAboveOwn):
        invite_admin("nora", email="nora@vendor.example", role="sysadmin", by=by, at=timezone.now())
    assert change_admin(vera.pk, {"role": "support"}, by=by, at=timezone.now()).role == "support"


@pytest.mark.parametrize("name", ["ben", "vera"])
def test_only_sysadmins_see_and_change(
    name: str, anna: Admin, signed_in: SignIn, request: pytest.FixtureRequest
) -> None:
    person = request.getfixturevalue(name)
    client = signed_in(person)
    answers = [client.get(USERS), client.get(url(anna)), client.patch(url(person), {"role": "sysadmin"})]
    assert [answer.status_code for answer in answers] == [403] * 3
    assert APIClient().get(USERS).status_code == 401


def test_an_admin_whom_the_previous_release_added_gets_an_id(api: APIClient, ben: Admin) -> None:
    Admin.objects.filter(pk=ben.pk).update(public_id=None)
    [listed] = [user for user in api.get(USERS).json()["results"] if user["username"] == "ben"]
    assert api.get(f"{USERS}/{listed['id']}").json() == listed
    ben.refresh_from_db()
    assert str(ben.public_id) == listed["id"]


@pytest.mark.parametrize(
    "user_id",
    ["0", "1", "anna", "٣", UNKNOWN_ID.replace("-", ""), "{" + UNKNOWN_ID + "}", UNKNOWN_ID],
)
def test_an_unknown_admin_is_not_found(api: APIClient, user_id: str) -> None:
    for answer in (api.get(f"{USERS}/{user_id}"), api.patch(f"{USERS}/{user_id}", {"role": "viewer"})):
        assert (answer.status_code, answer.json()["code"]) == (404, "admin_not_found")


@pytest.mark.parametrize(
    "body",
    [{"role": "owner"}, {"role": None}, {"role": 5}, {"is_active": "true"}, {"is_active": None}, {"is_active": 1}],
)
def test_bad_input_is_refused(api: APIClient, ben: Admin, body: dict[str, Any]) -> None:
    assert api.patch(url(ben), body).status_code == 400
    ben.refresh_from_db()
    assert (ben.role, ben.is_active) == ("support", True)


def test_admins_are_neither_added_nor_deleted_here(api: APIClient, ben: Admin) -> None:
    assert api.post(USERS, {"username": "x"}).status_code == 405
    assert api.delete(url(ben)).status_code == 405
    assert api.put(url(ben), {"role": "viewer"}).status_code == 405


@pytest.mark.postgresql
@pytest.mark.skipif(connection.vendor != "postgresql", reason="needs real row locks")
def test_two_sysadmins_who_demote_each_other_leave_one(transactional_db: None, anna: Admin, signed_in: SignIn) -> None:
    nora = Admin.objects.create_user("nora", "nora@vendor.example", PASSWORD, role="sysadmin")
    clients = {anna: signed_in(nora), nora: signed_in(anna)}
    calls = [lambda admin=admin: clients[admin].patch(url(admin), {"role": "viewer"}).status_code for admin in clients]
    assert sorted(side_by_side(*calls)) in ([200, 401], [200, 403], [200, 409])
    assert Admin.objects.filter(role="sysadmin").count() == 1

"""The table of permissions names only what exists, and the panel and the API both apply it."""

import pytest
from django.contrib.auth.models import Permission
from rest_framework.test import APIClient

from accounts.models import Admin
from accounts.roles import EVERY_PERMISSION, PERMISSIONS, Role
from conftest import RegisteredSite, SignIn

pytestmark = pytest.mark.any_database


def test_every_permission_of_the_table_exists(db: None) -> None:
    known = {
        f"{app}.{codename}" for app, codename in Permission.objects.values_list("content_type__app_label", "codename")
    }
    assert known >= EVERY_PERMISSION


def test_every_role_stands_in_the_table() -> None:
    assert set(PERMISSIONS) == set(Role.values)


def test_each_role_may_do_more_than_the_one_below() -> None:
    assert PERMISSIONS[Role.VIEWER] < PERMISSIONS[Role.SUPPORT] < PERMISSIONS[Role.SYSADMIN] == EVERY_PERMISSION


def test_support_may_read_export_note_lock_unlock_extend_acknowledge_share_and_keep_files() -> None:
    assert PERMISSIONS[Role.SUPPORT] - PERMISSIONS[Role.VIEWER] == {
        "alerts.acknowledge_incident",
        "device_heartbeats.send_command",
        "devices.dismiss_clone",
        "documents.add_sharelink",
        "documents.add_sitefile",
        "documents.delete_sharelink",
        "documents.delete_sitefile",
        "sites.add_sitenote",
        "sites.dismiss_clone",
        "sites.tag_site",
        "sites.export_site",
        "sites.lock_site",
        "sites.unlock_site",
        "sites.extend_license",
    }


def test_a_viewer_may_only_look() -> None:
    assert all(permission.split(".")[1].startswith("view_") for permission in PERMISSIONS[Role.VIEWER])


@pytest.mark.parametrize("role", Role.values)
def test_a_disabled_admin_may_do_nothing(role: str) -> None:
    admin = Admin(username="ida", role=role, is_active=False)
    assert (admin.permissions, admin.is_staff, admin.is_superuser) == (frozenset(), False, False)
    assert not admin.has_perm("sites.view_site")
    assert not admin.has_module_perms("sites")


ALLOWED = {
    ("get", "", None): {"anna", "ben", "vera"},
    ("get", "/events", None): {"anna", "ben", "vera"},
    ("get", "/heartbeats", None): {"anna", "ben", "vera"},
    ("post", "/lock", "reason"): {"anna", "ben"},
    ("post", "/unlock", None): {"anna", "ben"},
    ("post", "/extend", "days"): {"anna", "ben"},
    ("patch", "", None): {"anna"},
    ("put", "", None): {"anna"},
    ("post", "/rotate-key", None): {"anna"},
    ("delete", "", None): {"anna"},
}


@pytest.mark.parametrize(("method", "path", "field"), ALLOWED)
def test_the_api_obeys_the_table(
    roma: RegisteredSite, signed_in: SignIn, anna: Admin, ben: Admin, vera: Admin, method: str, path: str, field: str
) -> None:
    body = {"reason": {"reason": "x"}, "days": {"days": 1}}.get(field, {})
    for admin in (vera, ben, anna):
        answer = getattr(signed_in(admin), method)(f"{roma.path}{path}", body)
        refused = answer.status_code == 403
        assert refused is (admin.username not in ALLOWED[method, path, field]), answer.content
        if refused:
            assert (answer["Content-Type"], answer.json()["code"]) == ("application/problem+json", "permission_denied")


def test_only_a_sysadmin_registers(signed_in: SignIn, anna: Admin, ben: Admin, vera: Admin) -> None:
    body = {"name": "Roma", "owner_name": "Giulia", "contact_email": "giulia@roma.example"}
    statuses = [signed_in(admin).post("/api/sites", body).status_code for admin in (anna, ben, vera)]
    assert statuses == [201, 403, 403]


def test_without_signing_in_nothing_is_allowed(roma: RegisteredSite) -> None:
    for method, path, _ in ALLOWED:
        answer = getattr(APIClient(), method)(f"{roma.path}{path}")
        assert (answer.status_code, answer["WWW-Authenticate"].split()[0]) == (401, "Bearer")

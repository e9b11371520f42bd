"""Who am I, and what may I do?"""

import pytest
from rest_framework.test import APIClient

from accounts.models import Admin
from accounts.roles import PERMISSIONS, Role
from accounts.tests.tokens import is_unauthenticated
from conftest import PASSWORD, SignIn

pytestmark = pytest.mark.any_database


@pytest.mark.parametrize("role", Role.values)
def test_an_admin_learns_name_role_and_permissions(db: None, signed_in: SignIn, role: str) -> None:
    admin = Admin.objects.create_user("ida", "ida@vendor.example", PASSWORD, role=role)
    answer = signed_in(admin).get("/api/auth/me")
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "username": "ida",
            "email": "ida@vendor.example",
            "role": role,
            "permissions": sorted(PERMISSIONS[role]),
        },
    )


def test_without_signing_in_it_is_401(db: None) -> None:
    assert is_unauthenticated(APIClient().get("/api/auth/me"))


@pytest.mark.parametrize("path", ["/api/auth/me/", "/api/v1/auth/me", "/api/v1/auth/me/"])
def test_every_spelling_of_the_path_answers(api: APIClient, path: str) -> None:
    assert api.get(path).status_code == 200


def test_a_session_of_the_panel_is_no_access_token(anna: Admin) -> None:
    client = APIClient()
    client.force_login(anna)
    assert is_unauthenticated(client.get("/api/auth/me"))

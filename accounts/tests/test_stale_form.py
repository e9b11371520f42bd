"""Two sysadmins at the page of one admin: what the first changed stays, unless the second changed the very same."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Admin

pytestmark = pytest.mark.any_database


def page_of(admin: Admin) -> str:
    return f"/admin/accounts/admin/{admin.pk}/change/"


def as_shown(browser: Client, admin: Admin) -> dict[str, object]:
    """The form as it came, with what it says of its first values."""
    form = browser.get(page_of(admin)).context["adminform"].form
    values: dict[str, object] = {}
    for bound in form:
        if bound.name == "password":
            continue
        values[bound.html_name] = values[bound.html_initial_name] = bound.value()
    return values


def test_an_open_form_does_not_enable_a_disabled_admin_again(anna: Admin, ben: Admin) -> None:
    first, second = Client(), Client()
    first.force_login(anna)
    second.force_login(anna)
    stale = as_shown(second, ben)
    disabling = as_shown(first, ben)
    disabling.pop("is_active")
    disabling["role"] = "viewer"
    assert first.post(page_of(ben), disabling).status_code == 302
    assert second.post(page_of(ben), {**stale, "email": "new@vendor.example"}).status_code == 302
    ben.refresh_from_db()
    assert (ben.is_active, ben.role, ben.email) == (False, "viewer", "new@vendor.example")


def test_a_new_password_writes_nothing_but_the_password(anna: Admin, ben: Admin) -> None:
    browser = Client()
    browser.force_login(anna)
    with CaptureQueriesContext(connection) as queries:
        assert browser.post(f"/admin/accounts/admin/{ben.pk}/password/").status_code == 200
    [update] = [query["sql"] for query in queries if query["sql"].startswith('UPDATE "accounts_admin"')]
    assert "password" in update
    assert "is_active" not in update
    ben.refresh_from_db()
    assert not ben.has_usable_password()

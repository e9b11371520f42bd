"""A request that waits while its admin is reset or disabled changes nothing. Real threads, real row locks."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from accounts.access_requests.tests.asking import asked, url_of
from accounts.models import Admin, GoogleAccount, PersonalToken
from accounts.services import change_admin, reset_password_by_link
from accounts.tests.factors import signed_in as signed_in_to_panel
from accounts.tests.fake_google import FakeGoogle
from accounts.tests.test_google_login import sign_in
from accounts.two_factor.services import reset_two_factor
from audit.actors import COMMAND
from conftest import PASSWORD, SignIn
from panel.account.tests import google_browser as pages

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="needs real row locks"),
]

CHOSEN = "the new staple of a thief 1"
TOKEN = {"name": "report", "permissions": ["sites.view_site"]}


def reset(admin: Admin) -> object:
    return reset_password_by_link(admin.pk, by=COMMAND, at=timezone.now())


def reset_factors(admin: Admin) -> object:
    return reset_two_factor(admin.pk, by=COMMAND, at=timezone.now())


def disable(admin: Admin) -> object:
    return change_admin(admin.pk, {"is_active": False}, by=COMMAND, at=timezone.now())


def overtaken(request: Callable[[], Any], *, by: Callable[[], object]) -> Any:
    """The answer to a request that begins before the transaction of `by` is committed, and waits for it."""
    has_locked = threading.Event()

    def change() -> None:
        try:
            with transaction.atomic():
                by()
                has_locked.set()
                wait_until_somebody_waits()
        finally:
            has_locked.set()
            connections.close_all()

    thread = threading.Thread(target=change)
    thread.start()
    has_locked.wait()
    answer = request()
    thread.join()
    return answer


def wait_until_somebody_waits() -> None:
    deadline = time.monotonic() + 10
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute(
                "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if cursor.fetchone():
                return
            time.sleep(0.01)
    raise AssertionError("the request did not wait")


@pytest.mark.parametrize("change", [reset, reset_factors, disable])
def test_no_token_is_made_past_the_change_that_ends_tokens(
    transactional_db: None, anna: Admin, ben: Admin, signed_in: SignIn, change: Callable[[Admin], object]
) -> None:
    client = signed_in(ben)
    answer = overtaken(lambda: client.post("/api/tokens", TOKEN), by=lambda: change(ben))
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert not PersonalToken.objects.exists()


@pytest.mark.parametrize("change", [reset, disable])
def test_no_google_account_is_linked_past_the_change_that_unlinks_it(
    transactional_db: None, google: FakeGoogle, anna: Admin, ben: Admin, change: Callable[[Admin], object]
) -> None:
    client = signed_in_to_panel(ben)
    client.get(pages.at_google(pages.start(client, pages.LINK)))
    overtaken(lambda: client.post(pages.CONFIRM), by=lambda: change(ben))
    assert not GoogleAccount.objects.exists()
    assert sign_in(google.id_token()).status_code == 403


def test_no_password_is_chosen_past_the_reset(transactional_db: None, anna: Admin, ben: Admin) -> None:
    client = signed_in_to_panel(ben)
    entries = {"old_password": PASSWORD, "new_password1": CHOSEN, "new_password2": CHOSEN}
    answer = overtaken(lambda: client.post("/admin/password_change/", entries), by=lambda: reset(ben))
    assert answer.status_code == 401
    ben.refresh_from_db()
    assert not ben.has_usable_password()


@pytest.mark.parametrize(
    "change", [disable, lambda admin: change_admin(admin.pk, {"role": "viewer"}, by=COMMAND, at=timezone.now())]
)
def test_a_sysadmin_who_is_disabled_or_demoted_gives_no_access(
    transactional_db: None, anna: Admin, vera: Admin, signed_in: SignIn, change: Callable[[Admin], object]
) -> None:
    bob = Admin.objects.create_user("bob", "bob@vendor.example", PASSWORD, role="sysadmin")
    client, asking = signed_in(bob), asked()
    requests = (
        lambda: client.patch(f"/api/admin/users/{vera.public_id}", {"role": "sysadmin"}),
        lambda: client.post(url_of(asking, "approve"), {"role": "sysadmin"}),
    )
    for request in requests:
        Admin.objects.filter(pk=bob.pk).update(is_active=True, role="sysadmin", token_generation=0)
        client = signed_in(bob)
        assert overtaken(request, by=lambda: change(bob)).status_code == 401
    vera.refresh_from_db()
    asking.refresh_from_db()
    assert (vera.role, asking.is_waiting) == ("viewer", True)

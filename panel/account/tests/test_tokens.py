"""Making and revoking tokens for scripts in the panel: one's own, and as a sysadmin those of others."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from django.utils import timezone

from accounts.models import Admin, PersonalToken
from accounts.personal_tokens.offers import OF_NO_USE
from accounts.personal_tokens.tests.scripts import a_token, script
from accounts.roles import PERMISSIONS
from audit.models import Event
from conftest import PASSWORD

pytestmark = pytest.mark.django_db
ADD = "/admin/account/tokens/add/"
NEW = {"name": "nightly report", "ends": "90", "permissions": ["sites.view_site"]}


@pytest.fixture
def panel(vera: Admin, client: Client) -> Client:
    """A viewer's."""
    client.login(username="vera", password=PASSWORD)
    return client


def secret_on(page: Any) -> str:
    found = re.search(r"pct_[0-9A-Za-z]{49}", page.content.decode())
    assert found, page.content.decode()
    return found[0]


@pytest.mark.parametrize("name", ["anna", "vera"])
def test_the_form_offers_those_of_ones_own_permissions_that_are_of_use(
    request: pytest.FixtureRequest, client: Client, name: str
) -> None:
    owner = request.getfixturevalue(name)
    client.login(username=name, password=PASSWORD)
    offered = set(re.findall(r'name="permissions" value="([^"]+)"', client.get(ADD).content.decode()))
    assert offered == PERMISSIONS[owner.role] - OF_NO_USE
    assert "sites.view_site" in offered


def test_the_token_is_shown_once_and_works(panel: Client) -> None:
    page = panel.post(ADD, NEW)
    secret = secret_on(page)
    assert "no-store" in page["Cache-Control"]
    assert script(secret).get("/api/sites").status_code == 200
    token = PersonalToken.objects.get()
    assert token.expires_at is not None
    assert token.expires_at - token.created_at == timedelta(days=90)
    account = panel.get("/admin/account/").content.decode()
    assert "nightly report" in account
    assert token.hint in account
    assert "May: view site" in account
    assert secret not in account
    assert Event.objects.newest_first()[0].source == "admin"


def test_a_token_without_an_end(panel: Client) -> None:
    panel.post(ADD, {**NEW, "ends": "never"})
    assert PersonalToken.objects.get().expires_at is None
    assert "does not end by itself" in panel.get("/admin/account/").content.decode()


@pytest.mark.parametrize(
    "wrong",
    [{"name": ""}, {"permissions": []}, {"permissions": ["sites.lock_site"]}, {"ends": "7000"}, {"name": "two\nlines"}],
    ids=["no name", "no permission", "not one's own", "another end", "two lines"],
)
def test_wrong_entries_make_no_token(panel: Client, wrong: dict[str, Any]) -> None:
    page = panel.post(ADD, {**NEW, **wrong})
    assert 'class="errorlist' in page.content.decode()
    assert not PersonalToken.objects.exists()


def test_making_one_asks_for_a_confirmation(panel: Client, settings: LazySettings) -> None:
    settings.CONFIRMED_FOR = timedelta(0)
    page = panel.post(ADD, NEW)
    assert "Confirm that it is you" in page.content.decode()
    assert not PersonalToken.objects.exists()
    secret_on(panel.post(ADD, {**NEW, "confirmation-password": PASSWORD}))


def test_the_limit_is_said(panel: Client, vera: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.personal_tokens.services.MAX_LIVE", 1)
    a_token(vera)
    assert "as many personal access tokens as one may have" in panel.post(ADD, NEW).content.decode()


def test_the_page_shows_a_bounded_number_and_those_that_work_first(
    panel: Client, vera: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("panel.account.token_list.MAX_SHOWN", 2)
    a_token(vera, name="the one that works")
    for number in range(3):
        at = timezone.now() - timedelta(hours=1)
        a_token(vera, name=f"expired {number}", at=at, expires_at=at + timedelta(seconds=1))
    PersonalToken.objects.filter(expires_at=None).update(created_at=timezone.now() - timedelta(days=2))
    page = panel.get("/admin/account/").content.decode()
    assert "the one that works" in page
    assert page.count(">expired</span>") == 1
    assert "And 2 more." in page


def test_ones_own_token_is_revoked(panel: Client, vera: Admin) -> None:
    new = a_token(vera)
    for words in (f"The token “{new.token.label}” is revoked.", "That token was revoked already."):
        page = panel.post("/admin/account/tokens/revoke/", {"token": str(new.token.pk)}, follow=True)
        assert words in page.content.decode()
    assert script(new.secret).get("/api/sites").status_code == 401


@pytest.mark.parametrize("wrong", ["", "x", "\0"])
def test_a_malformed_id_revokes_nothing(panel: Client, wrong: str) -> None:
    page = panel.post("/admin/account/tokens/revoke/", {"token": wrong}, follow=True)
    assert "That token was revoked already." in page.content.decode()


def test_another_persons_token_is_not_revoked_there(panel: Client, anna: Admin) -> None:
    new = a_token(anna)
    panel.post("/admin/account/tokens/revoke/", {"token": str(new.token.pk)})
    assert script(new.secret).get("/api/sites").status_code == 200


def test_what_ends_soon_and_what_has_ended_is_marked(panel: Client, vera: Admin) -> None:
    now = timezone.now()
    a_token(vera, name="later", expires_at=now + timedelta(days=8))
    assert "ends soon" not in panel.get("/admin/account/").content.decode()
    a_token(vera, name="soon", expires_at=now + timedelta(days=6))
    assert "ends soon" in panel.get("/admin/account/").content.decode()
    PersonalToken.objects.update(created_at=now - timedelta(days=2), expires_at=now - timedelta(days=1))
    page = panel.get("/admin/account/").content.decode()
    assert "ends soon" not in page
    assert page.count(">expired</span>") == 2


def test_a_sysadmin_sees_and_revokes_the_tokens_of_others(anna: Admin, vera: Admin, client: Client) -> None:
    new = a_token(vera, name="veras script")
    client.login(username="anna", password=PASSWORD)
    page = client.get(f"/admin/accounts/admin/{vera.pk}/change/").content.decode()
    assert "veras script" in page
    path = f"/admin/accounts/admin/{vera.pk}/revoke-token/"
    assert path in page
    client.post(path, {"token": str(new.token.pk)})
    assert script(new.secret).get("/api/sites").status_code == 401
    event = Event.objects.newest_first()[0]
    assert (event.action, event.actor_name, event.subject_name) == ("admin.token_revoked", "anna", "vera")


def test_nobody_else_sees_them(panel: Client, anna: Admin) -> None:
    """A viewer may read the page of an admin."""
    new = a_token(anna)
    path = f"/admin/accounts/admin/{anna.pk}/revoke-token/"
    page = panel.get(f"/admin/accounts/admin/{anna.pk}/change/")
    assert page.status_code == 200
    assert "Tokens for scripts" not in page.content.decode()
    assert panel.post(path, {"token": str(new.token.pk)}).status_code == 403
    assert script(new.secret).get("/api/sites").status_code == 200

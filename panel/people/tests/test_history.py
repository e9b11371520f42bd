"""The page of an admin shows what was done to them and by them."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Admin
from accounts.services import change_admin
from accounts.tests.tokens import login
from audit.actors import Actor
from audit.models import Event
from conftest import RegisteredSite

pytestmark = pytest.mark.any_database


def page_of(admin: Admin, by: Admin) -> str:
    client = Client()
    client.force_login(by)
    answer = client.get(f"/admin/accounts/admin/{admin.pk}/change/")
    assert answer.status_code == 200
    return answer.content.decode()


def section(html: str, name: str) -> str:
    (found,) = re.findall(rf'aria-labelledby="{name}">(.+?)</section>', html, re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", found).split())


@pytest.fixture
def _history(anna: Admin, ben: Admin, roma: RegisteredSite) -> None:
    change_admin(ben.pk, {"role": "viewer"}, by=Actor(Event.Source.ADMIN, anna, "203.0.113.7"), at=timezone.now())


@pytest.mark.usefixtures("_history")
def test_what_was_done_to_an_admin(anna: Admin, ben: Admin) -> None:
    html = page_of(ben, anna)
    about = section(html, "events-about")
    assert "Role changed by anna (sysadmin) in the panel" in about
    assert "Role: support → became viewer" in about
    assert "from 203.0.113.7" in about
    assert "No activity yet." in section(html, "events-by")
    assert f'href="/admin/audit/event/?subject_type=admin&amp;subject_id={ben.pk}"' in html
    assert f'href="/admin/audit/event/?actor={ben.pk}"' in html
    client = Client()
    client.force_login(anna)
    history = client.get(f"/admin/accounts/admin/{ben.pk}/history/")
    assert history["Location"] == f"/admin/audit/event/?subject_type=admin&subject_id={ben.pk}"


@pytest.mark.usefixtures("_history")
def test_what_an_admin_did(anna: Admin, ben: Admin, roma: RegisteredSite) -> None:
    by = section(html := page_of(anna, ben), "events-by")
    assert "Role changed : ben" in by
    assert "Registered : Trattoria Roma" in by
    assert f'href="/admin/sites/site/{roma.site_id}/change/"' in html
    assert "No activity yet." in section(html, "events-about")


def test_a_blocked_sign_in_is_on_the_page_of_its_admin(anna: Admin) -> None:
    for _ in range(10):
        login("anna", "wrong")
    about = section(page_of(anna, anna), "events-about")
    assert "Sign-in blocked by the control plane itself" in about
    assert "Too many failed attempts with this user name from this address" in about


@pytest.mark.usefixtures("_history")
def test_the_newest_twenty_in_the_same_number_of_queries(anna: Admin, ben: Admin) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            page_of(ben, anna)
        return len(captured)

    few = queries()
    for number in range(30):
        by = Actor(Event.Source.ADMIN, anna)
        change_admin(ben.pk, {"email": f"ben{number}@x.example"}, by=by, at=timezone.now())
    assert queries() == few
    assert section(page_of(ben, anna), "events-about").count("E-mail changed") == 20


def test_a_new_admin_has_no_history_yet(anna: Admin) -> None:
    client = Client()
    client.force_login(anna)
    assert "events-about" not in client.get("/admin/accounts/admin/add/").content.decode()

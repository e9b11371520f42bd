"""A stale form loses no change, neither stored nor typed, and shows what happened since it was opened."""

import threading
import time
import uuid
from collections.abc import Callable

import pytest
from django.db import connection, transaction
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Admin
from audit.actors import COMMAND
from audit.models import Event
from conftest import RegisteredSite, SignIn
from heartbeat.models import Heartbeat
from panel.sites.page.tests.site_form import OpenPage, open_page
from sites import services
from sites.models import Site, SitePulse

pytestmark = pytest.mark.any_database

STALE = "This site was changed while you had the page open. Nothing was saved yet"
CHOOSE = "Choose which value to keep."


@pytest.fixture
def page(anna: Admin, roma: RegisteredSite) -> OpenPage:
    """The page of a site, opened by anna before the test changes anything."""
    return open_page(anna, roma)


@pytest.fixture
def bens(ben: Admin, signed_in: SignIn) -> APIClient:
    return signed_in(ben)


@pytest.fixture
def others(db: None, signed_in: SignIn) -> APIClient:
    """The API as another sysadmin."""
    return signed_in(Admin.objects.create_user("carla", "carla@vendor.example", "x" * 20, role="sysadmin"))


def test_a_heartbeat_does_not_make_the_form_stale(page: OpenPage, roma: RegisteredSite) -> None:
    roma.call_home(version="2.0.0")
    page.type(name="Renamed").save()
    assert "Saved: Name." in page.text
    assert (Site.objects.get().name, SitePulse.objects.get().version) == ("Renamed", "2.0.0")
    assert Heartbeat.objects.count() == 1
    assert "online" in page.text


def test_a_lock_since_then_is_shown_and_no_change_is_lost(
    page: OpenPage, roma: RegisteredSite, bens: APIClient
) -> None:
    roma.call_home()
    assert bens.post(f"{roma.path}/lock", {"reason": "unpaid invoice 118"}).status_code == 200
    page.type(name="Renamed").save()
    assert STALE in page.text
    assert "Locked by ben (support) over the API" in page.text
    assert "“unpaid invoice 118”" in page.text
    assert page.fields["name"] == "Renamed", "what was typed stands in the form"
    assert Site.objects.get().name == "Trattoria Roma", "the first save writes nothing"
    page.save()
    stored = Site.objects.get()
    assert (stored.name, stored.is_locked, stored.lock_reason) == ("Renamed", True, "unpaid invoice 118")
    assert SitePulse.objects.get().last_seen_at is not None
    assert [event.action for event in Event.objects.newest_first()[:2]] == ["site.updated", "site.locked"]


def test_a_field_that_only_somebody_else_changed_keeps_the_stored_value(
    page: OpenPage, roma: RegisteredSite, others: APIClient
) -> None:
    others.patch(roma.path, {"owner_name": "Somebody else"})
    page.type(name="Renamed").save()
    assert "Giulia → became Somebody else" in page.text
    assert page.fields["take_owner_name"] == "stored"
    assert "take_name" not in page.fields
    page.save()
    assert Site.objects.values_list("name", "owner_name").get() == ("Renamed", "Somebody else")
    newest = Event.objects.newest_first().first()
    assert newest is not None
    assert newest.changes == {"name": ["Trattoria Roma", "Renamed"]}


def test_what_the_page_showed_can_be_put_back(page: OpenPage, roma: RegisteredSite, others: APIClient) -> None:
    others.patch(roma.path, {"owner_name": "Somebody else"})
    page.save().type(take_owner_name="mine").save()
    assert Site.objects.get().owner_name == "Giulia"


def test_a_field_changed_by_both_shows_both_values_and_asks_for_a_choice(
    page: OpenPage, roma: RegisteredSite, others: APIClient
) -> None:
    others.patch(roma.path, {"name": "Theirs"})
    page.type(name="Mine", owner_name="Paolo").save()
    assert page.fields["name"] == "Mine"
    assert "Keep the stored value Theirs Edited by carla (sysadmin) over the API" in page.text
    assert "take_name" not in page.fields
    page.save()
    assert CHOOSE in page.text
    assert Site.objects.get().name == "Theirs"
    assert page.fields["owner_name"] == "Paolo"


@pytest.mark.parametrize(("choice", "name"), [("mine", "Mine"), ("stored", "Theirs")])
def test_either_value_can_be_taken(
    page: OpenPage, roma: RegisteredSite, others: APIClient, choice: str, name: str
) -> None:
    others.patch(roma.path, {"name": "Theirs"})
    page.type(name="Mine", owner_name="Paolo").save().type(take_name=choice).save()
    assert "Saved:" in page.text
    assert Site.objects.values_list("name", "owner_name").get() == (name, "Paolo")


def test_the_same_change_by_both_is_no_conflict(page: OpenPage, roma: RegisteredSite, others: APIClient) -> None:
    others.patch(roma.path, {"name": "Same"})
    page.type(name="Same").save()
    assert STALE in page.text
    assert "take_name" not in page.html
    page.save()
    assert "There was nothing to save." in page.text


def test_a_choice_made_before_a_newer_change_does_not_count(
    page: OpenPage, roma: RegisteredSite, others: APIClient
) -> None:
    others.patch(roma.path, {"name": "Theirs"})
    page.type(name="Mine").save().type(take_name="mine")
    others.patch(roma.path, {"name": "Theirs, corrected"})
    page.save()
    assert STALE in page.text
    assert "Theirs, corrected" in page.text
    assert "take_name" not in page.fields
    assert Site.objects.get().name == "Theirs, corrected"
    page.type(take_name="mine").save()
    assert Site.objects.get().name == "Mine"


def test_a_licence_extended_since_then_stays_extended(page: OpenPage, roma: RegisteredSite, bens: APIClient) -> None:
    before = Site.objects.get().license_expires_at
    bens.post(f"{roma.path}/extend", {"days": 30})
    page.type(name="Renamed").save()
    assert STALE in page.text
    assert "Licence extended by ben (support) over the API" in page.text
    page.save()
    stored = Site.objects.get()
    assert (stored.name, (stored.license_expires_at - before).days) == ("Renamed", 30)


def test_a_site_deactivated_since_then_stays_inactive(page: OpenPage, roma: RegisteredSite, others: APIClient) -> None:
    others.patch(roma.path, {"is_active": False})
    page.type(name="Renamed").save().save()
    assert Site.objects.values_list("name", "is_active").get() == ("Renamed", False)


def test_a_stale_form_with_a_wrong_value_shows_the_changes_too(
    page: OpenPage, roma: RegisteredSite, others: APIClient
) -> None:
    others.patch(roma.path, {"contact_email": "new@roma.example"})
    page.type(contact_email="nonsense").save()
    assert STALE in page.text
    assert "Enter a valid email address." in page.text
    page.type(take_contact_email="mine").save()
    assert "Enter a valid email address." in page.text
    page.type(take_contact_email="stored").save()
    assert "There was nothing to save." in page.text
    assert Site.objects.get().contact_email == "new@roma.example"


def test_a_rotation_and_a_retired_key_since_then_are_counted_right(
    page: OpenPage, roma: RegisteredSite, api: APIClient
) -> None:
    key = api.post(f"{roma.path}/rotate-key", {"overlap_hours": 24}).data["secret_key"]
    for _ in range(2):
        assert roma.call_home(key=key).status_code == 200
    assert Event.objects.filter(action="site.key_retired").exists()
    page.type(name="Renamed").save()
    text = page.html.partition("Changes since you opened the page")[2].partition("</ol>")[0]
    assert "Key rotated" in text
    assert "Registered" not in text
    page.save()
    assert Site.objects.get().name == "Renamed"


@pytest.mark.slow
@pytest.mark.parametrize("revision", ["0", "-1", "99"])
def test_a_form_with_an_unknown_revision_overwrites_nothing_unseen(
    page: OpenPage, roma: RegisteredSite, revision: str
) -> None:
    page.type(revision=revision, name="Mine").save()
    assert STALE in page.text
    page.save()
    assert CHOOSE in page.text
    page.type(take_name="mine").save()
    assert Site.objects.get().name == "Mine"


@pytest.mark.parametrize("revision", ["", "x", "9" * 400])
def test_a_form_without_a_readable_revision_is_not_saved(page: OpenPage, revision: str) -> None:
    page.type(revision=revision, name="Mine").save()
    assert page.status == 200
    assert Site.objects.get().name == "Trattoria Roma"


def test_a_site_deregistered_since_then_is_not_saved(page: OpenPage, roma: RegisteredSite, others: APIClient) -> None:
    assert others.delete(roma.path).status_code == 204
    page.type(name="Mine").save()
    assert "The site was deregistered while you had the page open. Nothing was saved." in page.text
    assert Site.objects.get().name == "Trattoria Roma"


def test_a_failed_save_shows_the_stored_name_around_the_form(page: OpenPage) -> None:
    page.type(name="Mine", contact_email="nonsense").save()
    assert '<h1 id="page-title" data-live>Trattoria Roma</h1>' in page.html
    assert page.fields["name"] == "Mine"


on_postgresql = [
    pytest.mark.postgresql,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="needs row locks"),
    pytest.mark.django_db(transaction=True),
]


def in_thread(work: Callable[[], object]) -> threading.Thread:
    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


class TestRaces:
    pytestmark = on_postgresql

    def test_a_save_waits_for_a_running_lock_and_finds_it(self, page: OpenPage, roma: RegisteredSite) -> None:
        page.type(name="Renamed")
        with transaction.atomic():
            services.lock_site(roma.site_id, reason="unpaid", by=COMMAND, at=timezone.now())  # type: ignore[arg-type]
            saving = in_thread(page.save)
            wait_for_a_blocked_transaction()
        saving.join(20)
        assert STALE in page.text
        assert "Locked by a command" in page.text
        assert Site.objects.values_list("name", "is_locked").get() == ("Trattoria Roma", True)

    def test_of_many_saves_and_locks_at_once_none_is_lost(
        self, anna: Admin, roma: RegisteredSite, bens: APIClient
    ) -> None:
        for number in range(8):
            page = open_page(anna, roma).type(owner_name=f"Owner {number}")
            locking = in_thread(lambda number=number: bens.post(f"{roma.path}/lock", {"reason": f"r{number}"}))
            page.save()
            locking.join(20)
            stored = Site.objects.get()
            assert stored.lock_reason == f"r{number}"
            saved = "Saved: Owner." in page.text
            assert saved != (STALE in page.text)
            assert (stored.owner_name == f"Owner {number}") == saved


def wait_for_a_blocked_transaction() -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
    pytest.fail("no transaction waited for the row")


def test_tags_do_not_hide_what_somebody_else_has_edited(
    page: OpenPage, roma: RegisteredSite, anna: Admin, others: APIClient
) -> None:
    assert others.patch(roma.path, {"owner_name": "New Owner", "contact_phone": "06 999"}).status_code == 200
    services.add_tags(uuid.UUID(roma.site_id), tags=["pilot"], by=COMMAND, at=timezone.now())
    page.type(name="Renamed").save()
    assert STALE in page.text
    page.save()
    site = Site.objects.get()
    assert (site.name, site.owner_name, site.contact_phone) == ("Renamed", "New Owner", "06 999")


def test_a_page_of_the_previous_release_does_not_clear_the_phone(
    page: OpenPage, roma: RegisteredSite, others: APIClient
) -> None:
    assert others.patch(roma.path, {"contact_phone": "06 999"}).status_code == 200
    page.fields["revision"] = str(Site.objects.get().revision)
    del page.fields["contact_phone"]
    page.type(name="Renamed").save()
    site = Site.objects.get()
    assert (site.name, site.contact_phone) == ("Renamed", "06 999")

"""Locking and unlocking, through the API and as the site learns it."""

from rest_framework.test import APIClient

from audit.models import Event
from conftest import RegisteredSite
from sites.events import SiteAction
from sites.models import Site


def test_a_locked_site_is_told_so_and_why(api: APIClient, roma: RegisteredSite) -> None:
    assert roma.call_home().json()["locked"] is False
    answer = api.post(f"{roma.path}/lock", {"reason": "unpaid invoice 118"})
    assert (answer.status_code, answer.data["is_locked"], answer.data["lock_reason"]) == (
        200,
        True,
        "unpaid invoice 118",
    )
    told = roma.call_home()
    assert (told.status_code, told.json()["locked"], told.json()["lock_reason"]) == (200, True, "unpaid invoice 118")
    assert told.json()["licensed"] is True


def test_a_second_lock_with_the_same_reason_changes_nothing(api: APIClient, roma: RegisteredSite) -> None:
    first = api.post(f"{roma.path}/lock", {"reason": "unpaid"})
    second = api.post(f"{roma.path}/lock", {"reason": "unpaid"})
    assert second.data["locked_at"] == first.data["locked_at"]
    assert second.headers["ETag"] == first.headers["ETag"]
    assert Event.objects.filter(action=SiteAction.LOCKED).count() == 1


def test_a_second_lock_with_another_reason_changes_the_reason(api: APIClient, roma: RegisteredSite) -> None:
    first = api.post(f"{roma.path}/lock", {"reason": "unpaid"})
    second = api.post(f"{roma.path}/lock", {"reason": "fraud"})
    assert (second.data["lock_reason"], second.data["locked_at"]) == ("fraud", first.data["locked_at"])
    event = Event.objects.newest_first().first()
    assert event is not None
    assert (event.action, event.changes) == ("site.lock_reason_changed", {"lock_reason": ["unpaid", "fraud"]})


def test_unlocking_gives_service_back(api: APIClient, roma: RegisteredSite) -> None:
    api.post(f"{roma.path}/lock", {"reason": "unpaid"})
    answer = api.post(f"{roma.path}/unlock", {"note": "paid"})
    assert (answer.data["is_locked"], answer.data["lock_reason"], answer.data["locked_at"]) == (False, None, None)
    assert roma.call_home().json()["locked"] is False
    event = Event.objects.newest_first().first()
    assert event is not None
    assert (event.action, event.reason, event.actor_name) == ("site.unlocked", "paid", "anna")


def test_unlocking_an_open_site_changes_nothing(api: APIClient, roma: RegisteredSite) -> None:
    before = Site.objects.get().revision
    assert api.post(f"{roma.path}/unlock").status_code == 200
    assert Site.objects.get().revision == before
    assert not Event.objects.filter(action=SiteAction.UNLOCKED).exists()

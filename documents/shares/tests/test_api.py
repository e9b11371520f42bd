"""Making, listing and revoking links over the API."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.urls import set_script_prefix
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Admin
from audit.models import Event
from conftest import Clock, Register, RegisteredSite, SignIn
from documents.models import ShareLink
from documents.shares.prune import prune_share_links
from documents.shares.tests.conftest import Share

UNKNOWN = "0b6f4c1e-6d0f-4f0e-9d53-3a3c1f5d2b11"


def test_a_link_is_shown_once(api: Any, roma: RegisteredSite, clock: Clock) -> None:
    answer = api.post(f"{roma.path}/share", {"note": "for Giulia"})
    assert answer.status_code == 201
    assert set(answer.data) == {"id", "url", "expires_at"}
    assert answer.data["url"].startswith("http://testserver/s/psl_")
    assert answer.data["expires_at"] == "2026-07-01T12:00:00Z"
    listed = api.get(f"{roma.path}/shares").data
    assert listed == {
        "count": 1,
        "next": None,
        "previous": None,
        "results": [
            {
                "id": answer.data["id"],
                "note": "for Giulia",
                "created_at": "2026-06-01T12:00:00Z",
                "created_by": "anna",
                "expires_at": "2026-07-01T12:00:00Z",
                "revoked_at": None,
                "last_opened_at": None,
            }
        ],
    }


def test_the_address_is_that_of_public_url(api: Any, roma: RegisteredSite, settings: Any) -> None:
    settings.PUBLIC_URL = "https://licenses.vendor.example"
    assert api.post(f"{roma.path}/share", {}).data["url"].startswith("https://licenses.vendor.example/s/psl_")


def test_the_address_has_the_path_of_the_installation_once(
    api: Any, roma: RegisteredSite, settings: Any, request: pytest.FixtureRequest
) -> None:
    request.addfinalizer(lambda: set_script_prefix("/"))
    settings.PATH_PREFIX = "/licences"
    assert api.post(f"{roma.path}/share", {}).data["url"].startswith("http://testserver/licences/s/psl_")
    settings.PUBLIC_URL = "https://vendor.example/licences"
    assert api.post(f"{roma.path}/share", {}).data["url"].startswith("https://vendor.example/licences/s/psl_")


def test_a_retry_makes_no_second_link_and_does_not_repeat_it(api: Any, roma: RegisteredSite) -> None:
    first, second = (api.post(f"{roma.path}/share", {}, headers={"Idempotency-Key": "share-1"}) for _ in range(2))
    assert first.data["id"] == second.data["id"]
    assert (second.data["url"], second.headers["Idempotency-Replayed"]) == (None, "true")
    assert ShareLink.objects.count() == 1


@pytest.mark.parametrize("days", [0, 366, -1, "30", None, 1.5])
def test_a_link_works_for_a_day_to_a_year(days: Any, api: Any, roma: RegisteredSite) -> None:
    for allowed in (1, 365):
        assert api.post(f"{roma.path}/share", {"expires_in_days": allowed}).status_code == 201
    answer = api.post(f"{roma.path}/share", {"expires_in_days": days})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/expires_in_days")
    assert ShareLink.objects.count() == 2


@pytest.mark.parametrize("note", ["x" * 201, "two\nlines", 7, None])
def test_a_note_is_one_line_of_200_characters(note: Any, api: Any, roma: RegisteredSite) -> None:
    assert api.post(f"{roma.path}/share", {"note": "x" * 200}).status_code == 201
    answer = api.post(f"{roma.path}/share", {"note": note})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/note")


def test_links_are_listed_in_pages_the_newest_first(api: Any, roma: RegisteredSite, clock: Clock) -> None:
    for number in range(3):
        clock.move(seconds=1)
        api.post(f"{roma.path}/share", {"note": str(number)})
    page = api.get(f"{roma.path}/shares", {"page_size": 2}).data
    assert (page["count"], [link["note"] for link in page["results"]]) == (3, ["2", "1"])
    assert [link["note"] for link in api.get(page["next"]).data["results"]] == ["0"]
    assert api.get(f"{roma.path}/shares", {"page": 2}).status_code == 404
    assert api.get(f"{roma.path}/shares", {"state": "open"}).status_code == 400


def test_each_change_is_one_event_without_the_token(api: Any, roma: RegisteredSite, clock: Clock) -> None:
    made = api.post(f"{roma.path}/share", {"note": "for Giulia"}).data
    for _ in range(2):  # the second time nothing is left to revoke
        assert api.delete(f"{roma.path}/shares/{made['id']}").status_code == 204
    created, revoked = Event.objects.filter(action__startswith="site.share").order_by("sequence")
    end = "2026-07-01T12:00:00Z"
    assert (created.action, created.changes) == (
        "site.share_created",
        {"expires_at": [None, end], "note": [None, "for Giulia"]},
    )
    assert (revoked.action, revoked.changes) == (
        "site.share_revoked",
        {"expires_at": [end, None], "note": ["for Giulia", None]},
    )
    assert (created.subject_id, created.actor_name) == (roma.site_id, "anna")


def test_sharing_leaves_the_revision_of_the_site_as_it_is(api: Any, roma: RegisteredSite) -> None:
    before = api.get(roma.path).headers["ETag"]
    api.post(f"{roma.path}/share", {})
    assert api.get(roma.path).headers["ETag"] == before


def test_only_the_links_of_the_site_can_be_revoked(api: Any, roma: RegisteredSite, register: Register) -> None:
    link = api.post(f"{register(name='Bar').path}/share", {}).data
    for path in (f"{roma.path}/shares/{link['id']}", f"{roma.path}/shares/{UNKNOWN}", f"{roma.path}/shares/x"):
        answer = api.delete(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "share_link_not_found")
    assert ShareLink.objects.get().revoked_at is None


def test_a_deregistered_site_cannot_be_shared(api: Any, roma: RegisteredSite) -> None:
    link = api.post(f"{roma.path}/share", {}).data
    api.delete(roma.path)
    answers = [
        api.post(f"{roma.path}/share", {}),
        api.get(f"{roma.path}/shares"),
        api.delete(f"{roma.path}/shares/{link['id']}"),
    ]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(404, "site_not_found")}


def test_a_site_has_a_limited_number_of_usable_links(
    api: Any, roma: RegisteredSite, share: Share, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("documents.shares.services.MAX_OPEN_LINKS", 1)
    share()
    answer = api.post(f"{roma.path}/share", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_share_links")
    api.delete(f"{roma.path}/shares/{ShareLink.objects.get().pk}")
    share()


def test_an_expired_link_counts_for_nothing_and_is_not_revoked(
    api: Any, roma: RegisteredSite, share: Share, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("documents.shares.services.MAX_OPEN_LINKS", 1)
    share(expires_in_days=1)
    expired = ShareLink.objects.get()
    clock.move(days=1)
    assert api.delete(f"{roma.path}/shares/{expired.pk}").status_code == 204
    expired.refresh_from_db()
    assert expired.revoked_at is None
    assert not Event.objects.filter(action="site.share_revoked").exists()
    share()


@pytest.mark.parametrize(("name", "may"), [("anna", True), ("ben", True), ("vera", False)])
def test_support_and_sysadmins_share_and_every_role_lists(
    name: str, may: bool, api: Any, roma: RegisteredSite, signed_in: SignIn, request: pytest.FixtureRequest
) -> None:
    person: Admin = request.getfixturevalue(name)
    theirs = signed_in(person)
    link = api.post(f"{roma.path}/share", {}).data
    assert theirs.get(f"{roma.path}/shares").status_code == 200
    assert theirs.post(f"{roma.path}/share", {}).status_code == (201 if may else 403)
    assert theirs.delete(f"{roma.path}/shares/{link['id']}").status_code == (204 if may else 403)


def test_nobody_lists_links_without_signing_in(roma: RegisteredSite) -> None:
    assert APIClient().get(f"{roma.path}/shares").status_code == 401
    assert APIClient().post(f"{roma.path}/share", {}).status_code == 401


def test_links_are_deleted_90_days_after_their_end(api: Any, roma: RegisteredSite, share: Share, clock: Clock) -> None:
    share(note="revoked", expires_in_days=365)
    api.delete(f"{roma.path}/shares/{ShareLink.objects.get().pk}")
    share(note="expired", expires_in_days=1)
    share(note="open", expires_in_days=365)
    clock.move(days=90)
    assert prune_share_links(at=timezone.now()) == {"share_links": 0}
    clock.move(seconds=1)
    assert prune_share_links(at=timezone.now()) == {"share_links": 1}
    clock.move(days=1)
    assert prune_share_links(at=timezone.now()) == {"share_links": 1}
    assert ShareLink.objects.get().note == "open"


@pytest.mark.parametrize("broken", [{"digest": "short"}, {"expires_at": "created"}])
def test_the_database_refuses_a_broken_link(broken: dict[str, Any], share: Share) -> None:
    share()
    link = ShareLink.objects.get()
    if "expires_at" in broken:
        broken = {"expires_at": link.created_at}
    with pytest.raises(IntegrityError, match="sharelink_"), transaction.atomic():
        ShareLink.objects.filter(pk=link.pk).update(**broken)
